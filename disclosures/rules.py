"""How long the public may object. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from mutualaid.clock import day


def days_left(closes_at: datetime, now: datetime) -> int:
    """How many Shanghai days, today included, are left to object; 0 when it is over."""
    if now >= closes_at:
        return 0
    last = day(closes_at - timedelta(microseconds=1))
    return (last - day(now)).days + 1
