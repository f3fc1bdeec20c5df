"""Beat asks what is due; a worker publishes it and makes its files."""

from celery import shared_task

from disclosures import actions
from mutualaid import clock


@shared_task(name="disclosures.tasks.due", ignore_result=True, soft_time_limit=600)
def due() -> None:
    """Publish the periods whose hour has come; then make the files that are missing."""
    actions.publish_due(at=clock.now())
    actions.make_files_due(at=clock.now())
