"""Rotation of the house's key: every data key is wrapped anew while people read and write.

Nothing that is sealed changes. A part is one transaction of some thousand rows, found by what their
first bytes say; killed anywhere, the next run goes on with what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from members.models import DataKey, Phone, Recovery
from mutualaid import sealed_files, vault

PART = 2_000  # rows locked at a time: a fraction of a second


class Wrapped(NamedTuple):
    """A column of wrapped keys: the table, its key, and the column of the id they are bound to."""

    table: str
    primary: str
    bound_to: str
    column: str


COLUMNS = [
    Wrapped(DataKey._meta.db_table, "member_id", "member_id", "wrapped"),
    Wrapped(Phone._meta.db_table, "account_id", "account_id", "key_wrapped"),
    Wrapped(Recovery._meta.db_table, "id", "account_id", "key_wrapped"),
]


def rotate_keys(*, size: int = PART, told: Callable[[int], None] | None = None) -> int:
    """Wrap every key that another house key wraps by the newest one; returns how many were.

    Passes follow one another until one finds nothing: who began to write under the old key while
    the settings changed is met by the next. `told` hears the number after each part. Locks the rows
    of a part; raises vault.SealBroken for a key whose house key is not configured, and leaves it.
    """
    count = 0
    while True:
        before = count
        for column in COLUMNS:
            for done in _rewrap_column(column, size):
                count += done
                if told:
                    told(count)
        count += sum(sealed_files.rewrap_file(path) for path in _files())
        if count == before:
            return count


def keys_by_name() -> Counter[str]:
    """How many keys each house key wraps: what is not here is needed for nothing any more.

    Reads every key from end to end.
    """
    found: Counter[str] = Counter()
    for column in COLUMNS:
        after: int | None = 0
        while after is not None:
            rows = _rows(column, after, PART, lock=False)
            found.update(vault.wrapped_by(wrapped) for _key, _bound, wrapped in rows)
            after = rows[-1][0] if rows else None
    return found


def _rewrap_column(column: Wrapped, size: int) -> Iterator[int]:
    after: int | None = 0
    while after is not None:
        done, after = _rewrap_part(column, after, size)
        yield done


@transaction.atomic
def _rewrap_part(column: Wrapped, after: int, size: int) -> tuple[int, int | None]:
    """How many of the next `size` rows were wrapped anew, and the last of them; None at the end."""
    rows = _rows(column, after, size, lock=True)
    old = [(key, vault.rewrap(w, bound)) for key, bound, w in rows if not vault.is_newest(w)]
    if old:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {column.table} SET {column.column} = fresh.wrapped"  # noqa: S608 - ours
                f" FROM unnest(%s::bigint[], %s::bytea[]) AS fresh (key, wrapped)"
                f" WHERE {column.table}.{column.primary} = fresh.key",
                [[key for key, _ in old], [wrapped for _, wrapped in old]],
            )
    return len(old), rows[-1][0] if rows else None


def _rows(column: Wrapped, after: int, size: int, *, lock: bool) -> list[tuple[int, int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column.primary}, {column.bound_to}, {column.column}"  # noqa: S608 - ours
            f" FROM {column.table} WHERE {column.primary} > %s ORDER BY {column.primary}"
            f" LIMIT %s{' FOR NO KEY UPDATE' if lock else ''}",
            [after, size],
        )
        return [(key, bound, bytes(wrapped)) for key, bound, wrapped in cursor.fetchall()]


def _files() -> Iterator[Path]:
    """Lists on their way in, and copies of somebody's data."""
    for folder in (settings.IMPORT_DIR, settings.EXPORT_DIR):
        yield from (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
