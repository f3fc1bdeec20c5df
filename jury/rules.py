"""Who may be a juror, how long an exam waits, how large a panel is. Pure: no tables, no clock.

Source: domain.md §3a: of age, a paying member for 30 days, all six exam questions right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

ADULT = 18
EXAM_SIZE = 6
MIN_REASON = 20
MAX_REASON = 1000
FIRST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=24)
OTHER_CLAUSE = "other"


@dataclass(frozen=True)
class Condition:
    """One condition of the office. `code`: adult, member, days, exam; `when`: the Shanghai date
    from which it is met, if one can be told."""

    code: str
    met: bool
    when: date | None = None


def birthday(born: date, years: int) -> date:
    """The day on which somebody born on `born` is that old; 29 February counts as 1 March."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def conditions(
    *, born: date | None, joined_on: date | None, days: int, passed: bool, on: date
) -> list[Condition]:
    """Each condition with its state on the Shanghai date `on`.

    `born`: of the person who logs in, None if they have not added themselves; `joined_on`: of their
    open membership, None without one (who pays shares has one: arrears end it); `days`: how long a
    membership must have lasted.
    """
    grown = birthday(born, ADULT) if born else None
    ripe = joined_on + timedelta(days=days) if joined_on else None
    return [
        Condition("adult", grown is not None and grown <= on, grown),
        Condition("member", joined_on is not None, joined_on),
        Condition("days", ripe is not None and ripe <= on, ripe),
        Condition("exam", passed),
    ]


def may_serve(found: Sequence[Condition]) -> bool:
    """Whether every condition of the office is met."""
    return all(condition.met for condition in found)


def wait(failures: int) -> timedelta:
    """How long to wait after that many failed exams in a row: 1 hour, doubling, at most 24."""
    if failures < 1:
        return timedelta(0)
    doubled: int = 2 ** min(failures - 1, 10)
    return min(LONGEST_WAIT, FIRST_WAIT * doubled)


def try_again_at(*, finished_at: datetime, failures: int) -> datetime:
    """From when the exam may be taken again."""
    return finished_at + wait(failures)


def wrong(*, right: Sequence[int], answers: Sequence[int]) -> list[int]:
    """The places (from 0) of wrong answers. Both lists are of the same length."""
    return [
        place for place, pair in enumerate(zip(right, answers, strict=True)) if len({*pair}) > 1
    ]


def panel_size(*, wanted: int, available: int, quorum: int) -> int | None:
    """How many seats: what the rules say, or all there are; None if not even a quorum is there."""
    return min(wanted, available) if available >= quorum else None


def long_enough(reason: str) -> bool:
    """Whether a reason has the 20 characters it needs, white space not counted."""
    return len("".join(reason.split())) >= MIN_REASON
