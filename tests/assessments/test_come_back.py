"""Back after arrears: what was missed is paid first, and the days between are not covered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assessments import actions, books
from assessments.models import Arrears, Period
from assessments.states import Stage
from members import actions as member_actions
from members.models import Mandate, Membership, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make
from tests.assessments.conftest import Obedient

pytestmark = pytest.mark.django_db


def debtor(provider: Obedient) -> Membership:
    """Somebody whose membership ended because a share was not paid."""
    period = make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    owes = Membership.objects.on_roster(period.plan, period.roster_at).latest("pk")
    provider.failing = {owes.pk}
    collect(period)
    provider.failing = set()
    owes.refresh_from_db()
    assert owes.end_reason == "arrears"
    return owes


def collect(period: Period) -> None:
    actions.debit_due(at=clock.now())
    for _day in range(period.plan.rules.get().debit_days):
        clock.move_to(clock.now() + timedelta(days=1), frozen=True)
        actions.debit_due(at=clock.now())


def test_who_pays_what_was_missed_goes_on_without_a_new_wait(provider: Obedient) -> None:
    ended = debtor(provider)

    made = actions.come_back(membership_id=ended.pk, by=ended.payer, at=clock.now())

    assert made.continues == ended
    assert made.covered_from == clock.today()
    assert made.joined_at == clock.now()
    assert not Arrears.objects.filter(membership=ended, paid_at__isnull=True).exists()
    assert Notice.objects.filter(account=ended.payer, code="reinstated").exists()
    assert all(proof.holds for proof in books.check())


def test_a_debit_that_fails_again_books_nothing(provider: Obedient) -> None:
    ended = debtor(provider)
    provider.failing = {ended.pk}

    with pytest.raises(NotNow):
        actions.come_back(membership_id=ended.pk, by=ended.payer, at=clock.now())

    assert Arrears.objects.get(membership=ended).paid_at is None
    assert not Membership.objects.open().filter(member=ended.member).exists()


def test_the_window_closes(provider: Obedient) -> None:
    ended = debtor(provider)
    last_day = member_actions.can_reinstate_until(ended)
    assert last_day is not None
    clock.move_to(clock.midnight(last_day + timedelta(days=1)), frozen=True)

    with pytest.raises(NotNow):
        actions.come_back(membership_id=ended.pk, by=ended.payer, at=clock.now())


def test_one_comes_back_once(provider: Obedient) -> None:
    ended = debtor(provider)
    actions.come_back(membership_id=ended.pk, by=ended.payer, at=clock.now())

    with pytest.raises(NotNow):
        actions.come_back(membership_id=ended.pk, by=ended.payer, at=clock.now())


def test_nobody_comes_back_for_another_family(provider: Obedient) -> None:
    ended = debtor(provider)

    with pytest.raises(Forbidden):
        actions.come_back(membership_id=ended.pk, by=make.account(), at=clock.now())


def test_without_a_payment_agreement_nobody_is_asked_and_the_share_stays_open(
    provider: Obedient,
) -> None:
    period = make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    owes = Membership.objects.on_roster(period.plan, period.roster_at).latest("pk")
    mandate = Mandate.objects.get(account=owes.payer)
    member_actions.revoke_mandate(mandate_id=mandate.pk, by=owes.payer, at=clock.now())

    actions.debit_due(at=clock.now())

    arrears = Arrears.objects.get()
    assert (arrears.membership, arrears.reason) == (owes, "no_mandate")
    assert owes.pk not in {row[0] for rows in provider.asked_rows for row in rows}
    assert all(proof.holds for proof in books.check())
