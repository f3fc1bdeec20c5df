"""`manage.py split PERIOD_ID [--workers N]`: begin a split, or go on with one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assessments import actions, bulk
from assessments.states import DONE
from mutualaid import clock
from mutualaid.errors import Refused


class Command(BaseCommand):
    help = "Split a period, or go on with a split that was interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("period_id", type=int)
        parser.add_argument("--workers", type=int, default=1, help="connections at once")
        parser.add_argument(
            "--part-ids", type=int, default=bulk.PART_IDS, help="membership ids a transaction"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            period = actions.split(
                period_id=options["period_id"],
                by=None,
                at=clock.now(),
                workers=options["workers"],
                part_ids=options["part_ids"],
            )
        except Refused as error:
            raise CommandError(str(error)) from error
        if period.stage not in DONE:
            raise CommandError(period.get_problem_display())
        self.stdout.write(f"{period}: {period.members} shares, {period.charged_fen} fen")
