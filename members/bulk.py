"""The writer of sets: ends of memberships, and the demo crowd. The same checks as `actions`, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from members.models import Membership

_END = """
UPDATE members_membership
   SET ended_at = %(at)s, end_reason = %(reason)s
 WHERE id = ANY(%(ids)s) AND ended_at IS NULL AND joined_at <= %(at)s
"""

_AGE_OUT = """
WITH ended AS (
    UPDATE members_membership AS s
       SET ended_at = %(at)s, end_reason = 'aged_out'
      FROM members_member AS m, members_rules AS r
     WHERE m.id = s.member_id AND r.id = s.rules_id
       AND s.ended_at IS NULL AND s.joined_at <= %(at)s
       AND m.birth_on + make_interval(years => r.max_age_years::int + 1) <= %(on)s
 RETURNING s.id, s.payer_id, m.name, r.max_age_years
), told AS (
    INSERT INTO members_notice (account_id, code, facts, at)
    SELECT payer_id, 'aged_out',
           jsonb_build_object(
               'name', left(name, 1) || repeat('*', length(name) - 1),
               'number', 'M' || lpad(id::text, 9, '0'),
               'ended_on', %(on)s::date, 'age', max_age_years),
           %(at)s
      FROM ended
)
SELECT count(*) FROM ended
"""


def end_in_sets(membership_ids: Sequence[int], reason: str, at: datetime) -> int:
    """End those that are open, all at once; returns how many. Locks their rows.

    Notices are the caller's. Raises ValueError for a reason that is none.
    """
    values: dict[str, Any] = {
        "ids": list(membership_ids),
        "reason": Membership.End(reason).value,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_END, values)
        count: int = cursor.rowcount
    return count


def age_out(*, on: date, at: datetime) -> int:
    """End every open membership whose member has passed the highest age of its rules by that day,
    and tell its payer; returns how many. Locks their rows. The name is masked as in `rules`."""
    with connection.cursor() as cursor:
        cursor.execute(_AGE_OUT, {"on": on, "at": at})
        count: int = cursor.fetchone()[0]
    return count


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def demo_number(province: str, born: date, sex: str, serial: int) -> str:
    """An ID number of nobody: its county is unassigned, and only the sandbox accepts it.

    `serial` 0 to 499 tells apart people born there on the same day.
    """
    body = f"{province}9999{born:%Y%m%d}{serial * 2 + (sex == 'm'):03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]
