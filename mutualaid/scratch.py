"""A database beside the real one, for a measurement: migrated like it, dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections


@contextmanager
def database(purpose: str) -> Iterator[str]:
    """Within the block both connections of this process lead to a fresh database; its name comes
    back. The owner's role has to be allowed to make databases."""
    name = f"scratch_{purpose}_{os.getpid()}"
    before = {alias: connections.settings[alias]["NAME"] for alias in ("default", "owner")}
    _drop(name)
    _execute(f'CREATE DATABASE "{name}"')
    try:
        _lead_to(dict.fromkeys(before, name))
        call_command("migrate", verbosity=0, interactive=False, database="owner")
        yield name
    finally:
        _lead_to(before)
        _drop(name)


def _lead_to(names: dict[str, str]) -> None:
    connections.close_all()
    for alias, name in names.items():
        connections.settings[alias]["NAME"] = name


def _drop(name: str, tries: int = 20) -> None:
    """Without FORCE, which an owner may not use while a worker of the superuser (autovacuum) is in
    it: a plain drop sends that one away by itself, and waits five seconds for it."""
    try:
        _execute(f'DROP DATABASE IF EXISTS "{name}"')
    except psycopg.errors.ObjectInUse:
        if tries == 0:
            raise
        _drop(name, tries - 1)


def _execute(*statements: str) -> None:
    owner = settings.DATABASES["owner"]
    with psycopg.connect(
        host=str(owner["HOST"]),
        port=str(owner["PORT"] or "") or None,
        user=str(owner["USER"]),
        password=str(owner["PASSWORD"]),
        dbname="postgres",
        autocommit=True,
    ) as connection:
        for statement in statements:
            connection.execute(statement)
