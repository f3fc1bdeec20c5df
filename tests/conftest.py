"""Real PostgreSQL, the application's role, frozen time.

One template database is migrated once (its name carries a hash of the migrations); every worker
works on a copy. A transactional test is cleaned up by copying the template again: the application
may not TRUNCATE, and history tables refuse it anyway.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.core
import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation

from mutualaid import clock, embedded, env
from tests import make, trials
from tests.browser import chromium, until_the_server_has_let_go

ROOT = Path(__file__).resolve().parent.parent
TEST_DATA = Path(os.environ.get("MUTUALAID_TEST_DATA_DIR", ROOT / ".data" / "test")).absolute()
_servers = contextlib.ExitStack()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_report_header() -> str:
    return f"seed of this run: {trials.seed()}{' (soak)' if trials.SOAK else ''}"


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, in the process that hands out the work."""
    hypothesis.core.global_force_seed = trials.seed()  # type: ignore[assignment]
    if not hasattr(config, "workerinput") and not os.environ.get("DATABASE_URL"):
        servers = _servers.enter_context(embedded.session(TEST_DATA, durable=False))
        os.environ["MUTUALAID_TEST_OWNER_URL"] = servers.owner_url
        os.environ["MUTUALAID_TEST_URL"] = servers.database_url
        os.environ["MUTUALAID_TEST_BROKER_URL"] = servers.broker_url


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and "MUTUALAID_TEST_URL" in os.environ:
        connections.close_all()
        _servers.close()  # another run on the same folder keeps them


# The long stories begin first, so that no worker is left alone with one at the end.
LONG = (
    "test_journey.py",
    "test_members_journey.py",
    "test_demo.py",
    "test_embedded.py",
    "test_run.py",
    "test_access.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


def _urls() -> tuple[str, str]:
    own = os.environ.get("DATABASE_URL")
    if own:
        return own, os.environ.get("DATABASE_OWNER_URL", own)
    return os.environ["MUTUALAID_TEST_URL"], os.environ["MUTUALAID_TEST_OWNER_URL"]


class Copies:
    """The template and the copy that this process works on."""

    def __init__(self, worker: str) -> None:
        self.url, self.owner_url = _urls()
        self.template = f"test_template_{_migrations_hash()}"
        self.name = f"test_{worker}_{os.getpid()}"

    def sql(self, *statements: str) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def exists(self, name: str) -> bool:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return found.fetchone() is not None

    def point_to(self, name: str) -> None:
        connections.close_all()
        for alias, url in (("default", self.url), ("owner", self.owner_url)):
            connections.settings[alias].update(env.database(url) | {"NAME": name})

    def make_template(self) -> None:
        TEST_DATA.mkdir(parents=True, exist_ok=True)
        with (TEST_DATA / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.exists(self.template):
                return
            raw = f"{self.template}_raw"
            self.sql(f"DROP DATABASE IF EXISTS {raw} WITH (FORCE)", f"CREATE DATABASE {raw}")
            self.point_to(raw)
            call_command("migrate", verbosity=0, interactive=False)
            with connections["owner"].cursor() as cursor:
                cursor.execute("UPDATE mutualaid_clock SET movable = true")
            connections.close_all()
            self.sql(f"ALTER DATABASE {raw} RENAME TO {self.template}")

    def fresh(self) -> None:
        self.drop()
        self.sql(f"CREATE DATABASE {self.name} TEMPLATE {self.template}")
        self.point_to(self.name)

    def drop(self, tries: int = 50) -> None:
        """A worker of the superuser (autovacuum) may be in it for a moment: then once more."""
        connections.close_all()
        try:
            self.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
            if tries == 0:
                raise
            time.sleep(0.1)
            self.drop(tries - 1)


def _migrations_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, request: pytest.FixtureRequest) -> Iterator[Copies]:
    copies = Copies(getattr(request.config, "workerinput", {}).get("workerid", "one"))
    with django_db_blocker.unblock():
        copies.make_template()
        copies.fresh()
        setattr(TransactionTestCase, "_fixture_teardown", lambda self: copies.fresh())  # noqa: B010
        yield copies
        copies.drop()


@pytest.fixture(autouse=True)
def frozen_clock(request: pytest.FixtureRequest) -> None:
    """Every test with a database begins at make.NOON; it moves the clock itself."""
    marked = request.node.get_closest_marker("django_db")
    names = {"db", "transactional_db", "live_server"}
    if marked or names & set(request.fixturenames):
        transactional = (marked and marked.kwargs.get("transaction")) or names - {"db"} & set(
            request.fixturenames
        )
        request.getfixturevalue("transactional_db" if transactional else "db")
        clock.move_to(make.NOON, frozen=True)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Papers and publications of a test lie in a folder of its own."""
    folder = tmp_path_factory.mktemp("files")
    settings.EVIDENCE_DIR = folder / "evidence"
    settings.PUBLISHED_DIR = folder / "published"
    settings.IMPORT_DIR = folder / "imports"
    settings.EXPORT_DIR = folder / "exports"
    settings.ERASURE_LIST = folder / "erasures"
    settings.EMAIL_FILE_PATH = folder / "mail"
    settings.SMS_DIR = folder / "sms"


@pytest.fixture(autouse=True)
def own_language() -> None:
    """Every test begins in the site's language; a page visited before leaves none behind."""
    translation.deactivate_all()
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture
def english(own_language: None) -> Iterator[None]:
    """The sentences of refusals as they stand in the code."""
    with translation.override("en"):
        yield


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, live_server: Any) -> Iterator[Any]:
    """Chromium, for the journeys."""
    # Playwright's own loop runs in this thread, so Django takes the test for async code: it asks
    # to be told that this is meant, and keeps connections apart from those of the fixtures.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as opened:
        yield opened
        connections.close_all()
    until_the_server_has_let_go()
