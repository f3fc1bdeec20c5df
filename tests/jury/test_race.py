"""Two at once, with real connections: one ballot, one verdict, one case, and a tally of all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction

from claims.states import Status as ClaimStatus
from jury import actions
from jury.models import Ballot, Case, Seat, Verdict
from mutualaid import clock
from mutualaid.errors import NotNow
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "我看了双方的材料，按规则逐条对照，这是我的判断，没有别的考虑。"


def at_once(*steps: Callable[[], object]) -> list[str]:
    """Each step in a thread with a connection of its own, begun together: done or refused."""
    start = Barrier(len(steps))

    def run(step: Callable[[], object]) -> str:
        start.wait()
        try:
            step()
            return "done"
        except NotNow:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        return sorted(pool.map(run, steps))


def cast(seat: Seat, choice: str) -> Ballot:
    return actions.vote(
        seat_id=seat.pk,
        choice=choice,
        clause="other",
        reason=REASON,
        by=seat.juror.account,
        at=make.NOON,
    )


def read_seats(case: Case) -> list[Seat]:
    seats = list(case.seats.select_related("juror__account").order_by("drawn"))
    for seat in seats:
        actions.mark_read(seat_id=seat.pk, by=seat.juror.account, at=make.NOON)
    return seats


def test_one_juror_voting_twice_at_once_casts_one_ballot() -> None:
    for seat in read_seats(make.case(panel=5, quorum=3)):
        results = at_once(partial(cast, seat, "support"), partial(cast, seat, "against"))

        assert results == ["done", "refused"]
        assert Ballot.objects.filter(seat=seat).count() == 1


def wait_for_its_lock(work: Future[Any]) -> None:
    """Until the connection of this work waits for a lock; or it is done, which fails the test."""
    while not work.done():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError(f"It never waited: {work.result()}")


def test_a_vote_that_came_in_time_is_counted_though_the_close_began_before_its_commit() -> None:
    case = make.case()
    first, second, _third = read_seats(case)
    cast(first, "support")
    voted, close = Event(), Event()

    def slow_voter() -> None:
        with transaction.atomic():
            cast(second, "support")
            voted.set()
            close.wait()
        connection.close()

    def closer() -> None:
        actions.close_due(at=clock.now())
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(slow_voter)
        voted.wait()
        clock.move_to(case.closes_at, frozen=True)
        closing = pool.submit(closer)
        wait_for_its_lock(closing)
        close.set()
        slow.result()
        closing.result()

    verdict = Verdict.objects.get(case=case)
    assert (verdict.support, Ballot.objects.count()) == (2, 2)


def test_a_vote_that_waits_for_the_end_of_the_case_is_refused() -> None:
    case = make.case()
    seat = read_seats(case)[0]
    claimant = make.guardian(case.appeal.claim.member)

    def voter() -> str:
        try:
            cast(seat, "support")
            return "done"
        except NotNow:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            actions.withdraw_case(case_id=case.pk, by=claimant, at=make.NOON)
            vote = pool.submit(voter)
            wait_for_its_lock(vote)
        assert vote.result() == "refused"

    assert not Ballot.objects.exists()


def test_votes_around_the_closing_instant_are_counted_or_refused() -> None:
    case = make.case(panel=5, quorum=1)
    first, *others = read_seats(case)
    cast(first, "against")
    clock.move_to(case.closes_at - timedelta(milliseconds=40))

    def closer() -> None:
        while not actions.close_due(at=clock.now()):
            pass

    at_once(closer, *(partial(cast, seat, "support") for seat in others))

    verdict = Verdict.objects.get(case=case)
    counted = [verdict.support, verdict.against, verdict.abstain]
    assert sum(counted) == Ballot.objects.count()
    assert verdict.support == Ballot.objects.filter(choice="support").count()


def test_two_who_close_at_once_write_one_verdict() -> None:
    case = make.case()
    for seat in read_seats(case):
        cast(seat, "support")
    clock.move_to(case.closes_at, frozen=True)

    def close() -> object:
        return actions.close_due(at=clock.now())

    assert at_once(close, close) == ["done", "done"]
    assert Verdict.objects.count() == 1
    claim = case.appeal.claim
    claim.refresh_from_db()
    assert claim.status == ClaimStatus.GRANTED


def test_two_who_convene_at_once_make_one_panel() -> None:
    plan = make.plan()
    for _juror in range(3):
        make.juror(plan)
    make.claim(ClaimStatus.APPEALED, plan=plan)

    def convene() -> object:
        return actions.convene_due(at=make.NOON)

    at_once(convene, convene)

    assert (Case.objects.count(), Seat.objects.count()) == (1, 3)


def test_two_who_decline_at_once_are_replaced_by_two() -> None:
    case = make.case(spare=3)
    seats = list(case.seats.select_related("juror__account").order_by("drawn")[:2])

    at_once(
        *(
            partial(actions.decline, seat_id=seat.pk, by=seat.juror.account, at=make.NOON)
            for seat in seats
        )
    )

    drawn = list(case.seats.held().order_by("drawn").values_list("drawn", flat=True))
    assert drawn == [3, 4, 5]
