"""What lint takes for a script of a page's own."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
OWN_SCRIPT = runpy.run_path(str(SCRIPTS / "check_templates.py"))["FORBIDDEN"]["an inline script"]


@pytest.mark.parametrize(
    "text",
    [
        "<script>go()</script>",
        '<script type="module">go()</script>',
        '<script data-type="application/json">go()</script>',
    ],
)
def test_a_script_written_into_a_page_is_found(text: str) -> None:
    assert OWN_SCRIPT.search(text)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="{% static "a.js" %}"></script>',
        '<script data-allauth-onload="a.b" type="application/json">{"a": 1}</script>',
    ],
)
def test_a_file_of_ours_and_a_block_of_data_are_let_through(text: str) -> None:
    assert not OWN_SCRIPT.search(text)
