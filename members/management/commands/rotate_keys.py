"""`manage.py rotate_keys`: every data key under the newest of MUTUALAID_VAULT_KEYS.

It runs while people write. docs/operations.md says the three steps.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from members import actions
from mutualaid import vault


class Command(BaseCommand):
    help = "Wrap every data key by the newest house key. Safe to stop, and to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--part", type=int, default=2_000, help="rows locked at a time")
        parser.add_argument("--check", action="store_true", help="only count, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        newest = vault.names()[0]
        if not options["check"]:
            told = self._tell if self.stderr.isatty() else None
            try:
                count = actions.rotate_keys(size=options["part"], told=told)
            except vault.SealBroken as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{count} keys were wrapped anew by “{newest}”.")
        self._report(newest)

    def _report(self, newest: str) -> None:
        found = actions.keys_by_name()
        for name, count in sorted(found.items()):
            self.stdout.write(f"{name}: {count}")
        unused = [name for name in vault.names()[1:] if not found[name]]
        if unused:
            self.stdout.write(
                f"Nothing in the database needs {', '.join(unused)} any more. Keep it with the"
                " backups that were made under it, and take it out of MUTUALAID_VAULT_KEYS."
            )
        if set(found) - {newest}:
            raise CommandError("Some keys are not under the newest yet. Run rotate_keys again.")

    def _tell(self, count: int) -> None:
        self.stderr.write(f"\r{count} keys", ending="")
