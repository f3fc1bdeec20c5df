"""What beat asks of this room: is anything due?"""

from celery import shared_task

from claims import actions
from mutualaid import clock


@shared_task(name="claims.tasks.due")
def due() -> None:
    """Take up again the claims whose day has come."""
    actions.resume_due(at=clock.now())
