"""What the broker rings for. Thin: read the clock, call the action that asks what is due."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from members import actions
from mutualaid import clock


@shared_task(name="members.tasks.due")
def due(**_: Any) -> None:
    """End what has ended, tell what is coming, begin the rules whose day has come."""
    actions.leave_due(at=clock.now())
    actions.dissolve_due(at=clock.now())
    actions.age_out_due(at=clock.now())
    actions.warn_due(at=clock.now())
    actions.mandates_due(at=clock.now())
    actions.rules_due(at=clock.now())
    actions.erasures_due(at=clock.now())
    actions.logins_due(at=clock.now())
    actions.recover_due(at=clock.now())
    actions.help_calls_due(at=clock.now())


@shared_task(name="members.tasks.exports")
def exports(**_: Any) -> None:
    """Make the copies of data that were asked for, and remove old ones."""
    actions.exports_due(at=clock.now())


@shared_task(name="members.tasks.receipts")
def receipts(**_: Any) -> None:
    """Make the receipts of joining that were asked for, and remove old ones."""
    actions.receipts_due(at=clock.now())


@shared_task(name="members.tasks.imports")
def imports(**_: Any) -> None:
    """Read the lists of members that wait or were left in the middle, and remove old files."""
    actions.imports_due(at=clock.now())


@shared_task(name="members.tasks.copies")
def copies(**_: Any) -> None:
    """Send the copies of notices that are due: less than a minute's worth at a time."""
    actions.copies_due(at=clock.now())
