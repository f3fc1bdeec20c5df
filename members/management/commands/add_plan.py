"""A plan from the presets of members/plans_data.py."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from members import plans_data
from mutualaid import clock


class Command(BaseCommand):
    help = "Set up a plan from a preset, with its first rules published. Without CODE: the presets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", nargs="?", choices=sorted(plans_data.PRESETS))
        parser.add_argument("--opens", type=date.fromisoformat, help="first day (default: today)")

    def handle(self, *args: Any, code: str | None, opens: date | None, **options: Any) -> None:
        if code is None:
            for each, preset in plans_data.PRESETS.items():
                self.stdout.write(f"{each:<10} {preset['name_zh']} ({preset['name_en']})")
            return
        plan = plans_data.ensure(code, opened_on=opens or clock.today())
        self.stdout.write(f"{plan.code}: {plan.name}, opened on {plan.opened_on}.")
