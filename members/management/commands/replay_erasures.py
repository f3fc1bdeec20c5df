"""`manage.py replay_erasures`: after a restore, whoever was forgotten since is forgotten again."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from members import actions
from mutualaid import clock


class Command(BaseCommand):
    help = "Forget again, after a restore, everybody in the list of erasures. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=Path(settings.ERASURE_LIST))

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no list {path}.")
        with path.open(encoding="ascii") as lines:
            count = actions.replay_erasures(lines=lines, at=clock.now())
        self.stdout.write(f"{count} people were forgotten again.")
