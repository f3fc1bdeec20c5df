"""Phone numbers: how they are read, found again and sealed.

A phone's key is wrapped like a member's, bound to the id of its account. The number is found by
keyed hash alone; a dump shows its last four digits.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from django.utils.translation import gettext as _

from members import places
from mutualaid import vault

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_DEMO = re.compile(r"1[0-2][0-9]{9}")  # prefixes that no network has


class SealedPhone(NamedTuple):
    """The columns of a row of members_phone that depend on the number."""

    number_hash: bytes
    number_sealed: bytes
    key_wrapped: bytes
    tail: str


def normal(text: str, *, allow_demo: bool) -> str:
    """The 11 digits of a mainland mobile number, however it is spaced and with +86 or without.

    `allow_demo` also takes prefixes that no network has. Raises ValueError with a sentence.
    """
    number = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", text))
    number = re.sub(r"^(\+|00)?86(?=1[0-9]{10}$)", "", number)
    if not (_MOBILE.fullmatch(number) or (allow_demo and _DEMO.fullmatch(number))):
        raise ValueError(_("A mobile number has 11 digits and begins with 13 to 19. Check it."))
    return number


def sealed(number: str, *, account_id: int) -> SealedPhone:
    """What is kept of a normal number."""
    key, seal = vault.new_sealer(account_id)
    return SealedPhone(
        places.phone_hash(number), seal(number, places.phone(account_id)), key, number[-4:]
    )
