"""`manage.py check_books`: exit 0 and what was proved, or exit 1 and what is broken."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from assessments import books


class Command(BaseCommand):
    help = "Prove the books: every identity, every amount."

    def handle(self, *args: Any, **options: Any) -> None:
        results = _in_one_snapshot()
        unknown = _unlisted()
        for result in results:
            self.stdout.write(f"{'ok' if result.holds else 'BROKEN'}  {result.proof.says}")
            for found in result.found:
                self.stdout.write(f"    {found}")
        for column in unknown:
            self.stdout.write(f"BROKEN  no proof is named for {column}")
        if unknown or not all(result.holds for result in results):
            raise SystemExit(1)
        self.stdout.write(f"{len(results)} proofs; exempt: {', '.join(sorted(books.EXEMPT))}")


def _in_one_snapshot() -> list[books.Result]:
    """Everything is read as of one instant, so that work under way does not look like a mistake."""
    if connection.in_atomic_block:
        return books.check()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return books.check()


def _unlisted() -> list[str]:
    proved = frozenset[str]().union(*(proof.columns for proof in books.PROOFS))
    return sorted(books.fen_columns() - proved - books.EXEMPT.keys())
