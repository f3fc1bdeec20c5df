"""Payouts: two people, one payee, one amount, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pgtrigger
import pytest
from django.db import connection
from django.db.utils import IntegrityError

from assessments import actions, books
from assessments.models import Arrears, JournalEntry, Payout, PeriodCase
from assessments.providers import Outcome
from assessments.states import PayoutState, Stage
from claims.models import Payee
from members.models import HouseholdLink, Membership, Notice, Rules
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make
from tests.assessments.conftest import Obedient

pytestmark = pytest.mark.django_db


def send() -> Payout:
    actions.send_payouts_due(at=clock.now())
    return Payout.objects.get()


def test_prepared_released_by_another_and_paid_once(provider: Obedient) -> None:
    payout = make.payout(PayoutState.RELEASED)

    paid = send()
    send()

    assert (paid.state, paid.paid_at) == (PayoutState.PAID, clock.now())
    assert provider.paid == [(payout.provider_key, 300_000_00)]
    assert books.balance("benefits_payable") == 0
    assert books.balance("bank") == -300_000_00
    assert Notice.objects.filter(code="payout_paid", account=paid.claim.filed_by).exists()
    assert all(result.holds for result in books.check())


def test_who_prepared_it_does_not_release_it() -> None:
    payout = make.payout()

    with pytest.raises(Forbidden):
        actions.release_payout(payout_id=payout.pk, by=payout.prepared_by, at=clock.now())
    with pytest.raises(IntegrityError, match="payout_released_by_another"):
        Payout.objects.update(released_by=payout.prepared_by, released_at=clock.now())


@pytest.mark.parametrize("role", ["adjuster", "reviewer", "data_officer"])
def test_only_finance_prepares_and_releases(role: str) -> None:
    payout = make.payout()
    other = make.staff(role)

    with pytest.raises(Forbidden):
        actions.release_payout(payout_id=payout.pk, by=other, at=clock.now())
    with pytest.raises(Forbidden):
        actions.prepare_payout(claim_id=payout.claim_id, by=other, at=clock.now())


def test_nothing_is_prepared_before_the_split() -> None:
    case = make.period(Stage.DISCLOSED).cases.get()
    make.payee(case.claim)

    with pytest.raises(NotNow):
        actions.prepare_payout(claim_id=case.claim_id, by=make.staff("finance"), at=clock.now())

    assert actions.payable_claims() == []


def test_nothing_is_prepared_before_the_claimant_has_confirmed_the_account() -> None:
    case = make.period(Stage.SPLIT).cases.get()

    with pytest.raises(NotNow):
        actions.prepare_payout(claim_id=case.claim_id, by=make.staff("finance"), at=clock.now())

    assert actions.payable_claims() == []
    make.payee(case.claim)
    assert actions.payable_claims() == [case.claim_id]


def test_a_second_payout_of_a_claim_is_refused() -> None:
    payout = make.payout()

    with pytest.raises(NotNow):
        actions.prepare_payout(claim_id=payout.claim_id, by=make.staff("finance"), at=clock.now())

    assert actions.payable_claims() == []


def test_an_account_that_changed_since_is_not_paid_until_prepared_anew() -> None:
    payout = make.payout()
    Payee.objects.update(account_hash=b"another")

    with pytest.raises(NotNow):
        actions.release_payout(payout_id=payout.pk, by=make.staff("finance"), at=clock.now())
    again = actions.prepare_payout(
        claim_id=payout.claim_id, by=make.staff("finance"), at=clock.now()
    )
    released = actions.release_payout(payout_id=again.pk, by=make.staff("finance"), at=clock.now())

    assert (released.pk, released.state) == (payout.pk, PayoutState.RELEASED)
    assert bytes(released.bound) != bytes(payout.bound)


def test_an_account_that_changed_after_the_release_is_not_paid(provider: Obedient) -> None:
    make.payout(PayoutState.RELEASED)
    Payee.objects.update(account_hash=b"another")

    assert send().state == PayoutState.RELEASED
    assert provider.paid == []


def test_an_unknown_outcome_is_asked_about_and_never_sent_again(provider: Obedient) -> None:
    payout = make.payout(PayoutState.RELEASED)
    provider.answers = [Outcome.UNKNOWN]

    assert send().state == PayoutState.SENT
    assert send().state == PayoutState.SENT
    provider.told[payout.provider_key] = Outcome.PAID
    assert send().state == PayoutState.PAID

    assert len(provider.paid) == 1
    assert JournalEntry.objects.filter(kind="payout").count() == 1


def test_killed_before_the_provider_heard_of_it_the_same_key_is_sent(provider: Obedient) -> None:
    payout = make.payout(PayoutState.RELEASED)
    actions._mark_sent(payout_id=payout.pk)  # and then the process dies
    provider.told[payout.provider_key] = Outcome.NEVER_SEEN

    assert send().state == PayoutState.PAID

    assert [key for key, _fen in provider.paid] == [payout.provider_key]


def test_a_refused_transfer_is_prepared_and_released_anew(provider: Obedient) -> None:
    first = make.payout(PayoutState.RELEASED)
    provider.answers = [Outcome.FAILED]
    failed = send()
    assert (failed.state, failed.provider_code) == (PayoutState.FAILED, "refused")

    again = actions.prepare_payout(
        claim_id=first.claim_id, by=make.staff("finance"), at=clock.now()
    )
    assert (again.state, again.released_by) == (PayoutState.PREPARED, None)
    actions.release_payout(payout_id=again.pk, by=make.staff("finance"), at=clock.now())

    assert send().state == PayoutState.PAID
    keys = [key for key, _fen in provider.paid]
    assert len(set(keys)) == 2
    assert JournalEntry.objects.filter(kind="payout").count() == 1


def test_at_the_limit_of_the_advances_payouts_stop_and_say_so(provider: Obedient) -> None:
    case = make.period(Stage.SPLIT, members=3).cases.get()
    payout = make.payout(case=case)
    provider.failing = {Membership.objects.open().earliest("pk").pk}
    actions.debit_due(at=clock.now())
    for _day in range(5):
        clock.move_to(clock.now() + timedelta(days=1), frozen=True)
        actions.debit_due(at=clock.now())
    with pgtrigger.ignore("members.Rules:published_never_changes"):
        Rules.objects.update(advance_limit_fen=Arrears.objects.get().amount_fen)

    with pytest.raises(NotNow, match=r"188\.00"):
        actions.release_payout(payout_id=payout.pk, by=make.staff("finance"), at=clock.now())


def test_staff_do_not_handle_the_payout_of_their_own_family() -> None:
    case = make.period(Stage.SPLIT).cases.get()
    make.payee(case.claim)
    relative = make.staff("finance")
    HouseholdLink.objects.create(
        account=relative, member=case.claim.member, relation="child", made_at=clock.now()
    )

    with pytest.raises(Forbidden):
        actions.prepare_payout(claim_id=case.claim_id, by=relative, at=clock.now())

    assert PeriodCase.objects.payable().exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_release_and_send_at_once_pay_once(provider: Obedient) -> None:
    payout = make.payout()
    releasers = [make.staff("finance"), make.staff("finance")]
    start = Barrier(2)

    def release_and_send(by: object) -> str:
        try:
            start.wait()
            actions.release_payout(payout_id=payout.pk, by=by, at=clock.now())  # type: ignore[arg-type]
            return "released"
        except NotNow:
            return "refused"
        finally:
            actions.send_payouts_due(at=clock.now())
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(release_and_send, releasers)) == ["refused", "released"]
    actions.send_payouts_due(at=clock.now())

    assert len(provider.paid) == 1
    assert JournalEntry.objects.filter(kind="payout").count() == 1
    assert Payout.objects.get().state == PayoutState.PAID
