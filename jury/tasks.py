"""What the broker rings for. Thin: read the clock, call the actions that ask what is due."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from jury import actions
from mutualaid import clock


@shared_task(name="jury.tasks.due")
def due(**_: Any) -> None:
    """Convene panels for new appeals, then close what has run out."""
    actions.convene_due(at=clock.now())
    actions.close_due(at=clock.now())
