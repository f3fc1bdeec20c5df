"""Fen to text and back; nothing else in the house knows the currency. No floats, no Decimals."""

import re
import unicodedata

from django.utils.translation import gettext as _

MOST_FEN = 2**63 - 1  # what a BigIntegerField holds

_YUAN = re.compile(r"(-?)([0-9]{1,17}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,2}))?")


def yuan(fen: int) -> str:
    """Fen as yuan with two decimals and thousands commas: 123456 -> "1,234.56"."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}"


def parse_yuan(text: str) -> int:
    """Yuan as a person writes them ("1,234.5", "¥30", "１２．５０元") as whole fen, exactly.

    At most two decimals; commas only where thousands end. Raises ValueError with a sentence.
    """
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("¥").removesuffix("元").strip()
    found = _YUAN.fullmatch(plain)
    if not found:
        raise ValueError(_("Write an amount in yuan with at most two decimals, such as 1,234.50."))
    sign, whole, rest = found.groups()
    fen = int(whole.replace(",", "")) * 100 + int((rest or "").ljust(2, "0"))
    if fen > MOST_FEN:
        raise ValueError(_("This amount is too large. Check the number of digits."))
    return -fen if sign else fen


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest whole number, halves upwards. denominator > 0."""
    if denominator <= 0:
        raise ValueError("half_up divides by a positive whole number only.")
    return (2 * numerator + denominator) // (2 * denominator)
