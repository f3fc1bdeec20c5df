"""docs/claim-states.md is what the table says, and --check notices when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from claims.management.commands import docs_states
from claims.states import TRANSITIONS, Status


def test_the_page_in_docs_is_up_to_date() -> None:
    call_command("docs_states", "--check")


def test_a_stale_page_fails_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = tmp_path / "claim-states.md"
    stale.write_text("# States of a claim\n")
    monkeypatch.setattr(docs_states, "PAGE", stale)

    with pytest.raises(CommandError, match="is stale") as error:
        call_command("docs_states", "--check")

    assert error.value.returncode == 1


def test_every_transition_and_every_turn_stands_on_the_page() -> None:
    text = docs_states.page()

    assert text.count(" --> ") - text.count("[*]") == sum(map(len, TRANSITIONS.values()))
    assert all(f"| `{status.value}` |" in text for status in Status)
