"""Debits: asked once a day, paid, told, and at last advanced by the operator."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assessments import actions, books
from assessments.models import Arrears, DebitBatch, Period, Share
from assessments.providers import Sandbox
from assessments.states import Stage
from members.models import Membership, Notice
from mutualaid import clock
from mutualaid.errors import NotNow
from tests import make
from tests.assessments.conftest import Obedient

pytestmark = pytest.mark.django_db


def debit_next_day() -> list[DebitBatch]:
    clock.move_to(clock.midnight(clock.today() + timedelta(days=1)), frozen=True)
    return actions.debit_due(at=clock.now())


def proved() -> bool:
    return all(result.holds for result in books.check())


def open_membership() -> Membership:
    return Membership.objects.open().earliest("pk")


def test_what_comes_in_is_a_batch_and_a_journal_and_no_row_a_member() -> None:
    period = make.period(Stage.SPLIT, members=3, benefit_fen=100_00)

    (batch,) = actions.debit_due(at=clock.now())

    assert (batch.asked_rows, batch.collected_fen, batch.failed_rows) == (3, 108_00, 0)
    assert not Arrears.objects.exists()
    assert (books.balance("bank"), books.balance("shares_receivable")) == (108_00, 0)
    period.refresh_from_db()
    assert period.stage == Stage.COLLECTED
    assert actions.debit_due(at=clock.now()) == []
    assert proved()


def test_a_failed_debit_is_arrears_and_is_tried_again_the_next_day(provider: Obedient) -> None:
    make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    debtor = open_membership()
    provider.failing = {debtor.pk}

    actions.debit_due(at=clock.now())
    arrears = Arrears.objects.get()
    assert (arrears.membership, arrears.amount_fen, arrears.reason) == (debtor, 36_00, "no_funds")
    assert actions.debit_due(at=clock.now()) == [], "not twice on one day"
    provider.failing = set()
    (second,) = debit_next_day()

    arrears.refresh_from_db()
    assert (arrears.paid_at, arrears.paid_batch) == (clock.now(), second)
    assert (second.attempt, second.asked_fen, second.collected_fen) == (1, 36_00, 36_00)
    assert [len(rows) for rows in provider.asked_rows] == [3, 1]
    assert Period.objects.get().stage == Stage.COLLECTED
    assert books.balance("shares_receivable") == 0
    assert proved()


def test_the_debtor_is_told_each_day_what_is_owed_and_until_when(provider: Obedient) -> None:
    make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    debtor = open_membership()
    provider.failing = {debtor.pk}

    actions.debit_due(at=clock.now())
    debit_next_day()

    first, second = Notice.objects.filter(code="debit_failed").order_by("at")
    assert first.account == second.account == debtor.payer
    assert first.facts == {
        "number": 1, "owed_fen": 36_00, "people": 1,
        "again_on": "2021-12-29", "last_on": "2022-01-02",
    }  # fmt: skip
    assert second.facts["last_on"] == "2022-01-02"


def test_after_the_last_day_the_membership_ends_and_the_operator_advances(
    provider: Obedient,
) -> None:
    period = make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    debtor = open_membership()
    provider.failing = {debtor.pk}

    actions.debit_due(at=clock.now())
    for _day in range(4):
        debit_next_day()
    assert Membership.objects.open().filter(pk=debtor.pk).exists()
    debit_next_day()

    debtor.refresh_from_db()
    period.refresh_from_db()
    assert (debtor.end_reason, debtor.ended_at) == ("arrears", clock.now())
    assert clock.today().isoformat() == "2022-01-02"
    assert period.stage == Stage.COLLECTED
    assert Arrears.objects.advanced().count() == 1
    assert books.balance("bank") == 108_00
    assert books.balance("operator_advance") == -36_00
    assert Notice.objects.filter(code="membership_ended_arrears", account=debtor.payer).exists()
    assert debit_next_day() == []
    assert proved()


def test_a_late_payment_goes_back_to_the_operator(provider: Obedient) -> None:
    make.period(Stage.SPLIT, members=3, benefit_fen=100_00)
    provider.failing = {open_membership().pk}
    actions.debit_due(at=clock.now())
    for _day in range(5):
        debit_next_day()
    arrears, finance = Arrears.objects.get(), make.staff("finance")

    actions.record_late_payment(arrears_id=arrears.pk, by=finance, at=clock.now())

    assert books.balance("operator_advance") == books.balance("shares_receivable") == 0
    assert proved()
    with pytest.raises(NotNow):
        actions.record_late_payment(arrears_id=arrears.pk, by=finance, at=clock.now())


def test_a_day_without_a_worker_shortens_nobodys_time(provider: Obedient) -> None:
    make.period(Stage.SPLIT, members=3)
    provider.failing = {open_membership().pk}
    actions.debit_due(at=clock.now())
    clock.move_to(clock.now() + timedelta(days=9), frozen=True)

    (batch,) = actions.debit_due(at=clock.now())

    assert batch.attempt == 1
    assert Membership.objects.open().count() == 2


def test_the_payer_comes_first_then_the_family_as_they_joined(provider: Obedient) -> None:
    plan = make.plan()
    period = make.period(Stage.OPEN, plan=plan, cases=0, members=0)
    payer = make.account()
    child = make.membership(
        plan, member=make.member(payer, born=date(2015, 1, 1), relation="child")
    )
    mother = make.membership(
        plan, member=make.member(payer, relation="parent"), joined=make.JOINED - timedelta(days=9)
    )
    own = make.membership(plan, member=make.member(payer), joined=make.JOINED + timedelta(days=9))

    make.period(Stage.COLLECTED, plan=plan, members=3)

    asked = [membership for membership, who, _fen in provider.asked_rows[0] if who == payer.pk]
    assert asked == [own.pk, mother.pk, child.pk]
    assert period.number == 1


def test_an_attempt_that_was_killed_is_asked_again_under_its_own_number(
    provider: Obedient, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = make.period(Stage.SPLIT, members=3)
    with monkeypatch.context() as patched:
        patched.setattr(actions, "_answer_batch", lambda **_values: None)
        actions.debit_due(at=clock.now())
    assert period.batches.get().answered_at is None
    clock.move_to(clock.now() + timedelta(days=2), frozen=True)

    (batch,) = actions.debit_due(at=clock.now())

    assert (batch.attempt, period.batches.count()) == (0, 1)
    assert batch.answered_at == clock.now()


def test_a_provider_that_has_not_answered_is_asked_later(
    provider: Obedient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.period(Stage.SPLIT, members=3)
    with monkeypatch.context() as patched:
        patched.setattr(provider, "collect", lambda **_values: None)
        (batch,) = actions.debit_due(at=clock.now())
        assert batch.answered_at is None

    (batch,) = actions.debit_due(at=clock.now())

    assert batch.answered_at is not None


def test_a_failure_that_nobody_asked_for_is_not_believed(
    provider: Obedient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.period(Stage.SPLIT, members=3)
    monkeypatch.setattr(provider, "collect", lambda **_values: [(10**9, "no_funds")])

    with pytest.raises(ValueError, match="asked"):
        actions.debit_due(at=clock.now())

    assert not Arrears.objects.exists()


def test_a_share_of_nothing_is_not_debited(provider: Obedient) -> None:
    period = make.period(Stage.COLLECTED, members=3, cases=0)

    assert provider.asked_rows == [[]]
    assert period.stage == Stage.COLLECTED
    assert Share.objects.filter(period=period).count() == 3


def test_the_sandbox_fails_the_same_few_again_and_lets_most_recover() -> None:
    rows = [(number, number, 100) for number in range(20_000)]

    first = list(Sandbox().collect(period_id=1, attempt=0, rows=rows))
    again = list(Sandbox().collect(period_id=1, attempt=0, rows=rows))
    other = list(Sandbox(seed="other").collect(period_id=1, attempt=0, rows=rows))
    failed = [row for row in rows if row[0] in dict(first)]
    second = list(Sandbox().collect(period_id=1, attempt=1, rows=failed))

    assert first == again != other
    assert 80 <= len(first) <= 160
    assert 0 < len(second) < len(first) // 2
