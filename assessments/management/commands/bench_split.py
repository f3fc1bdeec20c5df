"""`manage.py bench_split --members N`: how fast a split is, against one row at a time. Leaves
nothing behind: everything happens in one transaction that is rolled back."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from assessments import bulk
from assessments.models import Period, Share, SplitRun
from members.models import Membership, Plan
from mutualaid import clock

BY_ROW = 2_000  # shares written one at a time: enough to know the rate

# Copies of one membership, each with a member of its own.
_CROWD = """
WITH people AS (
    INSERT INTO members_member (name, id_number_sealed, birth_on, sex, region, made_at)
    SELECT name, id_number_sealed, birth_on, sex, region, made_at
      FROM members_member, generate_series(1, %(count)s) WHERE id = %(member)s
    RETURNING id
)
INSERT INTO members_membership
       (member_id, plan_id, payer_id, rules_id, declaration_id, joined_at, covered_from)
SELECT p.id, m.plan_id, m.payer_id, m.rules_id, m.declaration_id, m.joined_at, m.covered_from
  FROM people AS p, members_membership AS m WHERE m.id = %(membership)s
"""


class Command(BaseCommand):
    help = "Measure the split of a period of N invented members; nothing is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--members", type=int, default=100_000)
        parser.add_argument("--part-ids", type=int, default=bulk.PART_IDS)

    def handle(self, *args: Any, **options: Any) -> None:
        one = Membership.objects.order_by("pk").first()
        if one is None:
            raise CommandError("There is no membership to copy. Load the demo world first.")
        with transaction.atomic():
            result = _measure(one, options["members"], options["part_ids"])
            transaction.set_rollback(True)
        self.stdout.write(json.dumps(result))


def _measure(one: Membership, members: int, part_ids: int) -> dict[str, Any]:
    at = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_CROWD, {"count": members, "member": one.member_id, "membership": one.pk})
        cursor.execute("ANALYZE members_membership")
    begin = perf_counter()
    run = _run(_period(one.plan, at), at)
    bulk.make_parts(run, part_ids=part_ids)
    rows = bulk.write_shares(run_id=run.pk, at=at)
    seconds = perf_counter() - begin
    singly = _by_row(_period(one.plan, at), at)
    return {
        "members": rows,
        "seconds": f"{seconds:.2f}",
        "rows_per_second": int(rows / seconds),
        "row_by_row_per_second": singly,
        "times_faster": int(rows / seconds / singly),
    }


def _period(plan: Plan, at: datetime) -> Period:
    number = (Period.objects.filter(plan=plan).order_by("number").last() or Period(number=0)).number
    day = timedelta(days=number + 1)
    return Period.objects.create(
        plan=plan, number=number + 1, cutoff_at=at + day, roster_at=at + day + timedelta(hours=1),
        disclose_at=at + day + timedelta(hours=2), split_at=at + day + timedelta(hours=3),
        rules=plan.rules.latest("effective_on"),
    )  # fmt: skip


def _run(period: Period, at: datetime) -> SplitRun:
    return SplitRun.objects.create(period=period, share_fen=1, begun_at=at)


def _by_row(period: Period, at: datetime) -> int:
    """Shares a second when each is an INSERT of its own."""
    roster = Membership.objects.on_roster(period.plan, period.roster_at).order_by("pk")[:BY_ROW]
    bulk.make_parts(_run(period, at))
    begin = perf_counter()
    for membership in roster:
        Share.objects.bulk_create(
            [Share(period=period, membership=membership, member_id=membership.member_id,
                   amount_fen=1)]
        )  # fmt: skip
    return int(len(roster) / (perf_counter() - begin))
