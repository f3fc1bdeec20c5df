"""我的: cover in words, family, inbox, leaving."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from members import actions
from members.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def signed_in(account: Account, language: str = "en") -> Client:
    client = Client()
    client.force_login(account)
    client.cookies["django_language"] = language
    return client


def my_page(account: Account, query: str = "") -> str:
    response = signed_in(account).get(reverse("portal:me") + query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", ["me", "inbox", "family_add"])
def test_a_members_page_opens_in_both_languages(name: str, language: str) -> None:
    membership = make.membership()

    response = signed_in(membership.payer, language).get(reverse(f"portal:{name}"))

    assert response.status_code == 200


def test_a_new_account_is_asked_to_add_a_person() -> None:
    assert reverse("portal:family_add") in my_page(make.account())


def test_a_member_is_covered_after_the_waiting_period() -> None:
    page = my_page(make.membership().payer)

    assert "Covered" in page
    assert "300,000.00 yuan (age 36)" in page
    assert "30 August 2021" in page


def test_a_new_member_waits() -> None:
    assert "In the waiting period" in my_page(make.membership(joined=make.NOON).payer)


def test_who_has_not_joined_is_asked_to() -> None:
    make.plan()

    page = my_page(make.guardian(make.member()))

    assert "For you to do" in page
    assert reverse("portal:join") in page


def test_the_family_is_listed_and_one_can_act_for_each() -> None:
    membership = make.membership()
    child = make.member(membership.payer, "林小宝", date(2015, 1, 1), "child")

    page = my_page(membership.payer)
    acting = my_page(membership.payer, f"?as={child.pk}")

    assert f"?as={child.pk}" in page
    assert "You are acting for <strong>林小宝</strong>" in acting
    assert "acting for 林小宝" in acting.split("</title>")[0]


def test_acting_is_remembered_until_one_goes_back() -> None:
    membership = make.membership()
    child = make.member(membership.payer, "林小宝", date(2015, 1, 1), "child")
    client, url = signed_in(membership.payer), reverse("portal:me")

    client.get(f"{url}?as={child.pk}")
    kept = client.get(url).content.decode()
    back = client.get(f"{url}?as=self").content.decode()

    assert "You are acting for" in kept
    assert "You are acting for" not in back


def test_leaving_by_the_page_asks_first_and_then_confirms() -> None:
    membership = make.membership()
    client = signed_in(membership.payer)
    url = reverse("portal:leave", args=[membership.number])

    asked = client.get(url).content.decode()
    membership.refresh_from_db()
    still_open = membership.ended_at is None
    done = client.post(url, follow=True).content.decode()

    assert "waits 90 days again" in asked
    assert still_open
    kept = client.post(reverse("portal:keep", args=[membership.number]), follow=True)
    assert "leaves on 4 December 2021" in done
    assert membership.number in done
    membership.refresh_from_db()
    assert (membership.leaving_at, kept.status_code) == (None, 200)


def test_a_stranger_cannot_leave_for_a_member() -> None:
    membership = make.membership()
    client = signed_in(make.account())

    response = client.post(reverse("portal:leave", args=[membership.number]))

    assert response.status_code == 404
    membership.refresh_from_db()
    assert membership.ended_at is None


def test_the_inbox_shows_own_notices_and_none_of_others() -> None:
    membership = make.membership(name="林秀梅")
    make.membership(name="陈桂香")

    page = signed_in(membership.payer).get(reverse("portal:inbox")).content.decode()

    assert "林** has joined" in page
    assert "陈" not in page


def test_a_long_inbox_goes_on_by_key() -> None:
    membership = make.membership()
    client = signed_in(membership.payer)
    for _number in range(25):
        actions.notify(
            code="joined",
            facts={
                "name": "林**",
                "number": "M1",
                "joined_on": "2021-12-01",
                "covered_on": "2022-03-01",
            },
            at=make.NOON,
            account_id=membership.payer_id,
        )

    first = client.get(reverse("portal:inbox"))
    second = client.get(first.context["next"])

    assert len(first.context["notices"]) == 20
    assert len(second.context["notices"]) == 6
    assert second.context["next"] == ""


def test_the_share_of_the_period_is_shown_before_it_is_debited() -> None:
    plan = make.plan()
    membership = make.membership(plan)
    make.disclosure(plan=plan, members=3, cases=1, benefit_fen=100_00)

    page = my_page(membership.payer)

    assert "36.00 yuan" in page
    assert "It will be debited on" in page


def test_above_the_cap_of_the_year_the_operator_bears_the_rest() -> None:
    plan = make.plan(annual_cap_fen=2_000)
    membership = make.membership(plan)
    make.disclosure(plan=plan, members=3, cases=1, benefit_fen=100_00)

    page = my_page(membership.payer)

    assert "20.00 yuan" in page
    assert "The others pay 36.00 yuan" in page


def test_a_claim_of_the_family_that_waits_for_them_is_to_do() -> None:
    membership = make.membership()
    mother = make.membership(
        membership.plan,
        member=make.member(membership.payer, "陈桂香", date(1965, 4, 4), "parent"),
    )
    claim = make.claim(membership=mother)

    page = my_page(membership.payer)

    assert f"{reverse('claims:detail', args=[claim.number])}?as={mother.member_id}" in page
    assert "Your turn" in page
