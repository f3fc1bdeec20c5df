"""Leaving, ageing out, and ends in sets."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from members import actions, bulk
from members.models import Membership, Notice
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db


def test_leaving_ends_the_membership_with_its_reason_and_tells_the_payer() -> None:
    membership = make.membership()

    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    membership.refresh_from_db()
    assert (membership.ended_at, membership.end_reason) == (make.NOON, "left")
    assert Notice.objects.filter(account=membership.payer, code="left").count() == 1


def test_one_leaves_once() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    with pytest.raises(NotNow):
        actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)


def test_nobody_leaves_for_another_family() -> None:
    membership = make.membership()

    with pytest.raises(Forbidden):
        actions.leave(membership_id=membership.pk, by=make.account(), at=make.NOON)


def test_who_has_left_may_join_again_and_waits_again() -> None:
    membership = make.membership()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=make.NOON)

    again = make.membership(joined=make.NOON, member=membership.member)

    assert again.covered_from == date(2022, 3, 1)


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
