"""The colours of both style sheets: the dark lists are one, and every pair of text can be read."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
DESK, APP = (STATIC / "desk/admin.css").read_text(), (STATIC / "app.css").read_text()

DESK_PAIRS = """body-fg/body-bg body-fg/desk-canvas body-quiet-color/body-bg
 body-quiet-color/desk-canvas body-quiet-color/darkened-bg body-quiet-color/breadcrumbs-bg
 link-fg/body-bg link-fg/desk-canvas link-fg/darkened-bg link-fg/selected-bg link-fg/selected-row
 button-fg/button-bg button-fg/button-hover-bg header-link-color/header-bg error-fg/body-bg
 fine-fg/fine-bg soon-fg/soon-bg late-fg/late-bg stop-fg/stop-bg do-fg/do-bg body-fg/selected-bg
 body-fg/message-success-bg body-fg/message-warning-bg body-fg/message-error-bg"""
DESK_EDGES = "border-color/body-bg desk-bar/desk-card"
APP_PAIRS = """ink/paper ink/card ink-2/paper ink-2/card ink-2/warm-bg ink-2/brand-bg ink-2/ok-bg
 ink/warm-bg ink/brand-bg ink/ok-bg ink/wait-bg brand/paper brand/card brand/brand-bg brand/wait-bg
 brand/warm-bg on-brand/brand warm/paper warm/card warm/warm-bg ok/ok-bg wait/wait-bg bad/bad-bg
 bad/card bad/paper ink/line"""
APP_EDGES = "edge/card edge/paper"


def schemes(css: str, needle: str) -> list[dict[str, str]]:
    """The blocks that set the colours, in the order of the file: light, dark, dark by device."""
    found = re.findall(r"\{([^{}]*" + re.escape(needle) + r"[^{}]*)\}", css)
    return [dict(re.findall(r"--([\w-]+): ?(#\w+)", block)) for block in found]


def light(colour: str) -> float:
    colour = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("css", "needle"), [(DESK, "--body-fg:"), (APP, "--paper:#1")])
def test_dark_by_choice_is_dark_by_device(css: str, needle: str) -> None:
    by_choice, by_device = schemes(css, needle)[-2:]

    assert by_choice
    assert by_choice == by_device


def test_the_desk_names_the_same_colours_in_light_and_dark() -> None:
    bright, dark, _ = schemes(DESK, "--body-fg:")

    assert bright.keys() == dark.keys()


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("css", "needle", "pairs", "least"),
    [
        (DESK, "--body-fg:", DESK_PAIRS, 4.5),
        (DESK, "--body-fg:", DESK_EDGES, 3),
        (APP, "--paper:#", APP_PAIRS, 4.5),
        (APP, "--paper:#", APP_EDGES, 3),
    ],
    ids=["desk text", "desk edges", "text", "edges"],
)
def test_text_can_be_read(css: str, needle: str, pairs: str, least: float, place: int) -> None:
    bright, *dark = schemes(css, needle)
    colours = bright | (dark[0] if place else {})

    faint = {
        pair: round(contrast(*(colours[name] for name in pair.split("/"))), 2)
        for pair in pairs.split()
        if contrast(*(colours[name] for name in pair.split("/"))) < least
    }

    assert not faint
