"""What a claim is worth and by when somebody must act. Pure: counts on rows that are loaded.

Days are whole days in Asia/Shanghai; a deadline is the midnight that ends its last day, so "by
5 December" lasts until 6 December 00:00. Sources: domain.md §1c (papers, contact within 3 working
days, about 30 days to the end), §1d (30 days for a decision), the dated Rules for the rest.

A decision is due `decision_days` after the papers are complete. Inside that time each part has its
own date, so that nobody waits for "the office": taken up within 3 days, investigated after two
thirds, first review after nine tenths. Days on which the claimant had to bring papers, or nobody
could act because a date had to come, are not counted: every later date moves by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from claims import criteria
from claims.states import Status
from members import benefits
from members.rules import age_on
from mutualaid import clock
from mutualaid.errors import Invalid

if TYPE_CHECKING:
    from claims.models import Claim, ClaimEvent
    from members.models import Rules

PAPERS_DAYS = 30  # to bring the papers; the report alone has stopped the claim window
TAKE_DAYS = 3
LEAST_PAPERS, MOST_PAPERS = 2, 20
JURY_CONVENES_DAYS = 7
# Days of the month: the cut-off of the second period, disclosures, splits (domain.md §1b).
CUT_OFF, DISCLOSED, SPLIT = 16, (7, 21), (14, 28)
STILL = frozenset({Status.PAPERS_WANTED, Status.WAITING})


def benefit_fen(claim: Claim) -> int:
    """The benefit of a granted claim in fen, by the rules in force on the day of first diagnosis:
    the band for the age on that day and for the severity of the illness, and the part that the
    length of membership gives (design §5). Raises Invalid where the rules set none."""
    severity = criteria.severity(claim.rules.norm, claim.disease)
    fen = benefits.benefit_fen(claim.rules, claim.membership, claim.diagnosed_on, severity)
    if fen:
        return fen
    age = age_on(claim.member.birth_on, claim.diagnosed_on)
    raise Invalid(_("The rules set no benefit for the age of %(age)s years.") % {"age": age})


def diseases(terms: Rules) -> list[str]:
    """The codes of the illnesses that a version of the rules covers, in the order of its norm."""
    known = criteria.codes(terms.norm)
    return known if terms.diseases is None else [code for code in known if code in terms.diseases]


def definition(terms: Rules, disease: str) -> dict[str, Any]:
    """What a claim under these rules must come to: no health condition where nothing was asked on
    joining, and an accident where the plan is for accidents alone."""
    asked = terms.question_set.questions.exists()
    return criteria.full(terms.norm, disease, health=asked, accidents_only=terms.accidents_only)


def end_of_day(on: date) -> datetime:
    """The midnight after that day, Asia/Shanghai."""
    return clock.midnight(on + timedelta(days=1))


def last_day(due_at: datetime) -> date:
    """The last day that a deadline leaves: what "by …" names."""
    return clock.day(due_at - timedelta(microseconds=1))


def stood_still(events: Iterable[ClaimEvent], until: datetime) -> timedelta:
    """How long the clock of the decision has stood until then. `events` of one claim by time."""
    total, since = timedelta(0), None
    for event in events:
        if not event.new or event.at > until:
            continue
        if since is not None:
            total += event.at - since
        since = event.at if event.new in STILL else None
    return total + (until - since if since is not None else timedelta(0))


def papers_due(reported_at: datetime) -> datetime:
    """By when the papers should be there. Nothing is lost after it: the claim stays open."""
    return end_of_day(clock.day(reported_at) + timedelta(days=PAPERS_DAYS))


def work_due(
    claim: Claim,
    status: Status,
    still: timedelta = timedelta(0),
    complete_at: datetime | None = None,
) -> datetime:
    """By when this part of the work must be done; `still` is not counted. `complete_at`: the day
    supposed for papers that are not there yet. Raises ValueError without either."""
    complete_at = claim.complete_at or complete_at
    if complete_at is None:
        raise ValueError("Work has no date before the papers are complete.")
    whole = claim.rules.decision_days
    days = {
        Status.SUBMITTED: min(TAKE_DAYS, whole),
        Status.INVESTIGATING: whole * 2 // 3,
        Status.REVIEWING: whole * 9 // 10,
        Status.PROPOSED: whole,
    }[status]
    return end_of_day(clock.day(complete_at + still) + timedelta(days=days))


def appeal_due(claim: Claim, decided_at: datetime) -> datetime:
    """Until when a refusal may be put before a jury."""
    return end_of_day(clock.day(decided_at) + timedelta(days=claim.rules.appeal_days))


def verdict_due(claim: Claim, at: datetime) -> datetime:
    """By when a jury has spoken: it convenes within a week, votes, and may be extended once."""
    hours = claim.rules.voting_hours + claim.rules.extension_hours
    convened = clock.day(at) + timedelta(days=JURY_CONVENES_DAYS)
    return end_of_day(clock.day(clock.midnight(convened) + timedelta(hours=hours)))


def period_dates(decided_at: datetime) -> tuple[date, date]:
    """The days on which a claim granted then is disclosed and split: it enters the period whose
    cut-off, 00:00 of the 1st or 16th, comes next (design §6)."""
    on = clock.day(decided_at)
    if on.day < CUT_OFF:
        return on.replace(day=DISCLOSED[1]), on.replace(day=SPLIT[1])
    first = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first.replace(day=DISCLOSED[0]), first.replace(day=SPLIT[0])
