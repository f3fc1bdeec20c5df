"""Killed, or started twice: with real connections and a real process, exactly one effect."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
from django.db import connection, connections

from assessments import actions, books
from assessments.models import JournalEntry, Period, Share, SplitPart
from assessments.states import Stage
from members.models import Membership, Notice
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent.parent


def digest(period: Period) -> str:
    """Of every share of a period, by member: what "the same shares" means."""
    shares = Share.objects.filter(period=period).order_by("member_id")
    text = "\n".join(
        f"{member}:{fen}" for member, fen in shares.values_list("member", "amount_fen")
    )
    return hashlib.sha256(text.encode()).hexdigest()


def url(alias: str) -> str:
    values = connections[alias].settings_dict
    return (
        f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}"
        f"/{values['NAME']}"
    )


def process(period: Period) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "split", str(period.pk), "--part-ids", "2"],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": url("default"),
            "DATABASE_OWNER_URL": url("owner"),
            "BROKER_URL": "redis://127.0.0.1:1/0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(true: Callable[[], object], seconds: int = 120) -> None:
    for _try in range(seconds * 20):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_a_split_that_was_killed_ends_as_if_it_had_never_been() -> None:
    plan = make.plan(fee_bp=0)
    period = make.period(Stage.DISCLOSED, plan=plan, members=9, benefit_fen=1000)
    clock.move_to(period.split_at, frozen=True)
    ids = list(Membership.objects.on_roster(plan, period.roster_at).order_by("pk"))
    in_the_way = ids[5]

    with psycopg.connect(url("default")) as blocker:
        # A row of ours that nobody has committed: the part that meets it waits, in the middle.
        blocker.execute("SELECT assessments_make_partition(%s)", [period.pk])
        blocker.commit()
        blocker.execute(
            "INSERT INTO assessments_share VALUES (%s, %s, %s, 0)",
            [period.pk, in_the_way.pk, in_the_way.member_id],
        )
        running = process(period)
        waits = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(url("default"), autocommit=True) as watcher:
            wait_until(lambda: watcher.execute(waits).fetchone() or running.poll() is not None)
        running.kill()
        said = running.communicate()[0]
        assert running.returncode == -9, said
        blocker.rollback()

    written = Share.objects.filter(period=period).count()
    done = SplitPart.objects.filter(run__period=period, done_at__isnull=False)
    assert 0 < written < 9
    assert sum(part.rows or 0 for part in done) == written
    assert Period.objects.get(pk=period.pk).stage == Stage.SPLITTING

    actions.split_due(at=clock.now())

    period.refresh_from_db()
    assert (period.stage, period.charged_fen) == (Stage.SPLIT, 112 * 9)
    right = "\n".join(f"{m.member_id}:112" for m in sorted(ids, key=lambda m: m.member_id))
    assert digest(period) == hashlib.sha256(right.encode()).hexdigest()
    assert JournalEntry.objects.filter(kind="split").count() == 1
    assert all(result.holds for result in books.check())


def test_two_who_split_at_once_make_one_split() -> None:
    period = make.period(Stage.DISCLOSED, members=9, benefit_fen=1000)
    clock.move_to(period.split_at, frozen=True)
    start = Barrier(4)

    def split(_starter: int) -> str:
        try:
            start.wait()
            return actions.split(period_id=period.pk, by=None, at=clock.now(), part_ids=1).stage
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(split, range(4))) == [Stage.SPLIT] * 4

    assert Share.objects.filter(period=period).count() == 9
    assert JournalEntry.objects.filter(kind="split").count() == 1
    assert Notice.objects.filter(code="share_due").count() == 1
    assert Membership.objects.filter(end_reason="helped").count() == 1
    assert all(result.holds for result in books.check())


def test_one_split_with_several_workers_is_one_split() -> None:
    period = make.period(Stage.DISCLOSED, members=9, benefit_fen=1000)
    clock.move_to(period.split_at, frozen=True)

    split = actions.split(period_id=period.pk, by=None, at=clock.now(), workers=3, part_ids=1)

    assert split.stage == Stage.SPLIT
    assert Share.objects.filter(period=period).count() == 9


def test_two_who_debit_at_once_ask_once() -> None:
    period = make.period(Stage.SPLIT, members=4)
    start = Barrier(2)

    def debit(_starter: int) -> None:
        try:
            start.wait()
            actions.debit(period_id=period.pk, by=None, at=clock.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(debit, range(2)))

    assert period.batches.count() == 1
    assert JournalEntry.objects.filter(kind="debit").count() == 1
    assert all(result.holds for result in books.check())
