"""Whether a name and an ID number belong together, and a score: asked of whoever can know.

`settings.IDENTITY_PROVIDER` chooses: "sandbox" (people who cannot exist; refused in production),
"none" (nobody is asked, nobody is refused), or the dotted path of a class of one's own.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

SCORES = range(350, 951)  # as 芝麻分 counts; 相互保 asked for 650


class Found(StrEnum):
    """What a provider knows of a name and a number."""

    VERIFIED = "verified"  # this name bears this number
    UNKNOWN = "unknown"  # it cannot tell: not in its records, or it does not answer
    MISMATCH = "mismatch"  # another name bears this number, or nobody does


class NoAnswer(Exception):
    """The provider could not be reached in time. The reason carries no name and no number."""


class IdentityProvider(Protocol):
    """Whoever can know. It keeps nothing of what it is asked, and answers within ten seconds."""

    def verify(self, name: str, number: str) -> Found:
        """Whether the name (as on the card) bears the 18-digit number. Raises NoAnswer."""

    def score(self, name: str, number: str) -> int | None:
        """A score, or None for who has none. Raises NoAnswer."""


class Nobody:
    """No provider: nothing is known of anybody."""

    def verify(self, name: str, number: str) -> Found:
        return Found.UNKNOWN

    def score(self, name: str, number: str) -> int | None:
        return None


class Sandbox:
    """Says the same of the same person every time, and reads nothing.

    A name that ends in 错 does not bear its number, and nothing is known of one that ends in 谜;
    everybody else is who they say. The score follows from the number.
    """

    WRONG, UNKNOWN = "错", "谜"

    def verify(self, name: str, number: str) -> Found:
        if name.endswith(self.WRONG):
            return Found.MISMATCH
        return Found.UNKNOWN if name.endswith(self.UNKNOWN) else Found.VERIFIED

    def score(self, name: str, number: str) -> int | None:
        if self.verify(name, number) != Found.VERIFIED:
            return None
        drawn = hashlib.sha256(b"score\0" + number.encode()).digest()
        return SCORES[int.from_bytes(drawn[:4]) % len(SCORES)]


OURS: dict[str, type[IdentityProvider]] = {"none": Nobody, "sandbox": Sandbox}


def provider() -> IdentityProvider:
    """The one that the settings choose. Raises ImportError for a path that leads nowhere."""
    name = settings.IDENTITY_PROVIDER
    made = OURS[name] if name in OURS else import_string(name)
    return cast(IdentityProvider, made())


def verify(name: str, number: str) -> Found:
    """What the provider says; one that does not answer knows nothing, and holds nobody up."""
    try:
        return Found(provider().verify(name, number))
    except NoAnswer:
        return Found.UNKNOWN


def score(name: str, number: str) -> int | None:
    """The provider's score; None where there is none, or no answer."""
    try:
        return provider().score(name, number)
    except NoAnswer:
        return None
