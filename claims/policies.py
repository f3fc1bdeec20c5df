"""May I? Each check raises Forbidden with a sentence, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from claims.models import Claim, Decision, Finding, Investigation
from claims.states import Status, Turn
from members import policies as members
from members.models import Account, Membership, Rules
from mutualaid.errors import Forbidden, Refused

INVESTIGATE, DECIDE = "claims.investigate_claim", "claims.decide_claim"


def allowed(check: Callable[..., object], *args: Any) -> bool:
    """Whether a check of this file passes; for pages that ask without doing."""
    try:
        check(*args)
    except Refused:
        return False
    return True


def check_claimant(by: Account, claim: Claim) -> None:
    """`by` acts for the member whose claim this is."""
    members.check_acts_for(by, claim.member)


def _check_not_family(by: Account, claim: Claim) -> None:
    """Neither the member's own login, nor one that shares a family with it."""
    if members.shares_family(by, claim.member_id):
        raise Forbidden(_("This claim is of your own family. Somebody else has to work on it."))


def check_adjuster(by: Account, claim: Claim) -> None:
    """May investigate claims, and is not of the family."""
    members.check_staff(by, INVESTIGATE)
    _check_not_family(by, claim)


def check_reviewer(by: Account, claim: Claim) -> None:
    """May decide claims, is not of the family, and has not investigated this one."""
    members.check_staff(by, DECIDE)
    _check_not_family(by, claim)
    investigated = Investigation.objects.filter(claim=claim, adjuster=by).exists()
    if investigated or Finding.objects.filter(investigation__claim=claim, by=by).exists():
        raise Forbidden(_("You have investigated this claim. Somebody else has to decide it."))


def check_confirmer(by: Account, decision: Decision) -> None:
    """A reviewer who is not the one who proposed."""
    check_reviewer(by, decision.claim)
    if decision.proposed_by_id == by.pk:
        raise Forbidden(_("You proposed this decision. Another reviewer has to confirm it."))


def check_takes(by: Account, claim: Claim) -> None:
    """May take up the work that waits on this claim."""
    if claim.turn is Turn.ADJUSTER:
        check_adjuster(by, claim)
        return
    check_reviewer(by, claim)
    if claim.status == Status.PROPOSED:
        decision = claim.decisions.filter(sent_back_at__isnull=True).latest("pk")
        check_confirmer(by, decision)


def check_has_it(by: Account, claim: Claim) -> None:
    """Nobody else has taken it up."""
    if claim.owner_id is not None and claim.owner_id != by.pk:
        raise Forbidden(
            _("%(name)s is working on claim %(number)s. Ask there, or take another claim.")
            % {"name": claim.owner, "number": claim.number}
        )


def check_staff_reads(by: Account, claim: Claim) -> None:
    """Staff whose work is with claims, outside the family."""
    members.check_staff(by, "claims.view_evidence")
    _check_not_family(by, claim)


def check_reads(by: Account, claim: Claim) -> str:
    """May see the papers of this claim. Returns the reason for the access record: own or work."""
    if allowed(check_claimant, by, claim):
        return "own"
    check_staff_reads(by, claim)
    return "work"


def check_adds_paper(by: Account, claim: Claim) -> None:
    """The claimant, or the adjuster who has fetched a paper."""
    if not allowed(check_claimant, by, claim):
        check_adjuster(by, claim)
        check_has_it(by, claim)


def terms(membership: Membership, diagnosed_on: date) -> Rules:
    """The rules that a first diagnosis on that Shanghai day falls under: those in force then, also
    where they were met with silence (design §5); before the plan's first, those of joining."""
    try:
        return membership.terms_on(diagnosed_on)
    except Rules.DoesNotExist:
        return membership.rules
