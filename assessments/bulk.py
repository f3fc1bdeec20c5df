"""Writes of sets: the shares of a period, and what came of a debit. Statements, not loops.

A split is made of parts (ranges of membership ids). Each part is one INSERT … SELECT whose count
and sum are recorded in the same transaction, so a split that was killed goes on where it stopped
and ends as if it had never been killed. `preview` sums the same SELECT instead of writing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Min, Sum
from django.utils.translation import gettext as _

from assessments import rules
from assessments.models import Arrears, DebitBatch, Period, SplitPart, SplitRun
from members.models import Membership, Rules
from mutualaid import clock
from mutualaid.errors import NotNow

PART_IDS = 200_000  # ids a part: some seconds of work, and what a kill loses at most
COPY_ROWS = 10_000

# The same condition as MembershipQuerySet.on_roster; tests hold the two equal.
_ROSTER = """
        SELECT id, member_id
          FROM members_membership
         WHERE id BETWEEN %(low)s AND %(high)s
           AND plan_id = %(plan)s
           AND joined_at < %(roster_at)s
           AND (ended_at >= %(roster_at)s
                OR ended_at IS NULL AND (leaving_at IS NULL OR leaving_at >= %(roster_at)s))
"""

# rules.charge without a cap: the share, for everybody.
_FLAT = f"""
    SELECT id AS membership_id, member_id, %(share)s::bigint AS amount_fen
      FROM ({_ROSTER}) AS roster
"""  # noqa: S608 the parts are constants of this file

# rules.charge with the annual cap: what a member was charged this year counts over all their
# memberships of the plan.
_CAPPED = f"""
    SELECT roster.id AS membership_id, roster.member_id,
           greatest(0, least(%(share)s, %(cap)s - coalesce(sum(s.amount_fen), 0)))::bigint
               AS amount_fen
      FROM ({_ROSTER}) AS roster
      JOIN members_membership AS every
           ON every.member_id = roster.member_id AND every.plan_id = %(plan)s
      LEFT JOIN assessments_share AS s
           ON s.membership_id = every.id AND s.period_id = ANY(%(earlier)s)
     GROUP BY roster.id, roster.member_id
"""  # noqa: S608


def _writing(charges: str) -> str:
    return f"""
WITH charges AS ({charges}), written AS (
    INSERT INTO assessments_share (period_id, membership_id, member_id, amount_fen)
    SELECT %(period)s, membership_id, member_id, amount_fen FROM charges
    RETURNING amount_fen
)
SELECT count(*), coalesce(sum(amount_fen), 0) FROM written
"""  # noqa: S608


def _summing(charges: str) -> str:
    return f"SELECT count(*), coalesce(sum(amount_fen), 0) FROM ({charges}) AS charges"  # noqa: S608


_WRITE = {False: _writing(_FLAT), True: _writing(_CAPPED)}  # by whether the annual cap can bind
_SUM = {False: _summing(_FLAT), True: _summing(_CAPPED)}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a period costs before and after the annual cap, in fen. All of operator_fen: what it
    bears of cases above their cap, and of shares above the annual cap."""

    quote: rules.Quote
    charged_fen: int
    operator_fen: int


@dataclass(frozen=True, slots=True)
class _Charging:
    """The numbers that every part of one split uses."""

    capped: bool
    values: dict[str, Any]

    def run(self, statements: dict[bool, str], low: int, high: int) -> tuple[int, int]:
        """Count and sum over the memberships with an id in [low, high]."""
        with connection.cursor() as cursor:
            cursor.execute(statements[self.capped], self.values | {"low": low, "high": high})
            count, total = cursor.fetchone()
        return int(count), int(total)


def roster_count(period: Period) -> int:
    """N: who shares the period, counted now as of its roster instant (design §6)."""
    return Membership.objects.on_roster(period.plan, period.roster_at).count()


def quote(period: Period) -> rules.Quote:
    """The split of a locked period on paper, from its active cases. Raises NotNow before the lock
    (money terms, N and the surplus are not fixed)."""
    terms = _terms(period)
    by_benefit = period.cases.active().values_list("benefit_fen").annotate(Count("pk"))
    return rules.quote_counted(
        members=period.members or 0,
        benefits=by_benefit.order_by("benefit_fen"),
        fee_bp=terms.fee_bp,
        surplus_in=period.surplus_in_fen or 0,
        case_cap=terms.case_cap_fen,
        operator_bears=period.operator_bears,
    )


def _terms(period: Period) -> Rules:
    if period.rules is None:
        raise NotNow(
            _("Period %(number)s is not locked yet, so nothing about it can be counted.")
            % {"number": period.number}
        )
    return period.rules


def preview(period: Period) -> Preview:
    """What the split will charge, by the same statement that writes it. Scans the roster only in
    a year in which the annual cap can bind."""
    quoted = quote(period)
    full = quoted.share_fen * quoted.members
    charging = _charging(period, quoted.share_fen)
    charged = charging.run(_SUM, *_id_range(period))[1] if charging.capped else full
    return Preview(quoted, charged, quoted.operator_fen + full - charged)


def _id_range(period: Period) -> tuple[int, int]:
    found = Membership.objects.on_roster(period.plan, period.roster_at).aggregate(
        low=Min("pk"), high=Max("pk")
    )
    return found["low"] or 0, found["high"] or -1


def _charging(period: Period, share_fen: int) -> _Charging:
    cap = _terms(period).annual_cap_fen
    earlier = Period.objects.split().same_year(period).filter(number__lt=period.number)
    most = earlier.aggregate(most=Sum("share_fen"))["most"] or 0
    values = {
        "period": period.pk,
        "plan": period.plan_id,
        "roster_at": period.roster_at,
        "share": share_fen,
        "cap": cap,
        "earlier": list(earlier.values_list("pk", flat=True)),
    }
    return _Charging(cap is not None and most + share_fen > cap, values)


# --- the split


def make_parts(run: SplitRun, *, part_ids: int = PART_IDS) -> int:
    """Cut the roster's ids into parts and make the period's partition; returns how many parts.
    The caller holds the lock of the period."""
    low, high = _id_range(run.period)
    parts = [
        SplitPart(run=run, low=start, high=min(start + part_ids - 1, high))
        for start in range(low, high + 1, part_ids)
    ]
    SplitPart.objects.bulk_create(parts)
    with connection.cursor() as cursor:
        cursor.execute("SELECT assessments_make_partition(%s)", [run.period_id])
    return len(parts)


def write_shares(*, run_id: int, at: datetime, workers: int = 1) -> int:
    """Write the parts that nobody has written; returns how many shares this call wrote.

    Each part is a transaction of its own. Any number of callers share the work: a part that
    another holds is passed by.
    """
    if workers == 1:
        return sum(_each_part(run_id, at))
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(lambda _worker: _write_with_own_connection(run_id, at), range(workers)))


def _write_with_own_connection(run_id: int, at: datetime) -> int:
    try:
        return sum(_each_part(run_id, at))
    finally:
        connection.close()


def _each_part(run_id: int, at: datetime) -> Iterator[int]:
    run = SplitRun.objects.select_related("period__rules").get(pk=run_id)
    charging = _charging(run.period, run.share_fen)
    while (rows := _write_part(run, charging, at)) is not None:
        yield rows


@transaction.atomic
def _write_part(run: SplitRun, charging: _Charging, at: datetime) -> int | None:
    """One part under its row lock; None when none is free."""
    free = run.parts.select_for_update(skip_locked=True).filter(done_at__isnull=True)
    part = free.order_by("low").first()
    if part is None:
        return None
    part.rows, part.charged_fen = charging.run(_WRITE, part.low, part.high)
    part.done_at = at
    part.save(update_fields=["rows", "charged_fen", "done_at"])
    return part.rows


# --- debits

# The payer's own share first, then the family in the order in which they joined (design §6).
_ROWS = """
    SELECT s.membership_id, m.payer_id, s.amount_fen
      FROM assessments_share AS s
      JOIN members_membership AS m ON m.id = s.membership_id
      LEFT JOIN members_householdlink AS own
           ON own.account_id = m.payer_id AND own.member_id = m.member_id
          AND own.relation = 'self'
     WHERE s.period_id = %(period)s AND s.amount_fen > 0
"""
_ORDER = " ORDER BY m.payer_id, own.id IS NULL, m.joined_at, m.id"
# Who had agreed to be debited when the batch was made; who had not is not asked for, and fails.
_MANDATE = """
       AND {} (SELECT FROM members_mandate AS d
                WHERE d.account_id = m.payer_id AND d.given_at <= %(made_at)s
                  AND d.expires_on > %(made_on)s
                  AND (d.revoked_at IS NULL OR d.revoked_at > %(made_at)s))
"""
_AGREED, _NOT_AGREED = _MANDATE.format("EXISTS"), _MANDATE.format("NOT EXISTS")
NO_MANDATE = "no_mandate"
_STILL_OPEN = """
       AND EXISTS (SELECT FROM assessments_arrears AS a
                    WHERE a.period_id = s.period_id AND a.membership_id = s.membership_id
                      AND a.paid_at IS NULL AND a.advanced_at IS NULL)
"""
# By whether it is the first attempt.
_ASKED = {
    True: _ROWS + _AGREED + _ORDER,
    False: _ROWS + _AGREED + _STILL_OPEN + _ORDER,
}
_NOT_ASKED = {
    True: _ROWS + _NOT_AGREED,
    False: _ROWS + _NOT_AGREED + _STILL_OPEN,
}

_FAILED = """
DROP TABLE IF EXISTS pg_temp.failed_debit;
CREATE TEMPORARY TABLE failed_debit (membership_id bigint PRIMARY KEY, code text NOT NULL)
    ON COMMIT DROP
"""

_OPEN_ARREARS = """
INSERT INTO assessments_arrears
       (period_id, membership_id, member_id, amount_fen, reason, opened_at)
SELECT s.period_id, s.membership_id, s.member_id, s.amount_fen, f.code, %(at)s
  FROM failed_debit AS f
  JOIN assessments_share AS s
       ON s.period_id = %(period)s AND s.membership_id = f.membership_id AND s.amount_fen > 0
"""

_KEEP_ARREARS = """
UPDATE assessments_arrears AS a
   SET reason = f.code
  FROM failed_debit AS f
 WHERE a.period_id = %(period)s AND a.membership_id = f.membership_id
   AND a.paid_at IS NULL AND a.advanced_at IS NULL
"""

_PAY_ARREARS = """
UPDATE assessments_arrears AS a
   SET paid_at = %(at)s, paid_batch_id = %(batch)s
 WHERE a.period_id = %(period)s AND a.paid_at IS NULL AND a.advanced_at IS NULL
   AND NOT EXISTS (SELECT FROM failed_debit AS f WHERE f.membership_id = a.membership_id)
"""

# One notice a payer and day, with what is still owed.
_TELL_DEBTORS = """
INSERT INTO members_notice (account_id, plan_id, code, facts, at)
SELECT m.payer_id, NULL, 'debit_failed',
       jsonb_build_object('number', %(number)s, 'owed_fen', sum(a.amount_fen)::bigint,
                          'people', count(*), 'again_on', %(again_on)s, 'last_on', %(last_on)s),
       %(at)s
  FROM assessments_arrears AS a
  JOIN members_membership AS m ON m.id = a.membership_id
 WHERE a.period_id = %(period)s AND a.paid_at IS NULL AND a.advanced_at IS NULL
 GROUP BY m.payer_id
"""

_ADVANCE = """
UPDATE assessments_arrears
   SET advanced_at = %(at)s
 WHERE period_id = %(period)s AND paid_at IS NULL AND advanced_at IS NULL
"""

# Who has not paid leaves the plan; the name is masked as in members.rules.mask_name.
_END_FOR_ARREARS = """
WITH ended AS (
    UPDATE members_membership AS m
       SET ended_at = %(at)s, end_reason = 'arrears'
      FROM assessments_arrears AS a, members_member AS p
     WHERE a.period_id = %(period)s AND a.paid_at IS NULL
       AND m.id = a.membership_id AND m.ended_at IS NULL AND p.id = m.member_id
 RETURNING m.id, m.payer_id, p.name
), told AS (
    INSERT INTO members_notice (account_id, plan_id, code, facts, at)
    SELECT payer_id, NULL, 'membership_ended_arrears',
           jsonb_build_object('name', left(name, 1) || repeat('*', length(name) - 1),
                              'number', 'M' || lpad(id::text, 9, '0'),
                              'ended_on', %(on)s::date),
           %(at)s
      FROM ended
)
SELECT count(*) FROM ended
"""


def asked(period: Period, *, attempt: int) -> tuple[int, int]:
    """How many debits an attempt asks for, and their sum in fen."""
    if attempt == 0:
        found = _one(
            "SELECT count(*), coalesce(sum(amount_fen), 0) FROM assessments_share"
            " WHERE period_id = %(period)s AND amount_fen > 0",
            {"period": period.pk},
        )
        return int(found[0]), int(found[1])
    totals = period.arrears.open().aggregate(rows=Count("pk"), fen=Sum("amount_fen"))
    return totals["rows"], totals["fen"] or 0


def debit_rows(batch: DebitBatch) -> Iterator[tuple[int, int, int]]:
    """(membership, payer, fen) of every debit of the batch that its payer has agreed to, the
    payer's own share first.

    Streamed by a cursor on the server; the caller is in a transaction.
    """
    return _stream("debits", _ASKED[batch.attempt == 0], batch)


def unmandated(batch: DebitBatch) -> Iterator[tuple[int, str]]:
    """(membership, "no_mandate") of the shares whose payer had no live mandate when the batch was
    made: nobody asks the provider for them, and they count as failed."""
    for membership_id, _payer, _fen in _stream("refused", _NOT_ASKED[batch.attempt == 0], batch):
        yield membership_id, NO_MANDATE


def _stream(name: str, statement: str, batch: DebitBatch) -> Iterator[tuple[int, int, int]]:
    values = {
        "period": batch.period_id,
        "made_at": batch.made_at,
        "made_on": clock.day(batch.made_at),
    }
    with connection.cursor() as plain, plain.connection.cursor(name=name) as cursor:
        cursor.itersize = COPY_ROWS
        cursor.execute(statement, values)
        yield from cursor


def record_answer(batch: DebitBatch, failures: Iterable[tuple[int, str]], at: datetime) -> int:
    """Open, keep or pay the arrears of the period by what failed; returns how many failed.

    The caller holds the batch's lock. Raises ValueError if the provider names a debit that nobody
    asked for; a debit named twice breaks the table's key.
    """
    values: dict[str, Any] = {"period": batch.period_id, "batch": batch.pk, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_FAILED)
        failed = _copy_failures(cursor, failures)
        cursor.execute(_OPEN_ARREARS if batch.attempt == 0 else _KEEP_ARREARS, values)
        if cursor.rowcount != failed:
            raise ValueError(f"{batch}: {failed} failures, but {cursor.rowcount} were asked for.")
        if batch.attempt:
            cursor.execute(_PAY_ARREARS, values)
    return failed


def _copy_failures(cursor: Any, failures: Iterable[tuple[int, str]]) -> int:
    """Into the temporary table, some thousand at a time: rows are still being fetched meanwhile."""
    total, stream = 0, iter(failures)
    while chunk := list(islice(stream, COPY_ROWS)):
        with cursor.copy("COPY failed_debit (membership_id, code) FROM STDIN") as copy:
            for row in chunk:
                copy.write_row(row)
        total += len(chunk)
    return total


def tell_debtors(period: Period, *, again_on: str, last_on: str, at: datetime) -> None:
    """A notice to every payer who still owes; the days are ISO dates."""
    values: dict[str, Any] = {"period": period.pk, "number": period.number, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_TELL_DEBTORS, values | {"again_on": again_on, "last_on": last_on})


def advance_arrears(period: Period, at: datetime) -> int:
    """The operator takes over what is still open; returns the sum in fen. The period is locked."""
    owed = period.arrears.open().aggregate(fen=Sum("amount_fen"))["fen"] or 0
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE, {"period": period.pk, "at": at})
    return owed


def end_for_arrears(period: Period, *, on: str, at: datetime) -> int:
    """Memberships with an unpaid share of the period end, and their payers are told; how many."""
    return int(_one(_END_FOR_ARREARS, {"period": period.pk, "on": on, "at": at})[0])


def advanced_fen(plan_id: int) -> int:
    """What the operator has advanced for members of the plan and not got back."""
    advanced = Arrears.objects.advanced().filter(period__plan=plan_id)
    return advanced.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def _one(statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
