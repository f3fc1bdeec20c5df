"""A seat can be given away without a reason; the next drawn takes it."""

from __future__ import annotations

import pytest

from jury import actions, draw
from jury.models import Juror
from members.models import Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def test_declined_seats_are_refilled_in_the_drawn_order() -> None:
    case = make.case(spare=3)
    order = draw.draw(case.roster, seed=bytes(case.seed), case=case.number, panel=3)

    for place in (2, 1):
        seat = case.seats.get(drawn=place)
        actions.decline(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)

    held = case.seats.held().order_by("drawn")
    assert [(seat.drawn, seat.juror_id) for seat in held] == [
        (3, order[2]), (4, order[3]), (5, order[4])
    ]  # fmt: skip
    newcomer = held.last()
    assert newcomer is not None
    assert Notice.objects.filter(code="jury_seated", account=newcomer.juror.account).exists()


def test_the_next_drawn_who_has_resigned_is_passed_over() -> None:
    case = make.case(spare=2)
    order = draw.draw(case.roster, seed=bytes(case.seed), case=case.number, panel=3)
    next_in_line = Juror.objects.get(pk=order[3])
    actions.resign(by=next_in_line.account, at=make.NOON)
    seat = case.seats.get(drawn=1)

    actions.decline(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)

    assert set(case.seats.held().values_list("juror_id", flat=True)) == {
        order[1],
        order[2],
        order[4],
    }


def test_without_anybody_left_the_panel_goes_on_smaller() -> None:
    case = make.case()
    seat = case.seats.get(drawn=1)

    actions.decline(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)

    assert case.seats.held().count() == 2


def test_a_declined_seat_cannot_read_or_vote() -> None:
    case = make.case(spare=1)
    seat = case.seats.get(drawn=1)
    actions.decline(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)

    with pytest.raises(Forbidden, match="given this seat"):
        actions.mark_read(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)


def test_nobody_declines_after_voting_after_the_end_or_for_another() -> None:
    case = make.case(spare=2)
    voted, other = case.seats.order_by("drawn")[:2]
    make.ballot(voted)

    with pytest.raises(NotNow, match="final"):
        actions.decline(seat_id=voted.pk, by=voted.juror.account, at=make.NOON)
    with pytest.raises(Forbidden, match="not yours"):
        actions.decline(seat_id=other.pk, by=voted.juror.account, at=make.NOON)
    clock.move_to(case.closes_at, frozen=True)
    with pytest.raises(NotNow, match="closed at"):
        actions.decline(seat_id=other.pk, by=other.juror.account, at=clock.now())
