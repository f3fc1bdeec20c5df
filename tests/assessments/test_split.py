"""Splitting a period: whole fen, once, the same when it was killed."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from assessments import actions, books, bulk
from assessments.models import JournalEntry, Period, Share, SplitRun
from assessments.states import Problem, Stage
from members import actions as member_actions
from members.models import Membership, Notice
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db


def amounts(period: Period) -> list[int]:
    shares = Share.objects.filter(period=period).order_by("membership_id")
    return list(shares.values_list("amount_fen", flat=True))


def figures(period: Period) -> tuple[int | None, ...]:
    return (period.share_fen, period.charged_fen, period.operator_fen, period.surplus_out_fen)


@pytest.mark.parametrize(
    ("members", "benefit_fen", "share", "over"),
    [(3, 100, 34, 2), (1, 1, 1, 0), (7, 6, 1, 1), (7, 7, 1, 0), (4, 99_99, 25_00, 1)],
)
def test_shares_are_equal_and_what_is_over_stays_as_surplus(
    members: int, benefit_fen: int, share: int, over: int
) -> None:
    plan = make.plan(fee_bp=0)

    period = make.period(Stage.SPLIT, plan=plan, members=members, benefit_fen=benefit_fen)

    assert amounts(period) == [share] * members
    assert figures(period) == (share, share * members, 0, over)


def test_the_fee_is_shared_too_and_goes_to_its_own_account() -> None:
    period = make.period(Stage.SPLIT, members=3, benefit_fen=100_00)

    assert (period.benefits_fen, period.fees_fen, period.share_fen) == (100_00, 8_00, 36_00)
    assert books.balance("fees") == -8_00
    assert books.balance("benefits_payable") == -100_00
    assert books.balance("shares_receivable") == 108_00


def test_the_surplus_lowers_the_next_period_and_the_one_after() -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=None)

    first = make.period(Stage.COLLECTED, plan=plan, members=3, benefit_fen=100)
    second = make.period(Stage.COLLECTED, plan=plan, members=3, benefit_fen=100)
    third = make.period(Stage.COLLECTED, plan=plan, members=7, benefit_fen=5, cases=1)

    assert [p.surplus_in_fen for p in (first, second, third)] == [0, 2, 1]
    assert [p.share_fen for p in (first, second, third)] == [34, 33, 1]
    assert [p.surplus_out_fen for p in (first, second, third)] == [2, 1, 3]
    assert books.balance("surplus") == -3
    assert [p.number for p in (first, second, third)] == [1, 2, 3]


def test_a_period_without_cases_costs_nothing_and_hands_the_surplus_on() -> None:
    plan = make.plan(fee_bp=0)
    make.period(Stage.COLLECTED, plan=plan, members=3, benefit_fen=100)

    quiet = make.period(Stage.COLLECTED, plan=plan, members=3, cases=0)

    assert set(amounts(quiet)) == {0}
    assert (quiet.surplus_in_fen, quiet.surplus_out_fen, quiet.stage) == (2, 2, Stage.COLLECTED)


def test_a_period_that_the_operator_bears_costs_nobody_anything() -> None:
    period = make.period(Stage.DISCLOSED, members=3, benefit_fen=100_00)
    Period.objects.filter(pk=period.pk).update(operator_bears=True)

    clock.move_to(period.split_at, frozen=True)
    actions.split_due(at=clock.now())

    period.refresh_from_db()
    assert figures(period) == (0, 0, 108_00, 0)
    assert amounts(period) == [0, 0, 0]
    assert books.balance("operator") == 108_00


def test_above_the_cap_of_a_case_the_operator_bears() -> None:
    plan = make.plan(fee_bp=0, case_cap_fen=10)

    period = make.period(Stage.SPLIT, plan=plan, members=3, benefit_fen=100)

    assert figures(period) == (10, 30, 70, 0)


def test_the_cap_of_the_year_begins_anew_with_the_year_of_the_split() -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=50)
    december = make.period(Stage.COLLECTED, plan=plan, members=2, benefit_fen=80)

    january = make.period(Stage.SPLIT, plan=plan, members=3, benefit_fen=60)

    assert (december.share_fen, amounts(december)) == (40, [40, 40])
    assert (january.share_fen, amounts(january)) == (20, [20, 20, 20])
    assert clock.day(january.split_at).year == clock.day(december.split_at).year + 1


def test_who_has_reached_the_cap_of_the_year_pays_the_rest_only() -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=50)
    clock.move_to(datetime(2021, 11, 3, 12, tzinfo=SHANGHAI), frozen=True)
    make.period(Stage.COLLECTED, plan=plan, members=2, benefit_fen=80)  # 40 each
    old = Membership.objects.open().get()
    new = make.membership(plan, joined=clock.now())

    second = make.period(Stage.DISCLOSED, plan=plan, members=3, benefit_fen=80)  # 27 each
    expected = bulk.preview(second)
    clock.move_to(second.split_at, frozen=True)
    actions.split_due(at=clock.now())

    second.refresh_from_db()
    charged = dict(Share.objects.filter(period=second).values_list("membership_id", "amount_fen"))
    assert charged[old.pk] == 10
    assert charged[new.pk] == 27
    assert figures(second) == (27, 64, 17, 1)
    assert (expected.charged_fen, expected.operator_fen) == (64, 17)
    assert all(result.holds for result in books.check())


def test_the_cap_of_the_year_follows_a_member_who_came_back() -> None:
    plan = make.plan(fee_bp=0, annual_cap_fen=50)
    clock.move_to(datetime(2021, 11, 3, 12, tzinfo=SHANGHAI), frozen=True)
    make.period(Stage.COLLECTED, plan=plan, members=2, benefit_fen=80)  # 40 each
    left = Membership.objects.open().get()
    member_actions.end_membership(membership_id=left.pk, reason="left", by=None, at=clock.now())
    clock.move_to(clock.now() + timedelta(minutes=1), frozen=True)
    back = make.membership(plan, joined=clock.now(), member=left.member)

    second = make.period(Stage.SPLIT, plan=plan, members=2, benefit_fen=40)  # 20 each

    charged = dict(Share.objects.filter(period=second).values_list("membership_id", "amount_fen"))
    assert charged[back.pk] == 10


@pytest.mark.parametrize("cap", [None, 18_800, 1])
def test_the_preview_is_what_is_charged(cap: int | None) -> None:
    plan = make.plan(annual_cap_fen=cap)
    period = make.period(Stage.DISCLOSED, plan=plan, members=4, benefit_fen=777)

    expected = bulk.preview(period)
    clock.move_to(period.split_at, frozen=True)
    actions.split_due(at=clock.now())

    period.refresh_from_db()
    assert (expected.quote.share_fen, expected.charged_fen, expected.operator_fen) == (
        period.share_fen,
        period.charged_fen,
        period.operator_fen,
    )


def test_the_roster_of_the_split_is_the_roster_of_the_model() -> None:
    plan = make.plan()
    period = make.period(Stage.OPEN, plan=plan, members=3)
    at_lock, before = period.roster_at, period.roster_at - timedelta(microseconds=1)
    in_time = make.membership(plan, joined=before)
    too_late = make.membership(plan, joined=at_lock)
    clock.move_to(before, frozen=True)
    left = Membership.objects.open().earliest("pk")
    member_actions.end_membership(membership_id=left.pk, reason="left", by=None, at=before)

    period = make.period(Stage.SPLIT, plan=plan, members=0, cases=0)

    charged = set(Share.objects.filter(period=period).values_list("membership_id", flat=True))
    assert charged == set(
        Membership.objects.on_roster(plan, at_lock).values_list("pk", flat=True)
    ) | set(Membership.objects.filter(end_reason="helped").values_list("pk", flat=True)) - {left.pk}
    assert in_time.pk in charged
    assert not {too_late.pk, left.pk} & charged


def test_a_member_who_leaves_after_the_lock_still_shares() -> None:
    plan = make.plan()
    period = make.period(Stage.DISCLOSED, plan=plan, members=3)
    leaver = Membership.objects.open().latest("pk")
    member_actions.end_membership(membership_id=leaver.pk, reason="left", by=None, at=clock.now())

    clock.move_to(period.split_at, frozen=True)
    actions.split_due(at=clock.now())

    assert Share.objects.filter(period=period, membership_id=leaver.pk).exists()


def test_nothing_is_split_before_its_day() -> None:
    period = make.period(Stage.DISCLOSED)
    clock.move_to(period.split_at - timedelta(microseconds=1), frozen=True)

    assert actions.split_due(at=clock.now()) == []
    with pytest.raises(NotNow, match=r"not before|之前"):
        actions.split(period_id=period.pk, by=None, at=clock.now())

    assert not Share.objects.exists()


def test_a_late_publication_delays_the_split() -> None:
    period = make.period(Stage.LOCKED)
    clock.move_to(period.split_at, frozen=True)
    actions.mark_disclosed(period_id=period.pk, digest="0" * 64, at=clock.now())

    assert actions.split_due(at=clock.now()) == []
    clock.move_to(period.split_at + timedelta(days=7), frozen=True)

    assert [split.pk for split in actions.split_due(at=clock.now())] == [period.pk]


def test_a_period_that_was_never_laid_open_is_not_split() -> None:
    period = make.period(Stage.LOCKED)
    clock.move_to(period.split_at + timedelta(days=30), frozen=True)

    assert actions.split_due(at=clock.now()) == []
    with pytest.raises(NotNow):
        actions.split(period_id=period.pk, by=None, at=clock.now())


def test_a_second_call_does_nothing() -> None:
    period = make.period(Stage.SPLIT)
    before = amounts(period)

    again = actions.split(period_id=period.pk, by=None, at=clock.now())

    assert again.stage == Stage.SPLIT
    assert amounts(period) == before
    assert JournalEntry.objects.filter(kind="split").count() == 1
    assert SplitRun.objects.count() == 1


def test_a_roster_that_is_not_the_locked_one_stops_the_split_before_anything_is_written() -> None:
    period = make.period(Stage.DISCLOSED)
    Period.objects.filter(pk=period.pk).update(members=4)
    clock.move_to(period.split_at, frozen=True)

    (stopped,) = actions.split_due(at=clock.now())

    assert (stopped.stage, stopped.problem) == (Stage.DISCLOSED, Problem.ROSTER_CHANGED)
    assert not Share.objects.exists()


def test_the_parts_meet_without_a_gap_whatever_their_size() -> None:
    period = make.period(Stage.DISCLOSED, members=5)
    clock.move_to(period.split_at, frozen=True)

    actions.split(period_id=period.pk, by=None, at=clock.now(), part_ids=2)

    assert len(amounts(period)) == 5
    parts = list(SplitRun.objects.get(period=period).parts.all())
    assert len(parts) >= 3
    assert all(one.high + 1 == two.low for one, two in pairwise(parts))


def test_who_was_helped_leaves_at_the_split_instant_and_all_are_told() -> None:
    period = make.period(Stage.DISCLOSED, members=3)
    helped = period.cases.get().claim.membership
    clock.move_to(period.split_at + timedelta(hours=5), frozen=True)

    actions.split_due(at=clock.now())

    helped.refresh_from_db()
    assert (helped.end_reason, helped.ended_at) == ("helped", period.split_at)
    assert Membership.objects.open().count() == 2
    notice = Notice.objects.get(code="share_due")
    assert notice.plan == period.plan
    assert notice.facts["share_fen"] == bulk.preview(period).quote.share_fen


def test_a_case_that_was_set_aside_costs_nothing_and_enters_again_once_cleared() -> None:
    plan = make.plan(fee_bp=0)
    period = make.period(Stage.DISCLOSED, plan=plan, members=4, cases=2, benefit_fen=100)
    doubtful = period.cases.latest("pk")
    finance = make.staff("finance")

    actions.set_aside(case_id=doubtful.pk, why="病历对不上", by=finance, at=clock.now())
    clock.move_to(period.split_at, frozen=True)
    actions.split_due(at=clock.now())
    actions.debit_due(at=clock.now())
    second = make.period(Stage.COLLECTED, plan=plan, members=3, cases=0)
    actions.clear_case(case_id=doubtful.pk, by=finance, at=clock.now())
    third = make.period(Stage.SPLIT, plan=plan, members=3, cases=0)

    period.refresh_from_db()
    assert period.benefits_fen == 100
    assert not second.cases.exists()
    assert third.cases.get().claim == doubtful.claim
    assert third.cases.get().code != doubtful.code


def test_a_case_is_not_set_aside_once_the_split_has_begun() -> None:
    period = make.period(Stage.SPLIT)

    with pytest.raises(NotNow):
        actions.set_aside(
            case_id=period.cases.get().pk, why="x", by=make.staff("finance"), at=clock.now()
        )


def test_a_split_by_hand_needs_the_role() -> None:
    period = make.period(Stage.DISCLOSED)
    clock.move_to(period.split_at, frozen=True)

    with pytest.raises(Forbidden):
        actions.split(period_id=period.pk, by=make.staff("reviewer"), at=clock.now())
