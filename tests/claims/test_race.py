"""Two people, two connections, one moment: exactly one effect."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection

from claims import actions
from claims.models import ClaimEvent, Decision
from claims.states import Status
from members.models import Notice
from mutualaid import clock
from mutualaid.errors import NotNow
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*steps: Callable[[], object]) -> list[object]:
    """What each step returned or raised, run at the same time on connections of their own."""
    gate, results = Barrier(len(steps)), [None] * len(steps)

    def run(place: int, step: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[place] = step()  # type: ignore[call-overload]
        except NotNow as refused:
            results[place] = refused  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(results)


def test_two_reviewers_confirming_at_once_make_one_decision() -> None:
    claim = make.claim(Status.PROPOSED)
    decision, at = claim.decisions.get(), clock.now()
    people = [make.staff("reviewer"), make.staff("reviewer")]

    results = at_once(
        *(
            lambda person=person: actions.confirm(decision_id=decision.pk, by=person, at=at)
            for person in people
        )
    )

    assert sum(isinstance(result, NotNow) for result in results) == 1
    assert ClaimEvent.objects.filter(claim=claim, new=Status.GRANTED).count() == 1
    assert Notice.objects.filter(code="claim_granted").count() == 1
    assert Decision.objects.get().confirmed_by in people


def test_two_who_take_the_next_claim_at_once_take_two() -> None:
    plan = make.plan()
    made = {make.claim(Status.SUBMITTED, plan=plan).pk for _ in range(2)}
    people, at = [make.staff("adjuster"), make.staff("adjuster")], clock.now()

    results = at_once(
        *(lambda person=person: actions.take_next(by=person, at=at) for person in people)
    )

    assert {getattr(result, "pk", None) for result in results} == made
