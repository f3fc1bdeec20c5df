"""The commands that measure run to their end and leave nothing behind. How fast is not asked."""

from __future__ import annotations

import io
import json
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command

from members.models import Member

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def measured(command: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, json=True, stdout=out, **options)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def scratch_databases() -> list[str]:
    owner = settings.DATABASES["owner"]
    with psycopg.connect(
        host=str(owner["HOST"]), port=str(owner["PORT"]), user=str(owner["USER"]),
        password=str(owner["PASSWORD"]), dbname="postgres",
    ) as connection:  # fmt: skip
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'scratch%'")
        return [name for (name,) in found.fetchall()]


def test_the_desk_is_measured_page_by_page() -> None:
    found = measured("bench_admin", rows=4_000, times=1)

    assert found["visits"] == len(found["pages"]) > 20
    assert found["most_queries"] <= 12
    assert scratch_databases() == []


def test_an_import_is_measured_beside_a_bare_copy_of_its_rows() -> None:
    found = measured("bench_import", rows=600)

    assert (found["rows"], found["bad"]) == (600, 0)
    assert found["ratio"] == pytest.approx(found["rows_per_s"] / found["copy_rows_per_s"], rel=0.1)
    assert not Member.objects.exists()
    assert scratch_databases() == []
