"""Opening and locking: periods in their order, cases and members as of their instants."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assessments import actions
from assessments.models import Period
from assessments.rules import Half
from assessments.states import Problem, Stage
from claims.states import Status
from members import actions as member_actions
from members.models import Plan
from mutualaid import clock
from mutualaid.errors import NotNow
from tests import make

pytestmark = pytest.mark.django_db


def sharing_plan(shares_from: date, **rules: object) -> Plan:
    plan = make.plan(**rules)
    plan.shares_from = shares_from
    plan.save(update_fields=["shares_from"])
    return plan


def test_the_first_period_is_the_first_whose_roster_is_locked_from_that_day_on() -> None:
    sharing_plan(date(2021, 12, 7))

    (first,) = actions.open_periods_due(at=clock.now())

    assert (first.number, first.half) == (1, Half(2021, 12, 1))
    assert first.half.roster_at == first.roster_at


def test_a_day_later_it_is_the_next_half() -> None:
    sharing_plan(date(2021, 12, 8))

    (first,) = actions.open_periods_due(at=clock.now())

    assert (first.number, first.half) == (1, Half(2021, 12, 2))


def test_after_an_outage_periods_are_opened_in_order_and_once() -> None:
    plan = sharing_plan(date(2021, 12, 7))
    actions.open_periods_due(at=clock.now())
    clock.move_to(make.NOON + timedelta(days=40), frozen=True)

    actions.open_periods_due(at=clock.now())
    assert actions.open_periods_due(at=clock.now()) == []

    halves = [period.half for period in Period.objects.filter(plan=plan).order_by("number")]
    assert halves == [
        Half(2021, 12, 1), Half(2021, 12, 2), Half(2022, 1, 1), Half(2022, 1, 2)
    ]  # fmt: skip


def test_a_case_granted_at_the_cutoff_waits_for_the_next_period() -> None:
    plan = sharing_plan(date(2021, 12, 20))
    (period,) = actions.open_periods_due(at=clock.now())
    clock.move_to(period.cutoff_at - timedelta(microseconds=1), frozen=True)
    in_time = make.claim(Status.GRANTED, plan=plan)
    clock.move_to(period.cutoff_at, frozen=True)
    make.claim(Status.GRANTED, plan=plan)
    make.claim(Status.REFUSED, plan=plan)

    clock.move_to(period.roster_at, frozen=True)
    actions.lock_due(at=clock.now())

    case = period.cases.get()
    assert (case.claim, case.benefit_fen, case.fee_fen) == (in_time, 300_000_00, 24_000_00)
    assert in_time.number not in case.code


def test_a_late_lock_reads_everything_as_of_its_instants() -> None:
    plan = sharing_plan(date(2021, 12, 20))
    (period,) = actions.open_periods_due(at=clock.now())
    make.claim(Status.GRANTED, plan=plan)
    leaver = make.membership(plan)
    clock.move_to(period.roster_at + timedelta(hours=3), frozen=True)
    make.membership(plan, joined=clock.now())
    member_actions.end_membership(membership_id=leaver.pk, reason="left", by=None, at=clock.now())

    (locked,) = actions.lock_due(at=clock.now())

    assert (locked.stage, locked.members) == (Stage.LOCKED, 2)
    assert (locked.rules, locked.surplus_in_fen) == (plan.rules.get(), 0)


def test_a_period_is_not_locked_before_its_roster_instant() -> None:
    sharing_plan(date(2021, 12, 20))
    (period,) = actions.open_periods_due(at=clock.now())
    clock.move_to(period.roster_at - timedelta(microseconds=1), frozen=True)

    assert actions.lock_due(at=clock.now()) == []
    with pytest.raises(NotNow):
        actions.lock(period_id=period.pk, by=None, at=clock.now())


def test_without_members_a_period_stays_open_is_named_and_holds_up_nobody() -> None:
    plan = sharing_plan(date(2021, 12, 20))
    (period,) = actions.open_periods_due(at=clock.now())
    clock.move_to(period.roster_at, frozen=True)

    assert actions.lock_due(at=clock.now()) == []

    period.refresh_from_db()
    assert (period.stage, period.problem) == (Stage.OPEN, Problem.NO_MEMBERS)
    actions.open_periods_due(at=clock.now())
    following = Period.objects.get(plan=plan, number=2)
    make.membership(plan, joined=clock.now())
    clock.move_to(following.roster_at, frozen=True)
    assert [locked.number for locked in actions.lock_due(at=clock.now())] == [2]


def test_a_period_waits_for_the_split_of_the_one_before() -> None:
    first = make.period(Stage.LOCKED)
    actions.open_periods_due(at=clock.now())
    second = Period.objects.get(number=2)
    clock.move_to(second.roster_at, frozen=True)

    assert actions.lock_due(at=clock.now()) == []
    second.refresh_from_db()
    assert second.problem == Problem.PREVIOUS_NOT_SPLIT

    actions.mark_disclosed(period_id=first.pk, digest="0" * 64, at=clock.now())
    clock.move_to(second.roster_at + timedelta(days=7), frozen=True)
    actions.split_due(at=clock.now())
    (locked,) = actions.lock_due(at=clock.now())
    assert (locked.pk, locked.problem) == (second.pk, "")


def test_a_claim_is_in_one_period_only() -> None:
    plan = make.plan()
    first = make.period(Stage.COLLECTED, plan=plan)

    second = make.period(Stage.LOCKED, plan=plan, cases=0)

    assert first.cases.count() == 1
    assert second.cases.count() == 0


def test_a_later_version_changes_the_digest_and_not_the_day() -> None:
    period = make.period(Stage.DISCLOSED)
    clock.move_to(clock.now() + timedelta(days=2), frozen=True)

    changed = actions.mark_disclosed(period_id=period.pk, digest="f" * 64, at=clock.now())

    assert changed.digest == "f" * 64
    assert changed.disclosed_at == period.disclosed_at
