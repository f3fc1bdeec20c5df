"""May I? Each check raises Forbidden with a sentence; it reads, and never writes."""

from __future__ import annotations

from django.utils.translation import gettext as _

from assessments.models import Payout
from claims.models import Claim
from members import policies as members
from members.models import Account, HouseholdLink, Membership
from mutualaid.errors import Forbidden

CLOSE = "assessments.close_period"
PREPARE, RELEASE = "assessments.prepare_payout", "assessments.release_payout"
ANSWER_OBJECTIONS = "disclosures.change_objection"


def check_closes(by: Account | None) -> None:
    """May lock and split periods and book late payments. None is the clock, which may."""
    if by is not None:
        members.check_staff(by, CLOSE)


def check_sets_aside(by: Account | None) -> None:
    """May take a published case out of its period: who closes periods or answers objections."""
    if by is None or not by.has_perm(ANSWER_OBJECTIONS):
        members.check_staff(by, CLOSE)


def check_prepares(by: Account, claim: Claim) -> None:
    """May prepare payouts, and is not of the claimant's family."""
    members.check_staff(by, PREPARE)
    _check_not_family(by, claim)


def check_releases(by: Account, payout: Payout) -> None:
    """May release payouts, is not of the family, and did not prepare this one."""
    members.check_staff(by, RELEASE)
    _check_not_family(by, payout.claim)
    if payout.prepared_by_id == by.pk:
        raise Forbidden(_("You prepared this payout. Another person has to release it."))


def _check_not_family(by: Account, claim: Claim) -> None:
    if members.shares_family(by, claim.member_id):
        raise Forbidden(_("This payout goes to your own family. Somebody else has to work on it."))


def may_see_shares(by: Account, membership: Membership) -> bool:
    """Whether the membership is of the reader's family, or paid for by the reader."""
    return (
        membership.payer_id == by.pk
        or HouseholdLink.objects.filter(account=by, member=membership.member_id).exists()
    )
