"""What `manage.py check --deploy` and every start in production look at."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError, connection

from mutualaid import clock

MOVED = "The clock of this database has been moved."
HINT = "A database that has served a demo cannot serve members. Use another one."


@register(Tags.database)
def clock_is_real(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Production refuses a database whose clock was moved (design §3)."""
    if not settings.PRODUCTION or not databases:
        return []
    try:
        real = clock.is_real()
    except (ProgrammingError, OperationalError):
        return []  # not migrated yet, or not reachable: other commands say so
    return [] if real else [Error(MOVED, hint=HINT, id="mutualaid.E001")]


def refuse_moved_clock() -> None:
    """Called where web and worker start; looks in production only. Raises ImproperlyConfigured, or
    the error of a database that cannot be asked: who does not know the time does not serve."""
    if not settings.PRODUCTION:
        return
    try:
        if not clock.is_real():
            raise ImproperlyConfigured(f"{MOVED} {HINT}")
    finally:
        connection.close()  # the processes that are forked from here open their own
