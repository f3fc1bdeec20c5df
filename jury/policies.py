"""May I? Each check raises Forbidden with a sentence; it reads, and never writes."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from claims.models import Claim, Finding, Investigation, Payee
from jury import rules
from jury.models import Case, ExamAttempt, Juror, Seat
from members.models import Account, HouseholdLink, Member, Membership
from mutualaid import clock
from mutualaid.errors import Forbidden


def own_member(account: Account) -> Member | None:
    """The person who logs in with this account, if they have added themselves."""
    link = account.household.filter(relation=HouseholdLink.Relation.SELF).first()
    return link.member if link else None


def standing(account: Account, at: datetime) -> list[rules.Condition]:
    """Each condition of the office as it is for this account at that instant (domain.md §3a)."""
    member = own_member(account)
    membership = _oldest_membership(member)
    return rules.conditions(
        born=member.birth_on if member else None,
        joined_on=clock.day(membership.joined_at) if membership else None,
        days=membership.rules.juror_membership_days if membership else 0,
        passed=ExamAttempt.objects.filter(account=account, passed=True).exists(),
        on=clock.day(at),
    )


def _oldest_membership(member: Member | None) -> Membership | None:
    """Open memberships are those that pay: arrears end them."""
    if member is None:
        return None
    return member.memberships.open().select_related("rules").order_by("joined_at").first()


def check_may_sit_exam(by: Account, at: datetime) -> None:
    """`by` is a grown member with a login of their own, and does not work here."""
    if by.is_staff:
        raise Forbidden(_("People who work here do not sit on juries. Nothing for you to do."))
    member = own_member(by)
    if member is None:
        raise Forbidden(_("Jurors are members. Add yourself and join a plan first."))
    if rules.birthday(member.birth_on, rules.ADULT) > clock.day(at):
        raise Forbidden(_("Jurors are 18 or older. Please come back then."))


def check_own_attempt(by: Account, attempt: ExamAttempt) -> None:
    """The exam is this account's."""
    if attempt.account_id != by.pk:
        raise Forbidden(_("This exam is somebody else's. Begin your own."))


def check_own_seat(by: Account, seat: Seat) -> None:
    """The seat belongs to this account and has not been declined."""
    if seat.juror.account_id != by.pk:
        raise Forbidden(_("This seat is not yours. You find your cases on the jury page."))
    if seat.declined_at is not None:
        raise Forbidden(_("You have given this seat to another juror."))


def check_impartial(by: Account, seat: Seat) -> None:
    """The juror is still in office and stands in no relation to the claim (asked again at the
    vote: security.md G11). `by` holds the seat."""
    if seat.juror.resigned_at is not None or by.is_staff or not by.is_active:
        raise Forbidden(_("You are no longer a juror, so this seat cannot vote."))
    serving = Juror.objects.serving(seat.case.appeal.claim.membership.plan, clock.now())
    if not serving.filter(pk=seat.juror_id).exists():
        raise Forbidden(
            _("Jurors share the costs of the plan. Your membership has ended, so you cannot vote.")
        )
    if seat.juror_id in conflicted(seat.case.appeal.claim, besides=seat.case):
        raise Forbidden(
            _(
                "You are related to this claim, so you cannot vote on it. Please give the seat to"
                " another juror."
            )
        )


def conflicted(claim: Claim, *, besides: Case | None = None) -> set[int]:
    """Ids of jurors who stand in a relation to the claim: the claimant's family, payer and payee,
    staff who touched it, and who was seated on another jury (than `besides`) of the same claim."""
    accounts = _accounts_of(claim)
    family = HouseholdLink.objects.filter(account_id__in=accounts).values("member_id")
    related = Q(account_id__in=accounts) | Q(member_id__in=family) | Q(member_id=claim.member_id)
    payee = Payee.objects.filter(claim=claim).first()
    if payee is not None:
        related |= Q(member__name=payee.holder)
    earlier = Seat.objects.filter(case__appeal__claim=claim).exclude(case=besides)
    related |= Q(pk__in=earlier.values("juror_id"))
    return set(Juror.objects.filter(related).values_list("pk", flat=True))


def _accounts_of(claim: Claim) -> set[int]:
    """Accounts of both sides: whoever acts or pays for the claimant, gave the payee or shares the
    payee's bank account, and whoever worked on the claim."""
    found: set[int | None] = {claim.filed_by_id, claim.membership.payer_id, claim.owner_id}
    found |= set(claim.member.household.values_list("account_id", flat=True))
    hashes = Payee.objects.filter(claim=claim).values("account_hash")
    payees = Payee.objects.filter(Q(claim=claim) | Q(account_hash__in=hashes))
    found |= set(payees.values_list("given_by_id", flat=True))
    found |= set(claim.appeals.values_list("by_id", flat=True))
    found |= set(claim.events.values_list("by_id", flat=True))
    found |= set(Finding.objects.filter(investigation__claim=claim).values_list("by_id", flat=True))
    found |= set(Investigation.objects.filter(claim=claim).values_list("adjuster_id", flat=True))
    for people in claim.decisions.values_list(
        "proposed_by_id", "confirmed_by_id", "sent_back_by_id"
    ):
        found |= set(people)
    return {account for account in found if account is not None}
