"""One ballot a seat, after reading, in time, final."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from jury import actions
from jury.models import Ballot, Seat
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]
REASON = "我看了双方的材料，按规则逐条对照，这是我的判断，没有别的考虑。"


def read_seat() -> Seat:
    seat: Seat = make.case().seats.order_by("drawn")[0]
    return actions.mark_read(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)


def cast(seat: Seat, **changed: Any) -> Ballot:
    given: dict[str, Any] = {
        "choice": "against",
        "clause": "other",
        "reason": REASON,
        "by": seat.juror.account,
    }
    return actions.vote(seat_id=seat.pk, at=clock.now(), **(given | changed))


def test_a_vote_is_kept_with_a_receipt_that_names_the_case_alone() -> None:
    seat = read_seat()

    ballot = cast(seat)

    assert (ballot.choice, ballot.cast_at) == ("against", make.NOON)
    assert ballot.receipt.startswith(seat.case.number.replace("-", ""))


def test_the_second_vote_is_refused_and_the_first_stands() -> None:
    seat = read_seat()
    cast(seat)

    with pytest.raises(NotNow, match="final"):
        cast(seat, choice="support")

    assert Ballot.objects.get().choice == "against"


def test_the_database_keeps_a_ballot_as_it_was_cast() -> None:
    cast(read_seat())

    for change in (lambda: Ballot.objects.update(choice="support"), Ballot.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_nobody_votes_before_reading() -> None:
    seat = make.case().seats.order_by("drawn")[0]

    with pytest.raises(NotNow, match="read the whole case"):
        cast(seat)


def test_a_vote_at_the_closing_instant_is_late() -> None:
    seat = read_seat()
    clock.move_to(seat.case.closes_at, frozen=True)

    with pytest.raises(NotNow, match="closed at"):
        cast(seat)
    clock.move_to(seat.case.closes_at - timedelta(microseconds=1), frozen=True)

    assert cast(seat).pk


def test_what_is_recorded_as_the_time_does_not_open_a_closed_vote() -> None:
    seat = read_seat()
    clock.move_to(seat.case.closes_at, frozen=True)

    with pytest.raises(NotNow, match="closed at"):
        actions.vote(
            seat_id=seat.pk,
            choice="support",
            clause="other",
            reason=REASON,
            by=seat.juror.account,
            at=make.NOON,
        )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"choice": "maybe"}, "choice"),
        ({"clause": "no_such"}, "clause"),
        ({"reason": "太短了"}, "reason"),
        ({"reason": "不" * 1001}, "reason"),
    ],
)
def test_a_ballot_that_will_not_do_names_its_field(changed: dict[str, str], field: str) -> None:
    seat = read_seat()

    with pytest.raises(Invalid) as refused:
        cast(seat, **changed)

    assert refused.value.field == field


def test_nobody_votes_with_the_seat_of_another() -> None:
    seat = read_seat()

    with pytest.raises(Forbidden, match="not yours"):
        cast(seat, by=make.account())


def test_a_juror_who_became_family_of_the_claimant_cannot_vote() -> None:
    seat = read_seat()
    claimant = make.guardian(seat.case.appeal.claim.member)
    claimant.household.create(member=seat.juror.member, relation="spouse", made_at=make.NOON)

    with pytest.raises(Forbidden, match="related"):
        cast(seat)


def test_a_juror_whose_membership_ended_cannot_vote() -> None:
    seat = read_seat()
    seat.juror.member.memberships.update(ended_at=make.NOON, end_reason="arrears")

    with pytest.raises(Forbidden, match="membership has ended"):
        cast(seat)


def test_a_resigned_juror_holds_no_open_seat() -> None:
    seat = read_seat()

    actions.resign(by=seat.juror.account, at=make.NOON)

    with pytest.raises(Forbidden, match="given this seat"):
        cast(seat)
