"""What one row of the jury's tables cannot say, by the name of its constraint."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from jury.models import Ballot, Case, ExamAttempt, Seat, Verdict
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"status": "lost", "closed_at": make.NOON}, "case_status_known"),
        ({"closed_at": make.NOON}, "case_closed_iff_over"),
        ({"status": "closed"}, "case_closed_iff_over"),
        ({"quorum": 4}, "case_quorum_within_panel"),
        ({"quorum": 0}, "case_quorum_within_panel"),
        ({"closes_at": make.NOON}, "case_closes_after_it_opens"),
    ],
)
def test_the_database_refuses_a_case(change: dict[str, Any], constraint: str) -> None:
    case = make.case()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**change)


@pytest.mark.parametrize(
    ("verdict", "constraint"),
    [
        ({"outcome": "perhaps"}, "verdict_outcome_known"),
        ({"outcome": "overturned", "support": 1, "against": 1}, "verdict_overturns_by_majority"),
    ],
)
def test_the_database_refuses_a_verdict(verdict: dict[str, Any], constraint: str) -> None:
    fields = {"support": 0, "against": 0, "abstain": 0, "why": "majority", "at": make.NOON}
    case = make.case()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Verdict.objects.create(case=case, **(fields | verdict))


def test_the_database_refuses_a_second_ballot_seat_and_exam() -> None:
    case = make.case()
    seat = case.seats.get(drawn=1)
    cast = make.ballot(seat)
    again: dict[str, Any] = {"choice": "support", "reason": "x", "cast_at": make.NOON}

    with pytest.raises(IntegrityError, match="seat_id"), transaction.atomic():
        Ballot.objects.create(seat=seat, receipt="other", **again)
    with pytest.raises(IntegrityError, match="receipt"), transaction.atomic():
        Ballot.objects.create(seat=case.seats.get(drawn=2), receipt=cast.receipt, **again)
    with pytest.raises(IntegrityError, match="ballot_choice_known"), transaction.atomic():
        Ballot.objects.create(
            seat=case.seats.get(drawn=2), receipt="other", **(again | {"choice": "maybe"})
        )
    with pytest.raises(IntegrityError, match="seat_once"), transaction.atomic():
        Seat.objects.create(case=case, juror=seat.juror, drawn=9, seated_at=make.NOON)
    with pytest.raises(IntegrityError, match="exam_result_paired"), transaction.atomic():
        ExamAttempt.objects.update(finished_at=None)
