"""A family's shares and why each is what it is; nobody else's."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client

from assessments import actions, why
from assessments.models import Period, Share
from assessments.states import Stage
from members.models import Account, Membership
from mutualaid import clock
from tests import make
from tests.assessments.conftest import Obedient

pytestmark = pytest.mark.django_db


def reader(client: Client, membership: Membership) -> Account:
    """The membership's payer, signed in, reading English."""
    client.cookies["django_language"] = "en"
    client.force_login(membership.payer)
    return membership.payer


def page(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address, headers={"accept-language": "en"})
    assert response.status_code == status, response.content.decode()[:500]
    return response.content.decode()


def someone() -> Membership:
    return Membership.objects.open().earliest("pk")


def test_the_page_shows_the_sum_with_its_numbers(client: Client) -> None:
    plan = make.plan(annual_cap_fen=None)
    period = make.period(Stage.SPLIT, plan=plan, members=7, benefit_fen=100_00, cases=2)
    membership = someone()
    reader(client, membership)

    text = page(client, f"/shares/{period.number}/{membership.pk}/")

    # 200.00 + 16.00 = 216.00; by 7 is 30.857142…; 30.86 each; 216.02 come in, 0.02 are over.
    for figure in ("200.00", "16.00", "216.00", "30.857142…", "30.86", "216.02", "0.02"):
        assert figure in text, figure
    assert membership.number in text
    assert "2 members helped" in text


def test_before_the_split_the_page_says_what_is_expected(client: Client) -> None:
    period = make.period(Stage.DISCLOSED, members=3, benefit_fen=100_00)
    membership = someone()
    reader(client, membership)

    text = page(client, f"/shares/1/{membership.pk}/")

    assert "36.00" in text
    assert "expected" in text
    clock.move_to(period.split_at, frozen=True)
    actions.split_due(at=clock.now())
    assert Share.objects.get(membership_id=membership.pk).amount_fen == 36_00


def test_the_second_period_says_why_it_is_another_amount(client: Client) -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=None)
    make.period(Stage.COLLECTED, plan=plan, members=3, benefit_fen=100)
    second = make.period(Stage.SPLIT, plan=plan, members=4, benefit_fen=100)
    reader(client, someone())

    change = why.change(second, why.sum_of(second))

    assert change is not None
    assert (change.before_fen, change.cost_fen, change.members_fen) == (34, 0, -8)
    assert (second.share_fen, change.rest_fen) == (25, -1)
    text = page(client, f"/shares/2/{someone().pk}/")
    assert "3 before, 4 now" in text
    assert text.count('rx="2" fill="currentColor"') == 2


def test_who_reaches_the_cap_of_the_year_reads_why(client: Client) -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=20)
    period = make.period(Stage.SPLIT, plan=plan, members=3, benefit_fen=100)
    reader(client, someone())

    text = page(client, f"/shares/{period.number}/{someone().pk}/")

    assert "Not above the cap of the year" in text
    assert "0.60" in text, "three times 0.20 came in"
    assert "0.42" in text, "and the operator bore the rest"


def test_nobody_sees_the_share_of_another_family(client: Client) -> None:
    make.period(Stage.SPLIT, members=3)
    one, other = Membership.objects.open().order_by("pk")
    reader(client, other)

    page(client, f"/shares/1/{one.pk}/", status=404)
    page(client, f"/shares/2/{other.pk}/", status=404)
    page(client, f"/shares/1/{10**9}/", status=404)
    assert one.number not in page(client, "/shares/")


def test_without_login_there_is_nothing_to_see(client: Client) -> None:
    assert client.get("/shares/").status_code == 302
    assert client.get("/shares/1/1/").status_code == 302


def test_a_period_not_yet_laid_open_is_not_shown(client: Client) -> None:
    make.period(Stage.LOCKED, members=3)
    reader(client, someone())

    page(client, f"/shares/1/{someone().pk}/", status=404)


def test_the_list_adds_up_the_family_and_the_year(client: Client) -> None:
    plan = make.plan(annual_cap_fen=None)
    payer = make.account()
    make.membership(plan, member=make.member(payer))
    child = make.membership(
        plan, member=make.member(payer, name="林小宝", born=date(2015, 1, 1), relation="child")
    )
    make.period(Stage.COLLECTED, plan=plan, members=3, benefit_fen=100_00)  # 36.00 each
    reader(client, child)

    text = page(client, "/shares/")

    assert "72.00" in text
    assert text.count("36.00") == 2
    assert "林**" in text
    clock.move_to(clock.now() + timedelta(days=90), frozen=True)
    assert "Nothing was shared in 2022" in page(client, "/shares/")
    assert "72.00" in page(client, "/shares/?year=2021")
    page(client, "/shares/?year=²")


def test_the_list_says_what_came_of_the_debit(client: Client, provider: Obedient) -> None:
    make.period(Stage.SPLIT, members=3)
    debtor = someone()
    reader(client, debtor)
    assert "to be debited" in page(client, "/shares/")

    provider.failing = {debtor.pk}
    actions.debit_due(at=clock.now())
    assert "debit failed" in page(client, "/shares/")

    provider.failing = set()
    clock.move_to(clock.now() + timedelta(days=1), frozen=True)
    actions.debit_due(at=clock.now())
    assert "debit failed" not in page(client, "/shares/")
    assert Period.objects.get().stage == Stage.COLLECTED
