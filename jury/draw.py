"""The draw of a jury, which anybody can repeat with SHA-256 and a sorted list (design §5).

Before the draw two digests are published: of the frozen roster, and of the seed (its commitment).
After it the seed is published. Nobody can then choose jurors by choosing the seed or the roster.
The rule: for every juror that no conflict excludes, take

    SHA-256( seed ‖ "|" ‖ case ‖ "|" ‖ id in decimal )

and sort by it. The first `panel` sit; who declines is replaced by the next in that same order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from itertools import pairwise

from django.utils.translation import gettext as _

SEED_BYTES = 32


class TooFewJurors(ValueError):
    """The roster without those excluded does not fill the panel."""


def draw(
    roster: Sequence[int], *, seed: bytes, case: str, panel: int, excluded: Collection[int] = ()
) -> list[int]:
    """The whole drawn order: the first `panel` are the panel, the rest refill it in order.

    `roster`: juror ids, ascending, each once. `excluded`: ids with a conflict; leaving somebody out
    does not move anybody else. Raises TooFewJurors, and ValueError for a roster that is not sorted
    or a seed that is not 32 bytes.
    """
    _check_roster(roster)
    _check_seed(seed)
    out = frozenset(excluded)
    drawn = sorted((juror for juror in roster if juror not in out), key=_places(seed, case))
    if len(drawn) < panel:
        raise TooFewJurors(
            _("The panel has %(panel)s seats, but only %(jurors)s jurors can be drawn.")
            % {"panel": panel, "jurors": len(drawn)}
        )
    return drawn


def _places(seed: bytes, case: str) -> Callable[[int], bytes]:
    """The sort key of a juror; seed and case are hashed once."""
    start = sha256(seed + b"|" + case.encode() + b"|")

    def place(juror: int) -> bytes:
        whole = start.copy()
        whole.update(str(juror).encode())
        return whole.digest()

    return place


def roster_digest(roster: Sequence[int]) -> bytes:
    """SHA-256 of the ids in decimal, ascending, one a line, each line ended by "\\n"."""
    _check_roster(roster)
    return sha256("".join(f"{juror}\n" for juror in roster).encode()).digest()


def commitment(seed: bytes) -> bytes:
    """What is published of the seed before the draw: its SHA-256."""
    _check_seed(seed)
    return sha256(seed).digest()


def _check_roster(roster: Sequence[int]) -> None:
    if any(later <= earlier for earlier, later in pairwise(roster)):
        raise ValueError("A roster holds each juror once, in ascending order.")


def _check_seed(seed: bytes) -> None:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"A seed has {SEED_BYTES} bytes, not {len(seed)}.")
