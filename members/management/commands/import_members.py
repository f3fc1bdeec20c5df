"""`manage.py import_members FILE.csv --plan CODE`: a co-operative's list of members moves in.

Killed anywhere, the same command goes on where it stopped. docs/operations.md has the columns.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from members import actions
from members.models import ImportRun, Plan
from mutualaid import clock
from mutualaid.errors import Refused


class Command(BaseCommand):
    help = "Take in a list of members; with --dry-run, only say what would be taken and what not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--plan", required=True, help="the plan's code, such as critical")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--part", type=int, default=actions.PART_LINES, help="lines at a time")
        parser.add_argument("--errors", type=Path, help="where the lines not taken are written")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"].absolute()
        errors = options["errors"] or path.with_suffix(".errors.csv")
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        plan = Plan.objects.filter(code=options["plan"]).first()
        if plan is None:
            raise CommandError(f"There is no plan {options['plan']!r}.")
        with translation.override("en"):
            try:
                run = self._read(path, plan, options)
            except Refused as error:
                raise CommandError(str(error)) from error
        if run.bad:
            _write_problems(run, errors)
        self._report(run, errors, as_json=options["json"])

    def _read(self, path: Path, plan: Plan, options: dict[str, Any]) -> ImportRun:
        at = clock.now()
        run = actions.begin_import(
            path=str(path),
            file_name=path.name,
            plan_id=plan.pk,
            dry_run=options["dry_run"],
            by=None,
            at=at,
        )
        told = self._tell if self.stderr.isatty() else None
        done = actions.run_import(run_id=run.pk, at=at, part_lines=options["part"], told=told)
        return done or run

    def _tell(self, run: ImportRun) -> None:
        self.stderr.write(f"\r{run.done_lines:,} of {run.lines:,}", ending="")

    def _report(self, run: ImportRun, errors: Path, *, as_json: bool) -> None:
        if as_json:
            found = {
                "run": run.pk,
                "dry_run": run.dry_run,
                "lines": run.lines,
                "good": run.good,
                "bad": run.bad,
                "errors": str(errors) if run.bad else None,
            }
            self.stdout.write(json.dumps(found))
            return
        verb = "would join" if run.dry_run else "have joined"
        self.stdout.write(f"{run.good:,} of {run.lines:,} people {verb}.")
        if run.bad:
            self.stdout.write(f"{run.bad:,} lines were not taken. Why stands in {errors}")


def _write_problems(run: ImportRun, path: Path) -> None:
    with path.open("wb") as out:
        out.writelines(actions.problems_file(run=run))
    path.chmod(0o600)
