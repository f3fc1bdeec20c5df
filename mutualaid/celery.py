"""Workers and beat. Beat is static and only ever asks what is due: two beats, or none for a day,
or an emptied broker delay and lose nothing."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery, bootsteps
from celery.schedules import crontab

from mutualaid.checks import refuse_moved_clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")

app = Celery("mutualaid")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class RealClock(bootsteps.Step):
    """A worker in production looks at the clock before it takes up anything."""

    def create(self, parent: Any) -> None:
        """Called once, in the process that starts the others."""
        refuse_moved_clock()


# Somebody sits before a page that waits for it.
AT_ONCE = timedelta(seconds=10)

app.steps["worker"].add(RealClock)
app.conf.beat_schedule = {
    name: {"task": name, "schedule": schedule, "options": {"expires": 240}}
    for name, schedule in {
        "members.tasks.due": crontab(minute="*/5"),
        "members.tasks.exports": crontab(),
        "members.tasks.receipts": AT_ONCE,
        "members.tasks.imports": AT_ONCE,
        "members.tasks.copies": crontab(),
        "claims.tasks.due": crontab(minute="*/5"),
        "jury.tasks.due": crontab(),
        "assessments.tasks.due": crontab(minute="*/2"),
        "disclosures.tasks.due": crontab(minute="*/2"),
        "assessments.tasks.check_books": crontab(minute="*/10"),
    }.items()
}
