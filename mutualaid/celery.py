"""Workers and beat. Beat is static and only ever asks what is due: two beats, or none for a day,
or an emptied broker delay and lose nothing."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")

app = Celery("mutualaid")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    name: {"task": name, "schedule": schedule, "options": {"expires": 240}}
    for name, schedule in {
        "members.tasks.due": crontab(minute="*/5"),
        "claims.tasks.due": crontab(minute="*/5"),
        "jury.tasks.due": crontab(),
        "assessments.tasks.due": crontab(minute="*/2"),
        "disclosures.tasks.due": crontab(minute="*/2"),
        "assessments.tasks.check_books": crontab(minute="*/10"),
    }.items()
}
