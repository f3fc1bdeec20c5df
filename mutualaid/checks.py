"""What `manage.py check --deploy` and every start in production look at."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, ProgrammingError

from mutualaid import clock


@register(Tags.database)
def clock_is_real(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Production refuses a database whose clock was moved (design §3)."""
    if not settings.PRODUCTION or not databases:
        return []
    try:
        real = clock.is_real()
    except (ProgrammingError, OperationalError):
        return []  # not migrated yet, or not reachable: other commands say so
    if real:
        return []
    return [
        Error(
            "The clock of this database has been moved.",
            hint="A database that has served a demo cannot serve members. Use another one.",
            id="mutualaid.E001",
        )
    ]
