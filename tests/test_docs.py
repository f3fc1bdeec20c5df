"""What the documents name exists, and the settings they describe are those that are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from mutualaid import env

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
AUDIENCES = ["members", "jurors", "staff", "readers"]
OF_PROCFILE = {"PORT", "BIND"}
# What tests/conftest.py tells its own workers; nobody sets them.
OF_CONFTEST = {f"MUTUALAID_TEST_{what}URL" for what in ("", "OWNER_", "BROKER_")}
COMING = {"verify/"}  # docs/architecture.md says with which part


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@every_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text())

    lost = [to for to in links if "://" not in to and not (page.parent / to).exists()]

    assert lost == []


@every_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:py|toml|txt|yaml))`", page.read_text()))
    ours = {path.name for path in ROOT.iterdir()}

    lost = [
        path
        for path in sorted(named - COMING)
        if path.split("/")[0] in ours and path.split("/")[0] != ".data"
        if not (ROOT / path).exists()
    ]

    assert lost == []


@every_page
def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    # In code alone: "make" is an English word, too.
    code = re.findall(r"`([^`\n]+)`|^ {4,}(.+)$", page.read_text(), re.M)

    named = {name for pair in code for name in re.findall(r"\bmake ([a-z]+)", " ".join(pair))}

    assert named <= targets


@every_page
def test_every_command_exists(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", page.read_text()))

    assert named <= set(get_commands())


def test_the_settings_are_those_that_are_read() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    table = text[text.index("## Settings") :].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]

    named = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}

    assert named - OF_PROCFILE == env.KNOWN - OF_CONFTEST


def test_the_architecture_fits_on_one_screen() -> None:
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()

    assert len(lines) <= 60
    assert max(map(len, lines)) <= 145


@pytest.mark.parametrize("audience", AUDIENCES)
def test_each_audience_has_one_short_page_chinese_first(audience: str) -> None:
    lines = (ROOT / "docs" / f"{audience}.md").read_text().splitlines()

    assert len(lines) <= 80
    assert re.search(r"[\u4e00-\u9fff]", lines[0])
    assert "## In short" in lines
