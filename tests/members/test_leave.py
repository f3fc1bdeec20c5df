"""Leaving, ageing out, and ends in sets."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from members import actions, bulk
from members.models import Membership, Notice
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


THREE_DAYS = timedelta(days=3)


def codes(membership: Membership) -> list[str]:
    """The notices of its payer since it was joined, in order."""
    told = Notice.objects.filter(account=membership.payer).exclude(code="joined")
    return list(told.order_by("pk").values_list("code", flat=True))


def test_leaving_takes_effect_when_its_undo_has_run_out() -> None:
    membership = make.membership()

    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    before = actions.leave_due(at=make.NOON + THREE_DAYS - MICROSECOND)
    due = actions.leave_due(at=make.NOON + THREE_DAYS)
    again = actions.leave_due(at=make.NOON + THREE_DAYS)

    membership.refresh_from_db()
    assert (before, due, again) == (0, 1, 0)
    assert (membership.ended_at, membership.end_reason) == (make.NOON + THREE_DAYS, "left")
    assert codes(membership) == ["leaving", "left"]


def test_an_end_written_late_is_dated_when_the_wish_took_effect() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    actions.leave_due(at=make.NOON + timedelta(days=9))

    membership.refresh_from_db()
    assert membership.ended_at == make.NOON + THREE_DAYS
    assert Notice.objects.get(code="left").facts["ended_on"] == "2021-12-04"


def test_a_wish_to_leave_is_taken_back_until_its_instant() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    clock.move_to(make.NOON + THREE_DAYS - MICROSECOND, frozen=True)

    actions.keep(membership_id=membership.pk, by=membership.payer, at=clock.now())
    actions.leave_due(at=make.NOON + timedelta(days=9))

    membership.refresh_from_db()
    assert (membership.ended_at, membership.leaving_at) == (None, None)
    assert codes(membership) == ["leaving", "kept"]


def test_after_its_instant_it_is_too_late_also_before_any_beat() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    clock.move_to(make.NOON + THREE_DAYS, frozen=True)

    with pytest.raises(NotNow):
        actions.keep(membership_id=membership.pk, by=membership.payer, at=clock.now())


def test_a_second_wish_does_not_move_the_first() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    later = make.NOON + timedelta(days=1)

    actions.leave(membership_id=membership.pk, by=membership.payer, at=later)

    membership.refresh_from_db()
    assert membership.leaving_at == make.NOON + THREE_DAYS
    assert codes(membership) == ["leaving"]


def test_without_days_of_undo_one_leaves_at_once() -> None:
    membership = make.membership(make.plan(leave_undo_days=0))

    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    membership.refresh_from_db()
    assert (membership.ended_at, membership.end_reason) == (make.NOON, "left")
    with pytest.raises(NotNow):
        actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)


@pytest.mark.parametrize(("shift", "counted"), [(-1, False), (0, True), (1, True)])
def test_the_roster_counts_who_leaves_at_or_after_its_instant(shift: int, counted: bool) -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    roster_at = make.NOON + THREE_DAYS - shift * MICROSECOND

    unwritten = Membership.objects.on_roster(membership.plan, roster_at).exists()
    actions.leave_due(at=make.NOON + timedelta(days=9))
    written = Membership.objects.on_roster(membership.plan, roster_at).exists()

    assert (unwritten, written) == (counted, counted)


def test_whoever_had_left_before_a_birthday_has_left() -> None:
    membership = make.membership(born=date(1961, 12, 5))
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    at = datetime(2021, 12, 6, 12, tzinfo=SHANGHAI)

    assert actions.age_out_due(at=at) == 0

    membership.refresh_from_db()
    assert (membership.end_reason, membership.ended_at) == ("left", make.NOON + THREE_DAYS)


def test_a_birthday_before_the_wish_takes_effect_ends_it_by_age() -> None:
    membership = make.membership(born=date(1961, 12, 3))
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    at = datetime(2021, 12, 3, tzinfo=SHANGHAI)

    assert actions.age_out_due(at=at) == 1

    membership.refresh_from_db()
    assert (membership.end_reason, membership.ended_at) == ("aged_out", at)


def test_nobody_leaves_for_another_family() -> None:
    membership = make.membership()

    with pytest.raises(Forbidden):
        actions.leave(membership_id=membership.pk, by=make.account(), at=make.NOON)


def test_who_has_left_may_join_again_and_waits_again() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    actions.leave_due(at=make.NOON + THREE_DAYS)

    again = make.membership(joined=make.NOON + THREE_DAYS, member=membership.member)

    assert again.covered_from == date(2022, 3, 4)
    assert again.continues is None


def test_who_left_after_the_roster_was_locked_is_still_on_it() -> None:
    membership = make.membership()
    locked = datetime(2021, 11, 21, tzinfo=SHANGHAI)
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    roster = Membership.objects.on_roster(membership.plan, locked)

    assert list(roster) == [membership]


def test_the_sixtieth_birthday_ends_the_membership() -> None:
    stays = make.membership(born=date(1961, 12, 2))
    goes = make.membership(born=date(1961, 12, 1), name="陈桂香")

    assert actions.age_out_due(at=make.NOON) == 1
    assert actions.age_out_due(at=make.NOON) == 0

    goes.refresh_from_db()
    stays.refresh_from_db()
    assert (goes.end_reason, goes.ended_at) == ("aged_out", make.NOON)
    assert stays.ended_at is None
    facts = Notice.objects.get(code="aged_out").facts
    assert facts["name"] == "陈**"
    assert facts["number"] == goes.number


def test_a_set_is_ended_once_and_the_rest_stays() -> None:
    gone, other = make.membership(), make.membership()
    ids = [gone.pk]

    assert bulk.end_in_sets(ids, "arrears", make.NOON) == 1
    assert bulk.end_in_sets(ids, "helped", make.NOON) == 0

    gone.refresh_from_db()
    other.refresh_from_db()
    assert gone.end_reason == "arrears"
    assert other.ended_at is None


def test_a_set_is_not_ended_for_an_unknown_reason() -> None:
    with pytest.raises(ValueError, match="bored"):
        bulk.end_in_sets([1], "bored", clock.now())
