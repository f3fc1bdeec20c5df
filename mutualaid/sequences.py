"""Ids before their rows, so that what is sealed can be bound to its place."""

from __future__ import annotations

from django.db import connection, models


def next_id(model: type[models.Model]) -> int:
    """One id of the table's own sequence."""
    return next_ids(model, 1)[0]


def next_ids(model: type[models.Model], count: int) -> list[int]:
    """So many ids of the table's own sequence, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return sorted(number for (number,) in cursor.fetchall())
