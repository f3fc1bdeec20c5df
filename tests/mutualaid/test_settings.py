"""Production starts only with its own secrets, its own servers and a clock that nobody moved."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connections

ROOT = Path(__file__).resolve().parent.parent.parent
SETUP = ["-c", "import django; django.setup()"]


def production(url: str = "postgresql://nobody@localhost/none") -> dict[str, str]:
    """An environment that production accepts."""
    return {
        "MUTUALAID_ENV": "production",
        "MUTUALAID_SECRET_KEY": secrets.token_urlsafe(60),
        "MUTUALAID_VAULT_KEYS": f"k1:{secrets.token_hex(32)}",
        "MUTUALAID_HASH_KEY": secrets.token_hex(32),
        "MUTUALAID_HOSTS": "mutualaid.example.org",
        "MUTUALAID_ORIGINS": "https://mutualaid.example.org",
        "DATABASE_URL": url,
        "DATABASE_OWNER_URL": url,
        "BROKER_URL": "redis://localhost:1/0",
    }


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, that knows nothing of this one's settings."""
    ours = ("MUTUALAID_", "DATABASE_", "BROKER_", "DJANGO_", "PYTEST_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"DJANGO_SETTINGS_MODULE": "mutualaid.settings"} | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def own_url() -> str:
    """Where this test's own database is, as the application sees it."""
    where = connections["default"].settings_dict
    user, password = quote(where["USER"]), quote(where["PASSWORD"])
    return f"postgresql://{user}:{password}@{where['HOST']}:{where['PORT']}/{where['NAME']}"


def test_production_starts_with_secrets_of_its_own() -> None:
    ended = run(SETUP, production())

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"MUTUALAID_SECRET_KEY": None}, "MUTUALAID_SECRET_KEY is the example"),
        ({"MUTUALAID_SECRET_KEY": ""}, "MUTUALAID_SECRET_KEY is the example"),
        ({"MUTUALAID_VAULT_KEYS": None}, "MUTUALAID_VAULT_KEYS is the example"),
        ({"MUTUALAID_VAULT_KEYS": "example:" + "2a" * 32}, "MUTUALAID_VAULT_KEYS is the example"),
        ({"MUTUALAID_HASH_KEY": None}, "MUTUALAID_HASH_KEY is the example"),
        ({"MUTUALAID_DEMO": "1"}, "without MUTUALAID_DEBUG and MUTUALAID_DEMO"),
        ({"MUTUALAID_DEBUG": "yes"}, "without MUTUALAID_DEBUG and MUTUALAID_DEMO"),
        ({"MUTUALAID_IDENTITY": "sandbox"}, "Production needs another"),
        ({"MUTUALAID_IDENTITY": "sandbix"}, "none, sandbox, or package.module.Class"),
        ({"DATABASE_URL": None}, "its own DATABASE_URL"),
        ({"BROKER_URL": None}, "its own DATABASE_URL and BROKER_URL"),
        ({"DATABASE_URL": "sqlite:///db"}, "only PostgreSQL"),
        ({"MUTUALAID_SERCET_KEY": "x"}, "Unknown settings: MUTUALAID_SERCET_KEY"),
        ({"MUTUALAID_ENV": "prod"}, "choose one of development, production"),
    ],
)
def test_production_refuses(changed: dict[str, str | None], said: str) -> None:
    env = {name: value for name, value in {**production(), **changed}.items() if value is not None}

    ended = run(SETUP, env)

    assert ended.returncode == 1
    assert said in ended.stderr.splitlines()[-1]


@pytest.mark.django_db
def test_the_check_before_a_deployment_is_clean() -> None:
    check = ["manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default"]

    ended = run(check, production(own_url()))

    assert ended.returncode == 0, ended.stderr
    assert "no issues (0 silenced)" in ended.stdout


WEB = ["-c", "import mutualaid.wsgi"]
WORKER = ["-m", "celery", "-A", "mutualaid", "worker", "--pool", "solo", "--without-gossip"]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_production_refuses_a_clock_that_was_moved() -> None:
    env = production(own_url())  # the fixture froze this database's clock, and committed it

    checked = run(["manage.py", "check", "--deploy", "--database", "default"], env)
    started = [run(command, env) for command in (WEB, WORKER)]

    assert checked.returncode == 1
    assert "mutualaid.E001" in checked.stderr
    for ended in started:
        assert ended.returncode != 0
        assert "The clock of this database has been moved." in ended.stderr


@pytest.mark.django_db
def test_the_web_process_starts_where_the_clock_is_real() -> None:
    ended = run(WEB, production(own_url()))

    assert ended.returncode == 0, ended.stderr
