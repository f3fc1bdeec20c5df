"""How copies of notices reach somebody: by which channels, and when. Pure.

Times of the day are Asia/Shanghai. Who has chosen nothing has `Ways()`: e-mail and SMS, each at
once, nothing between ten at night and eight in the morning.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from mutualaid.clock import SHANGHAI

DIGEST_AT = time(18)
# How long after the first, second … try that failed the next one comes; then it is given up.
WAITS = [timedelta(minutes=minutes) for minutes in (2, 10, 60, 360, 1440)]
TRIES = len(WAITS) + 1


@dataclass(frozen=True)
class Ways:
    """What an account has chosen. `quiet_from` and `quiet_until`: both or neither, never equal."""

    email: bool = True
    sms: bool = True
    digest: bool = False
    quiet_from: time | None = time(22)
    quiet_until: time | None = time(8)
    language: str = "zh-hans"


def is_quiet(ways: Ways, at: datetime) -> bool:
    """Whether nothing that can wait is sent at that instant; the last minute is open again."""
    if ways.quiet_from is None or ways.quiet_until is None:
        return False
    now = at.astimezone(SHANGHAI).time()
    if ways.quiet_from < ways.quiet_until:
        return ways.quiet_from <= now < ways.quiet_until
    return now >= ways.quiet_from or now < ways.quiet_until


def free_from(ways: Ways, at: datetime) -> datetime:
    """That instant, or the end of the quiet hours that it lies in."""
    if ways.quiet_until is None or not is_quiet(ways, at):
        return at
    return _next(ways.quiet_until, at)


def due(ways: Ways, at: datetime, *, urgent: bool = False) -> datetime:
    """When a copy of a notice of that instant is to leave: at once where it is urgent; else outside
    quiet hours, and for who wants one message a day at six in the evening or as soon after as it is
    not quiet. Always within 48 hours."""
    if urgent:
        return at
    return free_from(ways, _next(DIGEST_AT, at) if ways.digest else at)


def _next(of_day: time, at: datetime) -> datetime:
    """The first instant with that time of the day, not before `at`."""
    local = at.astimezone(SHANGHAI)
    found = datetime.combine(local.date(), of_day, tzinfo=SHANGHAI)
    return found if found >= local else found + timedelta(days=1)


def channels(ways: Ways, has: Collection[str], *, must: bool, everywhere: bool) -> set[str]:
    """Of the channels that lead to somebody (`has`: "email", "sms") those by which a notice goes.

    `everywhere`: by all of them, whatever was chosen. `must`: where all of them are switched off,
    by e-mail all the same, or by SMS where there is no e-mail.
    """
    if everywhere:
        return set(has)
    chosen = {"email": ways.email, "sms": ways.sms}
    wanted = {channel for channel in has if chosen[channel]}
    if must and not wanted:
        return {"email"} & set(has) or set(has)
    return wanted
