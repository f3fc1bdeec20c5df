"""Lists of members for the tests of the import: good lines unless a test says otherwise."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from members import actions, rules
from members.models import ImportRun, Plan
from mutualaid import clock
from tests import make

COLUMNS = (
    "family", "name", "id_number", "relation", "phone", "email", "consent", "declared", "rules",
    "joined_on", "waiting_since", "payment_agreed_on",
)  # fmt: skip
VERSION = "2019-01"


def number(serial: int, born: date = make.BORN, sex: str = "f") -> str:
    """The ID number of nobody; the same for the same serial. A day has room for so many: those
    beyond are born a day later."""
    later, serial = divmod(serial, 20_000)
    birth_on = born + timedelta(days=later)
    return rules.demo_id_number(region="33", birth_on=birth_on, sex=sex, serial=20_000 + serial)


def row(serial: int, **changed: str) -> dict[str, str]:
    """Somebody with an account of their own."""
    return {
        "name": f"林{chr(0x4E00 + serial % 5000)}梅",
        "id_number": number(serial),
        "relation": "self",
        "phone": f"{12_000_000_000 + serial}",
        "declared": "paper",
        "rules": VERSION,
    } | changed


def write(
    path: Path,
    rows: Iterable[dict[str, str]],
    *,
    header: Sequence[str] = COLUMNS,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Path:
    """The file as a spreadsheet would save it."""
    with path.open("w", encoding=encoding, newline="") as out:
        table = csv.writer(out, delimiter=delimiter)
        table.writerow(header)
        table.writerows([[row.get(name, "") for name in COLUMNS] for row in rows])
    return path


def read(path: Path, plan: Plan, *, dry_run: bool = False, part_lines: int = 5_000) -> ImportRun:
    """Begin and read to the end, as the command does."""
    at = clock.now()
    run = actions.begin_import(
        path=str(path), file_name=path.name, plan_id=plan.pk, dry_run=dry_run, by=None, at=at
    )
    done = actions.run_import(run_id=run.pk, at=at, part_lines=part_lines)
    assert done is not None
    return done


def problems(run: ImportRun) -> list[dict[str, str]]:
    """The lines that were not taken, as a spreadsheet reads them."""
    text = b"".join(actions.problems_file(run=run)).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def mixed(count: int, seed: int) -> list[tuple[dict[str, str], bool]]:
    """So many lines in families of one to four, good and bad; and which are good."""
    chance = Random(seed)
    made: list[tuple[dict[str, str], bool]] = []
    while len(made) < count:
        made += _family(len(made), chance)
    return made[:count]


def _family(first: int, chance: Random) -> list[tuple[dict[str, str], bool]]:
    size, family = chance.choice((1, 1, 2, 3, 4)), f"F{first}"
    contact = {"phone": f"{12_000_000_000 + first}"}
    people = []
    for place in range(size):
        changed = {"family": family} | (contact if place == 0 else {"phone": ""})
        if place:
            changed |= chance.choice((
                {"relation": "parent", "consent": "paper"},
                {"relation": "spouse", "consent": "书面"},
                {"relation": "child", "id_number": number(first + place, date(2015, 2, 3))},
            ))  # fmt: skip
        spoilt = chance.random() < 0.2
        if spoilt:
            changed |= chance.choice(SPOILT)
        people.append((row(first + place, **changed), not spoilt))
    return people


# What may be wrong with one line without touching its family.
SPOILT: list[dict[str, str]] = [
    {"name": "林"},
    {"id_number": "330102198505051234"},
    {"id_number": "33010285050512"},
    {"id_number": number(1, date(1950, 1, 1))},
    {"relation": "cousin"},
    {"declared": "yes"},
    {"declared": ""},
    {"rules": "2018-01"},
    {"joined_on": "2021-05-01"},
    {"joined_on": "yesterday"},
    {"waiting_since": "2022-01-01"},
    {"payment_agreed_on": "2011-01-01"},
]


def long_ago(days: int) -> str:
    """A day so long before today."""
    return (clock.today() - timedelta(days=days)).isoformat()


def midnight(on: str) -> datetime:
    """00:00 in Shanghai of a written day."""
    return clock.midnight(date.fromisoformat(on))
