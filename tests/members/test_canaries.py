"""ID numbers and health answers are planted as people bring them; then every file that the system
leaves is searched: the data directory with its WAL, a dump, the broker, logs, temporary files.

Names are not sealed: the same search has to find one of them in the data directory, the WAL and the
dump, or it finds nothing because it looks wrong.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import psycopg
import pytest
import redis

from members.rules import demo_id_number
from mutualaid import embedded
from tests import trials

ROOT = Path(__file__).resolve().parent.parent.parent
BORN = date(1967, 3, 19)
CONTROL = "林对照组"  # tests/members/planting.py
WAYS, LISTED = 5, 6  # of planting.py; people of a list


@dataclass
class Planted:
    """The folder of everything that was written, and what must not be in it."""

    folder: Path
    numbers: list[str]
    stories: list[str]

    @property
    def data(self) -> Path:
        return self.folder / "data"


def marks(planted: Planted) -> list[bytes]:
    """What every number and every story has in common, as bytes in every usual dress."""
    number, story = planted.numbers[0][:14], planted.stories[0].partition("：")[0]
    assert all(each.startswith(number) for each in planted.numbers)
    assert all(each.startswith(story) for each in planted.stories)
    return dressed(number) + dressed(story)


def dressed(text: str) -> list[bytes]:
    """Plain, escaped as JSON, in hex, in UTF-16, and in the three forms of Base64."""
    plain = text.encode()
    escaped = json.dumps(text).strip('"').encode()
    hexed = plain.hex().encode()
    forms = {plain, escaped, hexed, hexed.upper(), text.encode("utf-16-le")}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain)
        inner = encoded[4 if before else 0 : -4]
        forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return sorted(forms)


def files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def found(wanted: Sequence[bytes], paths: Iterator[Path]) -> list[str]:
    """The files that contain any of it."""
    seen = []
    for path in paths:
        content = path.read_bytes()
        if any(form in content for form in wanted):
            seen.append(str(path))
    return seen


def program(arguments: list[str], env: dict[str, str], log: Path, given: str = "") -> None:
    """Run to the end, with everything it says in a log."""
    with log.open("ab") as out:
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=env, input=given.encode(),
            stdout=out, stderr=subprocess.STDOUT, timeout=900, check=False,
        )  # fmt: skip
    assert ended.returncode == 0, log.read_text()[-3000:]


def environment(folder: Path, servers: embedded.Servers) -> dict[str, str]:
    ours = ("MUTUALAID_", "DATABASE_", "BROKER_", "PYTEST_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
        "DATABASE_URL": servers.database_url,
        "DATABASE_OWNER_URL": servers.owner_url,
        "BROKER_URL": servers.broker_url,
        "MUTUALAID_DATA_DIR": str(folder / "data"),
        "MUTUALAID_LOG": "DEBUG",
        "TMPDIR": str(folder / "tmp"),
    }


def dump(servers: embedded.Servers, to: Path) -> None:
    tool = embedded._postgres_program("pg_dump", None)
    subprocess.run([str(tool), servers.owner_url, "--file", str(to)], check=True, timeout=300)


def save_broker(servers: embedded.Servers) -> None:
    """Everything that waits in the broker, on disk and not compressed."""
    broker = redis.Redis.from_url(servers.broker_url)
    broker.config_set("rdbcompression", "no")
    assert broker.llen("celery") > 0
    broker.save()
    broker.close()


@pytest.fixture(scope="module")
def planted() -> Iterator[Planted]:
    folder = Path(tempfile.mkdtemp(prefix="mutualaid-"))
    folder.chmod(0o711)
    (folder / "tmp").mkdir()
    try:
        yield fill(folder)
    finally:
        embedded.remove(folder / "data")
        shutil.rmtree(folder)


def fill(folder: Path) -> Planted:
    count, chance = max(trials.trials(50), WAYS), Random(trials.seed())
    serials = chance.sample(range(500), count + LISTED)
    mark = f"金丝雀{secrets.token_hex(6)}号病历"
    numbers = [demo_id_number(region="33", birth_on=BORN, sex="f", serial=n) for n in serials]
    stories = [f"{mark}：{n}，右侧甲状腺结节，大小 {n} 毫米。" for n in range(count)]
    given = {"stories": stories, "numbers": numbers[LISTED:], "listed": numbers[:LISTED]}
    servers = embedded.ensure(folder / "data")
    env = environment(folder, servers)
    program(["manage.py", "migrate", "--verbosity", "0"], env, folder / "migrate.log")
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE mutualaid_clock SET movable = true")
    program(["-m", "tests.members.planting"], env, folder / "web.log", json.dumps(given))
    dump(servers, folder / "dump.sql")
    save_broker(servers)
    return Planted(folder, numbers, stories)


@pytest.mark.trials
def test_nothing_planted_is_found_in_any_file(planted: Planted) -> None:
    """First while everything runs, with the WAL as it is; then after the stop has written all."""
    wal = planted.data / "postgres" / "pg_wal"
    running = found(marks(planted), files(wal))
    control_in_wal = found(dressed(CONTROL), files(wal))

    embedded.stop(planted.data)
    stopped = found(marks(planted), files(planted.folder))
    control = found(dressed(CONTROL), files(planted.folder))

    assert running == stopped == []
    assert control_in_wal
    base = str(planted.data / "postgres" / "base")
    assert any(path.startswith(base) for path in control)
    assert str(planted.folder / "dump.sql") in control


def test_the_search_knows_every_dress() -> None:
    mark = "金丝雀0123456789ab号病历"
    inside = [
        f"x{mark}y".encode(),
        json.dumps({"story": f"x{mark}y"}).encode(),
        f"\\x{('ab' + mark).encode().hex()}".encode(),
        *(base64.b64encode(b"x" * before + mark.encode() + b"yyy") for before in range(3)),
    ]

    for content in inside:
        assert any(form in content for form in dressed(mark)), content


@pytest.mark.trials
def test_what_was_searched_is_what_there_is(planted: Planted) -> None:
    """The logs hold the refusals and the error, the broker the messages, the dump the rows."""
    web = (planted.folder / "web.log").read_text()
    database = (planted.data / "postgres.log").read_text()
    broker = next(files(planted.data / "valkey")).parent / "dump.rdb"

    assert "RuntimeError: the provider has changed" in web
    assert "members_identitynumber" in database
    assert b"members.tasks.due" in broker.read_bytes()
    rows = (planted.folder / "dump.sql").read_text().partition("COPY public.members_member ")[2]
    assert rows.partition("\\.")[0].count(CONTROL) >= len(planted.numbers) // 2
