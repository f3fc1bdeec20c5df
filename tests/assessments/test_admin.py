"""Closing a period and paying out, on the pages of finance."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assessments import actions
from assessments.models import Payout, Period
from assessments.states import PayoutState, Stage
from members.models import Membership
from mutualaid import clock
from mutualaid.money import yuan
from portal.admin import numbers_of
from tests import make

pytestmark = pytest.mark.django_db


def closing(period: Period) -> str:
    return reverse("admin:assessments_period_closing", args=[period.pk])


def finance() -> Client:
    return make.desk_client(make.staff("finance"))


def due(**world: Any) -> Period:
    """A disclosed period at the instant from which it may be split."""
    period = make.period(Stage.DISCLOSED, **world)
    assert period.split_from is not None
    clock.move_to(period.split_from, frozen=True)
    return period


def start(client: Client, period: Period, **changed: str) -> Any:
    """Type what a careful person types: tick all, copy the total."""
    numbers = numbers_of(period)
    assert numbers is not None
    form = client.get(closing(period)).context["form"]
    ticks = {name: "on" for name in form.fields if name.startswith("seen_")}
    typed = {"total": yuan(numbers.charged_fen), "digest": numbers.digest}
    return client.post(closing(period), {**ticks, **typed, **changed})


def test_the_split_starts_with_the_right_total_of_these_very_numbers() -> None:
    period, client = due(members=7), finance()

    statuses = [
        start(client, period, total="0.01").status_code,
        start(client, period, total="abc").status_code,
        start(client, period, digest="0" * 64).status_code,
        start(client, period, seen_rise="").status_code,
    ]
    period.refresh_from_db()
    before = period.stage
    done = start(client, period)

    period.refresh_from_db()
    assert statuses == [200] * 4
    assert (before, done.status_code, period.stage) == (Stage.DISCLOSED, 302, Stage.SPLIT)


def test_the_trial_run_says_what_the_split_charges() -> None:
    period = due(members=7)
    trial = numbers_of(period)

    start(finance(), period)

    period.refresh_from_db()
    assert trial is not None
    assert trial.left_fen == trial.right_fen
    assert (trial.charged_fen, trial.quote.share_fen) == (period.charged_fen, period.share_fen)


def test_before_the_seven_days_are_over_there_is_nothing_to_press() -> None:
    period = make.period(Stage.DISCLOSED)
    client = finance()

    seen = client.get(closing(period))
    start(client, period)

    period.refresh_from_db()
    assert [check.code for check in seen.context["blocked"]] == ["days"]
    assert period.stage == Stage.DISCLOSED


def test_who_may_look_and_not_close_sees_why_and_cannot_post() -> None:
    period, person = due(), make.staff("finance")
    group = person.groups.get()
    group.permissions.remove(group.permissions.get(codename="close_period"))
    client = make.desk_client(person)

    seen = client.get(closing(period))
    posted = start(client, period)

    period.refresh_from_db()
    assert str(seen.context["closed"]) in seen.content.decode()
    assert (posted.status_code, period.stage) == (403, Stage.DISCLOSED)


def test_a_reviewer_does_not_see_the_money() -> None:
    period = due()
    client = make.desk_client(make.staff("reviewer"))

    pages = [closing(period), reverse("admin:assessments_period_shares", args=[period.pk])]

    assert [client.get(page).status_code for page in pages] == [403, 403]


@pytest.mark.parametrize("stage", [Stage.OPEN, Stage.LOCKED, Stage.SPLIT, Stage.COLLECTED])
def test_the_page_opens_at_every_stage(stage: Stage) -> None:
    period = make.period(stage)

    answer = finance().get(closing(period))

    assert answer.status_code == 200
    assert ("form" in answer.context) == (stage == Stage.LOCKED)


def test_the_progress_ends_the_asking_once_it_is_split() -> None:
    period = make.period(Stage.SPLIT)

    answer = finance().get(reverse("admin:assessments_period_progress", args=[period.pk]))

    assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")


def test_shares_are_paged_by_membership_and_found_by_number() -> None:
    period = make.period(Stage.SPLIT, members=4, benefit_fen=30_000)
    url = reverse("admin:assessments_period_shares", args=[period.pk])
    last = Membership.objects.order_by("-pk")[0]
    client = finance()

    everybody = client.get(url).context["rows"]
    one = client.get(url, {"q": last.number}).context["rows"]
    nobody = client.get(url, {"q": "M999999999"}).context["rows"]
    after = client.get(url, {"after": str(last.pk - 1)}).context["rows"]

    assert len(everybody) == period.members
    assert one == after == [(last.number, period.share_fen)]
    assert nobody == []


# --- payouts


def payouts(client: Client) -> Any:
    return client.get(reverse("admin:assessments_payout_changelist"))


def test_a_payout_takes_two_people() -> None:
    case = make.period(Stage.SPLIT).cases.get()
    make.payee(case.claim)
    one, two = finance(), finance()
    prepare = reverse("admin:assessments_payout_prepare", args=[case.claim_id])

    one.post(prepare)
    payout = Payout.objects.get()
    release = reverse("admin:assessments_payout_release", args=[payout.pk])
    seen = payouts(one)
    refused = one.post(release, follow=True)
    state = Payout.objects.get().state
    two.post(release)

    why = seen.context["to_release"][0]["closed"]
    assert why in seen.content.decode()
    assert why in refused.content.decode()
    assert state == PayoutState.PREPARED
    assert Payout.objects.get().state == PayoutState.RELEASED


def test_without_a_confirmed_account_nothing_is_prepared() -> None:
    case = make.period(Stage.SPLIT).cases.get()
    client = finance()

    seen = payouts(client)
    client.post(reverse("admin:assessments_payout_prepare", args=[case.claim_id]))

    assert seen.context["to_prepare"][0]["closed"] in seen.content.decode()
    assert not Payout.objects.exists()


def test_a_payout_is_prepared_by_post_only() -> None:
    case = make.period(Stage.SPLIT).cases.get()

    answer = finance().get(reverse("admin:assessments_payout_prepare", args=[case.claim_id]))

    assert answer.status_code == 405


def test_neither_name_nor_number_of_the_payee_stands_on_the_page() -> None:
    payout = make.payout()

    page = payouts(finance()).content.decode()

    assert payout.payee.account_tail in page
    assert payout.payee.holder not in page
    assert not re.search(r"\d{12}", page)


def test_a_reviewer_releases_nothing() -> None:
    payout = make.payout()

    make.desk_client(make.staff("reviewer")).post(
        reverse("admin:assessments_payout_release", args=[payout.pk])
    )

    payout.refresh_from_db()
    assert payout.state == PayoutState.PREPARED


def test_the_books_are_shown_leg_by_leg() -> None:
    period = make.period(Stage.SPLIT)
    actions.debit_due(at=clock.now())
    entry = period.journal.get(kind="split")

    page = finance().get(reverse("admin:assessments_journalentry_change", args=[entry.pk]))

    amounts = {yuan(leg.amount_fen) for leg in entry.postings.all()}
    assert all(amount in page.content.decode() for amount in amounts)


def test_a_run_that_was_killed_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    period = due()

    def killed(**_what: object) -> int:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr("assessments.bulk.write_shares", killed)
        with pytest.raises(InterruptedError):
            actions.split(period_id=period.pk, by=None, at=clock.now())
    client, url = finance(), reverse("admin:assessments_period_progress", args=[period.pk])

    page, during = client.get(closing(period)), client.get(url)
    actions.split_due(at=clock.now())
    after = client.get(url)

    assert f'hx-get="{url}"' in page.content.decode()
    assert (during.status_code, during.context["percent"]) == (200, 0)
    assert (after.status_code, after.context["percent"]) == (286, 100)
