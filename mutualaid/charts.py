"""Charts as plain whole numbers: Python measures, a template draws.

`columns` feeds components/column_chart.html (one series in time, the last one warm), `bars` feeds
components/bar_chart.html and admin/_bars.html (a list by size). Values are whole numbers (fen,
people, days); what is printed is handed in as text, so nothing here knows a currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
_TOP, _FLOOR = 30, 160
_ENOUGH = 5  # points, for a label below the middle of the axis


@dataclass(frozen=True)
class Point:
    """One number of a chart: its place in words, its value, and the value as printed."""

    label: str
    value: int
    text: str


@dataclass(frozen=True)
class Column:
    """A rectangle. Tenths of a unit, written as text so that no locale touches them."""

    x: str
    y: str
    width: str
    height: str
    last: bool


@dataclass(frozen=True)
class Columns:
    """What components/column_chart.html draws."""

    points: Sequence[Point]
    columns: list[Column]
    first_text_y: str
    last_text_y: str
    width: int = WIDTH
    height: int = 190

    @property
    def first(self) -> Point:
        """The oldest point."""
        return self.points[0]

    @property
    def middle(self) -> Point | None:
        """The point below the middle of the axis, if there are enough to tell it apart."""
        return self.points[len(self.points) // 2] if len(self.points) >= _ENOUGH else None

    @property
    def last(self) -> Point:
        """The newest point."""
        return self.points[-1]


def _tenths(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def columns(points: Sequence[Point]) -> Columns | None:
    """Columns of a series in time, oldest first; None of an empty one."""
    if not points:
        return None
    most = max(1, *(point.value for point in points))
    pitch = (WIDTH - 8) * 10 // len(points)
    width = min(pitch * 72 // 100, 480)
    drawn, tops = [], []
    for place, point in enumerate(points):
        height = max(10, (_FLOOR - _TOP) * 10 * max(point.value, 0) // most)
        tops.append(_FLOOR * 10 - height)
        x = 40 + place * pitch + (pitch - width) // 2
        last = place == len(points) - 1
        drawn.append(Column(_tenths(x), _tenths(tops[-1]), _tenths(width), _tenths(height), last))
    return Columns(points, drawn, _tenths(tops[0] - 80), _tenths(tops[-1] - 80))


@dataclass(frozen=True)
class Bar:
    """A line of a bar chart: a label, a bar and its value; `more` is the mark of a second value."""

    label: str
    value: int
    text: str
    rest: bool
    y: int
    text_y: int
    width: int
    value_x: int
    more: int | None = None
    more_x: int = 0
    tick_y1: int = 0
    tick_y2: int = 0


@dataclass(frozen=True)
class Bars:
    """What components/bar_chart.html and admin/_bars.html draw."""

    lines: list[Bar]
    unit: str
    second: str
    width: int
    height: int
    x: int
    bar: int

    @property
    def label_x(self) -> int:
        """Where the labels end."""
        return self.x - 10


_LABEL, _VALUE, _PAIR, _ROW, _BAR = 114, 80, 190, 30, 18


def bars(
    rows: Sequence[tuple[str, int] | tuple[str, int, int]],
    *,
    unit: str = "",
    second: str = "",
    width: int = WIDTH,
    rest: str = "",
) -> Bars:
    """Lines of (label, value) or (label, value, second value).

    `unit` names the values, `second` the second ones; the line labelled `rest` is drawn faintly.
    """
    room = width - _LABEL - (_PAIR if second else _VALUE)
    most = max([1, *(max(row[1:]) for row in rows)])
    return Bars(
        lines=[_bar(row, place * _ROW, room, most, rest) for place, row in enumerate(rows)],
        unit=unit,
        second=second,
        width=width,
        height=_ROW * len(rows),
        x=_LABEL,
        bar=_BAR,
    )


def _bar(
    row: tuple[str, int] | tuple[str, int, int], top: int, room: int, most: int, rest: str
) -> Bar:
    label, value, *more = row
    return Bar(
        label=label,
        value=value,
        text=f"{value:,}",
        rest=bool(rest) and label == rest,
        y=top + (_ROW - _BAR) // 2,
        text_y=top + _ROW // 2 + 5,
        width=max(2, value * room // most),
        value_x=_LABEL + max([value, *more]) * room // most + 6,
        more=more[0] if more else None,
        more_x=_LABEL + more[0] * room // most if more else 0,
        tick_y1=top + 6,
        tick_y2=top + _ROW - 6,
    )
