"""Fen to text and back, exactly."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutualaid.money import MOST_FEN, half_up, parse_yuan, yuan


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (702, "7.02"),
        (123456, "1,234.56"),
        (-123456, "-1,234.56"),
        (-1, "-0.01"),
        (30_000_000, "300,000.00"),
    ],
)
def test_fen_are_written_as_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("7", 700),
        ("7.5", 750),
        (" 7.02 ", 702),
        ("1,234.56", 123456),
        ("1234.56", 123456),
        ("¥30", 3000),
        ("￥30", 3000),
        ("12.5 元", 1250),
        ("１２．５０元", 1250),
        ("-0.01", -1),
    ],
)
def test_yuan_are_read_as_people_write_them(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        ".5",
        "5.",
        "1.234",
        "1,23",
        "12,34.5",
        "1e3",
        "0x10",
        "1_000",
        "一百",
        "٣",
        "--1",
    ],
)
def test_what_is_not_an_amount_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        parse_yuan(text)


def test_more_than_the_database_holds_is_refused() -> None:
    assert parse_yuan(yuan(MOST_FEN)) == MOST_FEN
    with pytest.raises(ValueError, match=r"[.。]$"):
        parse_yuan(yuan(MOST_FEN + 1))


@given(st.integers(-MOST_FEN, MOST_FEN))
def test_every_amount_comes_back_from_its_text(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**6))
def test_halves_go_up(numerator: int, denominator: int) -> None:
    assert half_up(numerator, denominator) == floor(
        Fraction(numerator, denominator) + Fraction(1, 2)
    )


def test_division_by_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        half_up(1, 0)
