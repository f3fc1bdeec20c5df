"""What the database would do for a query: whether it reads a table from end to end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db import connection

_WHOLE = {"Seq Scan", "Parallel Seq Scan"}


def whole_reads(queries: Iterable[str], tables: Collection[str]) -> list[tuple[str, str]]:
    """(table, query) for each of `tables` that a query reads from end to end, by its plan.

    `queries` are those of django.test.utils.CaptureQueriesContext; what is no SELECT is left out.
    """
    found = []
    for sql in queries:
        if sql.lstrip(" (").upper().startswith(("SELECT", "WITH")):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"), [])
                plan = cursor.fetchone()[0][0]["Plan"]
            found += [(table, sql) for table in _read_whole(plan) if table in tables]
    return found


def _read_whole(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] in _WHOLE:
        yield node["Relation Name"]
    for below in node.get("Plans", []):
        yield from _read_whole(below)
