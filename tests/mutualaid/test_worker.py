"""A real worker and broker: what beat rings for happens, and a repeated ring changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings
from django.db import connections

from members.models import Membership
from mutualaid import clock, embedded
from mutualaid.celery import app
from tests import make
from tests.conftest import TEST_DATA

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60


@pytest.fixture
def broker() -> Iterator[str]:
    """The tests' broker, started for us if the tests were given their own database."""
    given = os.environ.get("MUTUALAID_TEST_BROKER_URL")
    yield given or embedded.ensure_broker(TEST_DATA)
    if not given:
        embedded.stop(TEST_DATA)


def url_of(alias: str) -> str:
    """The URL of the copy that this test works on."""
    name = connections.settings[alias]
    return (
        f"postgresql://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}"
        f"/{name['NAME']}"
    )


@pytest.fixture
def worker(broker: str, transactional_db: None) -> Iterator[Celery]:
    environment = os.environ | {
        "DATABASE_URL": url_of("default"),
        "BROKER_URL": broker,
        "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
    }
    command = ["-A", "mutualaid", "worker", "--pool", "solo", "--loglevel", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", *command], cwd=ROOT, env=environment
    )
    yield Celery("caller", broker=broker)
    process.terminate()
    process.wait(PATIENCE)


def comes_true(question: Callable[[], bool]) -> bool:
    """Whether `question()` becomes true while we have patience."""
    for _ in range(PATIENCE * 4):
        if question():
            return True
        time.sleep(0.25)
    return False


def test_beat_rings_only_for_tasks_that_there_are() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert wanted <= set(app.tasks)
    assert not settings.CELERY_BROKER_URL or settings.CELERY_TASK_SERIALIZER == "json"


def test_a_worker_ends_the_membership_of_somebody_who_has_aged_out(worker: Celery) -> None:
    membership = make.membership(born=date(1961, 12, 1), joined=make.NOON - timedelta(days=200))
    assert membership.ended_at is None
    assert clock.now() == make.NOON

    for _ in range(2):
        worker.send_task("members.tasks.due")

    ended = Membership.objects.filter(pk=membership.pk, end_reason=Membership.End.AGED_OUT)
    assert comes_true(ended.exists)
    assert ended.get().ended_at is not None
