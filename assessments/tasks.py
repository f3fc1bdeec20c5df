"""What beat rings for: read the clock, do what is due, in order."""

from __future__ import annotations

from celery import shared_task

from assessments import actions, books
from mutualaid import clock


@shared_task(name="assessments.tasks.due")
def due() -> None:
    """Open, lock, split, debit, pay: each asks the tables, so a call too many does nothing."""
    actions.open_periods_due(at=clock.now())
    actions.lock_due(at=clock.now())
    actions.split_due(at=clock.now())
    actions.debit_due(at=clock.now())
    actions.send_payouts_due(at=clock.now())


@shared_task(name="assessments.tasks.check_books")
def check_books() -> None:
    """Fails, and so is seen, when a proof does not hold."""
    broken = [str(found) for result in books.check() for found in result.found]
    if broken:
        raise AssertionError(f"The books are broken: {broken}")
