"""Seven days in which joining is undone without a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from members import actions
from members.models import Membership, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db
SEVEN_DAYS, MICROSECOND = timedelta(days=7), timedelta(microseconds=1)


def test_joining_is_undone_until_the_last_instant_of_seven_days() -> None:
    membership = make.membership(joined=make.NOON)
    last = make.NOON + SEVEN_DAYS - MICROSECOND
    clock.move_to(last, frozen=True)

    actions.undo_join(membership_id=membership.pk, by=membership.payer, at=last)

    membership.refresh_from_db()
    assert (membership.ended_at, membership.end_reason) == (last, "undone")
    assert Notice.objects.filter(account=membership.payer, code="join_undone").exists()


def test_after_seven_days_one_leaves_instead(english: None) -> None:
    membership = make.membership(joined=make.NOON)
    clock.move_to(make.NOON + SEVEN_DAYS, frozen=True)

    with pytest.raises(NotNow, match="You can still leave"):
        actions.undo_join(membership_id=membership.pk, by=membership.payer, at=clock.now())


def test_nobody_undoes_the_joining_of_another_family() -> None:
    membership = make.membership(joined=make.NOON)

    with pytest.raises(Forbidden):
        actions.undo_join(membership_id=membership.pk, by=make.account(), at=make.NOON)


def test_whoever_undid_it_may_join_again() -> None:
    membership = make.membership(joined=make.NOON)
    actions.undo_join(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    again = make.membership(joined=make.NOON + timedelta(days=1), member=membership.member)

    assert Membership.objects.open().get(member=membership.member) == again


def test_a_roster_counted_meanwhile_still_counts_the_member() -> None:
    membership = make.membership(joined=make.NOON)
    roster_at = make.NOON + timedelta(days=2)
    clock.move_to(make.NOON + timedelta(days=3), frozen=True)

    actions.undo_join(membership_id=membership.pk, by=membership.payer, at=clock.now())

    assert list(Membership.objects.on_roster(membership.plan, roster_at)) == [membership]
