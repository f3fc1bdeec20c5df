"""Numbers for a page that must not wait for them."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

_ESTIMATE = """
    SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class
     WHERE relkind IN ('r', 'p')
       AND oid IN (SELECT %(table)s::regclass
                   UNION SELECT relid FROM pg_partition_tree(%(table)s::regclass))
"""


def estimate(model: type[models.Model]) -> int:
    """What the planner believes the table holds, partitions together. One catalogue look-up."""
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE, {"table": model._meta.db_table})
        return int(cursor.fetchone()[0])


def at_most(queryset: models.QuerySet[Any], limit: int = 99) -> tuple[int, bool]:
    """(count, is it all): stops after `limit`, so that "99+" costs a hundred index entries."""
    found = queryset.order_by().values("pk")[: limit + 1].count()
    return min(found, limit), found <= limit
