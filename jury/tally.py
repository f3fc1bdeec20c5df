"""From ballots to a verdict: pure, total, and blind to their order (domain.md §3a, design §5).

Quorum asks whether enough jurors took part: every ballot cast counts, abstentions too. The majority
asks what those decided who could: only support and against count, and support must be strictly
more. A tie, also 0 to 0, leaves the first decision standing. Without quorum the vote is extended
once; after that the first decision stands as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SUPPORT, AGAINST, ABSTAIN = "support", "against", "abstain"
CHOICES = (SUPPORT, AGAINST, ABSTAIN)


class Outcome(StrEnum):
    OVERTURNED = "overturned"
    UPHELD = "upheld"
    EXTEND = "extend"


class Why(StrEnum):
    MAJORITY = "majority"
    TIE = "tie"
    NO_QUORUM = "no_quorum"


@dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    why: Why
    support: int
    against: int
    abstain: int

    @property
    def cast(self) -> int:
        return self.support + self.against + self.abstain


def decide(ballots: Iterable[str], *, panel: int, quorum: int, extended: bool) -> Result:
    """What the ballots come to when the voting time is over. `ballots`: one of CHOICES each.

    Raises ValueError for an unknown choice, more ballots than seats, or a quorum outside 1..panel:
    such a vote was not held by the rules, and nothing is decided by it.
    """
    cast = list(ballots)
    unknown = set(cast) - set(CHOICES)
    if unknown:
        raise ValueError(f"There is no choice {', '.join(sorted(map(repr, unknown)))} on a ballot.")
    if not 1 <= quorum <= panel:
        raise ValueError(f"A quorum of {quorum} does not fit a panel of {panel}.")
    if len(cast) > panel:
        raise ValueError(f"There are {len(cast)} ballots for {panel} seats.")
    support, against, abstain = (cast.count(choice) for choice in CHOICES)
    outcome, why = _verdict(support, against, enough=len(cast) >= quorum, extended=extended)
    return Result(outcome, why, support, against, abstain)


def _verdict(support: int, against: int, *, enough: bool, extended: bool) -> tuple[Outcome, Why]:
    if not enough:
        return (Outcome.UPHELD if extended else Outcome.EXTEND), Why.NO_QUORUM
    if support == against:
        return Outcome.UPHELD, Why.TIE
    return (Outcome.OVERTURNED if support > against else Outcome.UPHELD), Why.MAJORITY
