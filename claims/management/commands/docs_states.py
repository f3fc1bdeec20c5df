"""manage.py docs_states: docs/claim-states.md from the table in claims/states.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from claims.states import TRANSITIONS, TURNS, Status

PAGE = settings.BASE_DIR / "docs" / "claim-states.md"


def page() -> str:
    """The page as text: a Mermaid diagram, then a row for each status with whose turn it is."""
    with translation.override(None):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# States of a claim"
    yield ""
    yield "Generated from `claims/states.py` by `manage.py docs_states`; do not edit."
    yield "What is not in this table cannot happen."
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for status in Status:
        yield f"    {status.value} : {status.label}"
    yield f"    [*] --> {Status.REPORTED.value}"
    for status in Status:
        yield from (f"    {status.value} --> {to.value}" for to in _next(status))
        if not TRANSITIONS[status]:
            yield f"    {status.value} --> [*]"
    yield "```"
    yield ""
    yield "| status | in words | whose turn | may become |"
    yield "|---|---|---|---|"
    for status in Status:
        to = ", ".join(f"`{found.value}`" for found in _next(status)) or "–"
        yield f"| `{status.value}` | {status.label} | {TURNS[status].label} | {to} |"


def _next(status: Status) -> list[Status]:
    return [found for found in Status if found in TRANSITIONS[status]]


class Command(BaseCommand):
    help = "Write docs/claim-states.md, or with --check exit 1 if it is stale."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            PAGE.write_text(page(), encoding="utf-8")
        elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
            raise CommandError(f"{PAGE} is stale. Run manage.py docs_states.", returncode=1)
