"""locale/*.po to .mo in Python: a newcomer has no msgfmt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Compile the translations that changed. Does nothing when none did."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                if compile_file(source) and options["verbosity"] > 1:
                    self.stdout.write(f"compiled {source}")


def compile_file(source: Path) -> bool:
    """Compile one file if it is newer than its result. Several processes may do so at once."""
    target = source.with_suffix(".mo")
    if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return False
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    polib.pofile(str(source)).save_as_mofile(str(draft))
    draft.replace(target)
    return True
