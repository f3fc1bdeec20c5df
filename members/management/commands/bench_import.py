"""`manage.py bench_import --json`: how fast a list moves in, against a bare COPY of what it wrote.

Both go into fresh databases of this server, with the same tables, indexes and constraints, one
after the other in this process; both are dropped afterwards. The bare COPY takes one table after
the other from files that hold the very rows that the import wrote.
"""

from __future__ import annotations

import json
import resource
from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from members import bulk_import, reference
from members.crowd import GIVEN, PROVINCES, SURNAMES
from members.models import ImportRun, Plan
from members.rules import demo_id_number
from mutualaid import clock, scratch

_BLOCK = 1 << 20
_KB = 1024
_HEADER = "family,name,id_number,relation,phone,consent,declared,rules,payment_agreed_on\n"


class Command(BaseCommand):
    help = "Measure the import of an invented list against a bare COPY; nothing is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=1_000_000)
        parser.add_argument("--seed", type=int, default=20_211_207)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The invented people need MUTUALAID_DEMO=1.")
        with TemporaryDirectory(prefix="bench-import-") as folder:
            found = _measure(Path(folder), options["rows"], options["seed"])
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name}: {value}")


def _measure(folder: Path, rows: int, seed: int) -> dict[str, Any]:
    settings.IMPORT_DIR = folder / "imports"
    with scratch.database("import"):
        plan = reference.ensure_plan(demo=True)
        path = _write_list(folder / "list.csv", rows, seed, plan)
        begin = perf_counter()
        call_command("import_members", str(path), plan=plan.code, json=True, stdout=_Silent())
        seconds = perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run = ImportRun.objects.get()
        sizes = {table: _copy_out(table, folder / table) for table in bulk_import.COLUMNS}
    with scratch.database("copy"):
        reference.ensure_plan(demo=True)
        reference.ensure_paper_questions()
        copy_seconds = sum(_copy_in(table, folder / table) for table in bulk_import.COLUMNS)
    rate, copy_rate = run.good / seconds, run.good / copy_seconds
    return {
        "rows": run.good,
        "bad": run.bad,
        "seconds": round(seconds, 1),
        "rows_per_s": int(rate),
        "copy_seconds": round(copy_seconds, 1),
        "copy_rows_per_s": int(copy_rate),
        "ratio": round(rate / copy_rate, 3),
        "peak_rss_mb": peak // _KB,
        "copied_mb": sum(sizes.values()) >> 20,
        "seed": seed,
    }


class _Silent:
    def write(self, text: str) -> None:
        """The command's own report is not ours."""


def _write_list(path: Path, rows: int, seed: int, plan: Plan) -> Path:
    """Families of one to four, everybody good."""
    chance, today = Random(seed), clock.today()  # noqa: S311 - repeatable, no secret
    version, agreed = plan.rules.latest("effective_on").version, today - timedelta(days=3)
    names = "".join(SURNAMES)
    serials: dict[date, int] = {}
    with path.open("w", encoding="utf-8") as out:
        out.write(_HEADER)
        written = 0
        while written < rows:
            phone = 12_000_000_000 + written
            for place in range(min(chance.choice((1, 1, 2, 3, 4)), rows - written)):
                sex = chance.choice("mf")
                born = today - timedelta(days=chance.randrange(9_000, 21_000))
                serial = serials[born] = serials.get(born, -1) + 1
                number = demo_id_number(
                    region=chance.choice(list(PROVINCES)), birth_on=born, sex=sex, serial=serial
                )
                name = chance.choice(names) + "".join(chance.choices(GIVEN[sex], k=2))
                relation = ("self", "spouse", "parent", "parent")[place]
                account = f"{phone},,paper,{version},{agreed}"
                tail = f",paper,paper,{version}," if place else account
                out.write(f"F{phone},{name},{number},{relation},{tail}\n")
                written += 1
    return path


def _copy_out(table: str, path: Path) -> int:
    statement = f"COPY members_{table} ({bulk_import.COLUMNS[table]}) TO STDOUT"
    with path.open("wb") as out, connection.cursor() as cursor, cursor.copy(statement) as rows:
        for block in rows:
            out.write(block)
    return path.stat().st_size


def _copy_in(table: str, path: Path) -> float:
    """Seconds of one bare COPY, its commit included. The tables follow their foreign keys, which
    are checked at each commit; the registries, written first by the import, come with the rest."""
    statement = f"COPY members_{table} ({bulk_import.COLUMNS[table]}) FROM STDIN"
    begin = perf_counter()
    with (
        path.open("rb") as file,
        connection.cursor() as cursor,
        cursor.copy(statement) as rows,
    ):
        while block := file.read(_BLOCK):
            rows.write(block)
    return perf_counter() - begin
