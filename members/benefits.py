"""What a membership would be granted: the band of the age, the severity, the length of membership.

Reads only; the pages of one's cover and the decision on a claim ask here, so that they agree.
"""

from __future__ import annotations

from datetime import date

from members.models import Membership, Rules
from members.rules import age_on


def benefit_fen(terms: Rules, membership: Membership, on: date, severity: str = "severe") -> int:
    """The benefit in fen for a first diagnosis on that Shanghai day by these rules; 0 where they
    grant none for the age or the severity. A part of a fen falls to the members (design §5)."""
    age = age_on(membership.member.birth_on, on)
    if age > terms.max_age_years:
        return 0
    numerator, denominator = part(terms, tenure_days(membership, on))
    return band_fen(terms, age, severity) * numerator // denominator


def band_fen(terms: Rules, age: int, severity: str) -> int:
    """The whole sum of the band in fen; 0 where the rules have none."""
    fitting = (
        band.benefit_fen
        for band in terms.bands.all()
        if band.severity == severity and band.from_age <= age <= band.to_age
    )
    return next(fitting, 0)


def tenure_days(membership: Membership, on: date) -> int:
    """Days of cover until then, those of the memberships it goes on from too."""
    first = membership
    while first.continues is not None:
        first = first.continues
    return max(0, (on - first.covered_from).days)


def part(terms: Rules, days: int) -> tuple[int, int]:
    """The part of the benefit after so many days of cover, as (numerator, denominator): 康爱公社's
    third, two thirds, whole (domain.md §1e). Without steps all of it."""
    steps = sorted(terms.steps.all(), key=lambda step: step.from_days)
    if not steps:
        return 1, 1
    reached = [step for step in steps if step.from_days <= days]
    return (reached[-1].numerator, reached[-1].denominator) if reached else (0, 1)
