"""The one clock: the database's, in SQL `mutualaid_now()`.

It is `clock_timestamp()` plus one offset row. Only a database that its owner has marked as movable
(the demo, the tests) lets anybody set that row; production refuses to start with an offset. Dates
are those of Asia/Shanghai. Nothing else in the house reads a clock (tests/test_layers.py).
"""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db import connection

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The instant, aware, as the database sees it at this very moment (not at BEGIN)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT mutualaid_now()")
        instant: datetime = cursor.fetchone()[0]
    return instant.astimezone(SHANGHAI)


def today() -> date:
    """The date in Shanghai."""
    return now().date()


def day(instant: datetime) -> date:
    """The Shanghai date of an aware instant."""
    return instant.astimezone(SHANGHAI).date()


def midnight(on: date) -> datetime:
    """00:00 in Shanghai on that day."""
    return datetime.combine(on, time.min, tzinfo=SHANGHAI)


def move_to(instant: datetime, *, frozen: bool = False) -> None:
    """Set the clock of a demo or test database; frozen, it stands still there.

    Raises an error of the database if its owner has not marked it as movable.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT mutualaid_set_clock(%s, %s)", [instant, frozen])


def reset() -> None:
    """Back to real time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT mutualaid_set_clock(NULL, false)")


def is_real() -> bool:
    """Whether the clock shows real time. Production does not start otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT \"offset\" = interval '0' AND frozen_at IS NULL FROM mutualaid_clock"
        )
        return bool(cursor.fetchone()[0])
