"""The public pages: summary first, everything by key, nothing that was not published."""

from __future__ import annotations

import pytest
from django.test import Client

from assessments import actions as assessments
from assessments.models import JournalEntry
from assessments.states import PayoutState, Stage
from disclosures import actions, search, views
from disclosures.models import Objection
from mutualaid import clock
from mutualaid.money import yuan
from tests import make

pytestmark = pytest.mark.django_db


def read(client: Client, address: str) -> str:
    answer = client.get(address, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_with_nothing_published_the_pages_say_when_something_will_be(client: Client) -> None:
    for address in ("/periods/", "/money/"):
        assert "7 December 2021" in read(client, address)


def test_a_period_that_is_only_locked_is_not_shown(client: Client) -> None:
    period = make.period(Stage.LOCKED)

    assert client.get(f"/periods/critical/{period.number}/").status_code == 404
    assert client.get(f"/cases/{period.cases.get().code}/").status_code == 404


def test_the_period_page_shows_the_sum_and_the_days_left(client: Client) -> None:
    disclosure = make.disclosure(cases=2, members=7)

    page = read(client, f"/periods/critical/{disclosure.period.number}/")

    assert f"Each member shares {yuan(disclosure.content['figures']['share_fen'])} yuan" in page
    assert "7 days left to object" in page
    assert disclosure.sha256 in page


def test_an_earlier_version_stays_readable_and_says_that_it_is_one(client: Client) -> None:
    first = make.disclosure(cases=2)
    case = first.period.cases.order_by("code")[0]
    assessments.set_aside(case_id=case.pk, why="…", by=make.staff("finance"), at=clock.now())
    actions.publish_due(at=clock.now())
    address = f"/periods/critical/{first.period.number}/"

    newest, oldest = read(client, address), read(client, f"{address}?version=1")

    assert "Version 2" in newest
    assert "This is an earlier version" not in newest
    assert "This is an earlier version" in oldest
    assert first.sha256 in oldest


def test_cases_are_paged_by_key_and_each_stands_on_one_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "CASES_A_PAGE", 2)
    disclosure = make.disclosure(cases=3, members=3)
    codes = [case["code"] for case in disclosure.content["cases"]]
    address = f"/periods/critical/{disclosure.period.number}/"

    first, second = read(client, address), read(client, f"{address}?after={codes[1]}")

    assert [f"/cases/{code}/" in first for code in codes] == [True, True, False]
    assert [f"/cases/{code}/" in second for code in codes] == [False, False, True]
    assert f"after={codes[1]}" in first


def test_after_the_split_the_page_shows_what_was_split(client: Client) -> None:
    disclosure = make.disclosure(members=7)
    clock.move_to(disclosure.period.split_at, frozen=True)
    assessments.split_due(at=clock.now())

    page = read(client, f"/periods/critical/{disclosure.period.number}/")

    assert "These are the figures of the split" in page
    assert "left to object" not in page


def test_a_case_page_is_kept_from_search_engines(client: Client) -> None:
    code = make.disclosure().period.cases.get().code

    answer = client.get(f"/cases/{code}/")

    assert answer["X-Robots-Tag"] == "noindex, noarchive"
    assert '<meta name="robots" content="noindex, noarchive">' in answer.content.decode()


def test_a_case_that_was_set_aside_says_so_and_stays(client: Client) -> None:
    case = make.disclosure(cases=2).period.cases.order_by("code")[0]
    assessments.set_aside(case_id=case.pk, why="…", by=make.staff("finance"), at=clock.now())
    actions.publish_due(at=clock.now())

    page = read(client, f"/cases/{case.code}/")

    assert "Set aside on" in page
    assert "I object" not in page


GROUNDS = "这一例和去年的一例写得一模一样，请再查一遍。"


def test_a_member_writes_checks_and_sends_an_objection(client: Client) -> None:
    code = make.disclosure().period.cases.get().code
    by = make.guardian(make.membership().member)
    client.force_login(by)
    address = f"/cases/{code}/object/"

    form = client.get(address)
    check = client.post(address, {"grounds": GROUNDS})
    before = Objection.objects.count()
    sent = client.post(address, {"grounds": GROUNDS, "confirm": "1"}, follow=True)

    assert form.status_code == check.status_code == 200
    assert before == 0
    objection = Objection.objects.get()
    assert (objection.by, objection.grounds) == (by, GROUNDS)
    assert sent.redirect_chain == [(f"/objections/{objection.pk}/", 302)]
    assert GROUNDS in sent.content.decode()


def test_what_was_written_can_be_changed_before_it_is_sent(client: Client) -> None:
    code = make.disclosure().period.cases.get().code
    client.force_login(make.guardian(make.membership().member))

    answer = client.post(f"/cases/{code}/object/", {"grounds": GROUNDS, "change": "1"})

    assert GROUNDS in answer.content.decode()
    assert not Objection.objects.exists()


def test_a_refusal_stands_beside_the_field(client: Client) -> None:
    code = make.disclosure().period.cases.get().code
    client.force_login(make.guardian(make.membership().member))

    answer = client.post(
        f"/cases/{code}/object/",
        {"grounds": "不对", "confirm": "1"},
        headers={"Accept-Language": "en"},
    )

    assert answer.status_code == 400
    assert "Say in at least 10 characters" in answer.content.decode()


def test_only_members_of_the_plan_reach_the_form(client: Client) -> None:
    code = make.disclosure().period.cases.get().code

    anonymous = client.get(f"/cases/{code}/object/")
    client.force_login(make.account())
    stranger = client.get(f"/cases/{code}/object/")

    assert anonymous.status_code == 302
    assert stranger.status_code == 403


def test_nobody_reads_the_objection_of_another(client: Client) -> None:
    case = make.disclosure().period.cases.get()
    objection = actions.object_to(
        case_id=case.pk,
        grounds=GROUNDS,
        by=make.guardian(make.membership().member),
        at=clock.now(),
    )
    client.force_login(make.guardian(make.membership().member))

    assert client.get(f"/objections/{objection.pk}/").status_code == 404


# --- where the money goes


def a_paid_period() -> str:
    """A period that is published, split, debited and paid out; returns its case's code."""
    disclosure = make.disclosure(members=5)
    clock.move_to(disclosure.period.split_at, frozen=True)
    assessments.split_due(at=clock.now())
    assessments.debit_due(at=clock.now())
    case = disclosure.period.cases.get()
    make.payout(PayoutState.PAID, case=case)
    return case.code


def test_every_entry_of_the_books_leads_to_its_proof(client: Client) -> None:
    code = a_paid_period()

    page = read(client, "/money/")

    entries = JournalEntry.objects.all()
    assert {entry.kind for entry in entries} >= {"split", "debit"}
    for entry in entries:
        assert f"/money/{entry.pk}/" in page
        assert "Account" in read(client, f"/money/{entry.pk}/")
    payout = JournalEntry.objects.filter(kind="payout").first()
    if payout:
        assert f"/cases/{code}/" in page
        assert f"/cases/{code}/" in read(client, f"/money/{payout.pk}/")


def test_money_is_found_by_period_by_case_and_by_kind(client: Client) -> None:
    code = a_paid_period()
    number = code.split("-")[0]

    by_period = read(client, f"/money/?q=第 {number} 期")
    by_case = read(client, f"/money/?q={code}")
    by_kind = read(client, "/money/?kind=split")
    nothing = read(client, "/money/?q=999")

    assert "The books of period" in by_period
    assert f"/cases/{code}/" in by_case
    split = JournalEntry.objects.get(kind="split")
    debit = JournalEntry.objects.filter(kind="debit").first()
    assert f"/money/{split.pk}/" in by_kind
    assert debit
    assert f"/money/{debit.pk}/" not in by_kind
    assert "Nothing found" in nothing


def test_money_is_paged_by_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 1)
    a_paid_period()
    newest = JournalEntry.objects.latest("pk")

    first = read(client, "/money/")
    second = read(client, f"/money/?before={newest.pk}")

    assert f"before={newest.pk}" in first
    assert f'href="/money/{newest.pk}/"' in first
    assert f'href="/money/{newest.pk}/"' not in second


@pytest.mark.parametrize("query", ["before=x", "before=²", "kind=nonsense", "q=%00", "after=x"])
def test_an_address_without_meaning_is_not_an_error(client: Client, query: str) -> None:
    disclosure = make.disclosure()

    for address in ("/money/", "/periods/", f"/periods/critical/{disclosure.period.number}/"):
        assert client.get(f"{address}?{query}").status_code == 200
