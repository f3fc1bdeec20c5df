"""What the money holds of a person: shares, debts, payouts. The books keep numbers, no names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from assessments.models import Arrears, Payout, Period, Share
from assessments.states import DONE, PayoutState, Stage
from claims.models import Claim
from claims.states import Status
from members.models import Account, Member, Membership
from members.rights import Section, fen, made
from mutualaid.money import yuan


def sections(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """Each share with its period, what could not be debited, what was paid out."""
    if member is None:
        return
    yield _shares(member)
    yield _arrears(member)
    yield _payouts(member)


def _shares(member: Member) -> Section:
    """Each membership by its own periods, so that the shares are found by their key."""
    rows = []
    for membership in member.memberships.order_by("pk"):
        periods = Period.objects.filter(
            plan=membership.plan_id, stage__in=DONE, roster_at__gt=membership.joined_at
        )
        found = Share.objects.filter(
            period_id__in=list(periods.values_list("pk", flat=True)), membership_id=membership.pk
        )
        rows += [
            {
                "membership": membership.number,
                "period": share.period.number,
                "split_at": share.period.split_at,
                "amount_fen": share.amount_fen,
                "amount": fen(share.amount_fen),
            }
            for share in found.select_related("period").order_by("period_id")
        ]
    columns = {
        "membership": _("number"),
        "period": _("period"),
        "split_at": _("when"),
        "amount": _("yuan"),
    }
    return made("shares", _("Shares"), columns, rows)


def _arrears(member: Member) -> Section:
    found = Arrears.objects.filter(member=member).select_related("membership", "period")
    columns = {
        "membership": _("number"),
        "period": _("period"),
        "amount": _("yuan"),
        "opened_at": _("not debited on"),
        "paid_at": _("paid"),
    }
    rows = [
        {
            "membership": each.membership.number,
            "period": each.period.number,
            "amount": fen(each.amount_fen),
            "opened_at": each.opened_at,
            "paid_at": each.paid_at,
        }
        for each in found.order_by("pk")
    ]
    return made("arrears", _("What could not be debited"), columns, rows)


def _payouts(member: Member) -> Section:
    found = Payout.objects.filter(claim__member=member).select_related("claim").order_by("pk")
    columns = {
        "claim": _("claim"),
        "amount": _("yuan"),
        "state": _("status"),
        "paid_at": _("paid"),
    }
    rows = [
        {
            "claim": each.claim.number,
            "amount": fen(each.amount_fen),
            "state": each.get_state_display(),
            "paid_at": each.paid_at,
        }
        for each in found
    ]
    return made("payouts", _("Payouts"), columns, rows)


def open_matters(member: Member, at: datetime) -> Iterator[str]:
    """Debts, a period that counts the person and is not debited yet, a benefit not paid out."""
    owed = Arrears.objects.filter(member=member, paid_at__isnull=True).order_by("pk")
    for arrears in owed.select_related("period"):
        yield _("%(sum)s yuan of period %(number)s are not paid yet. Pay them first.") % {
            "sum": yuan(arrears.amount_fen),
            "number": arrears.period.number,
        }
    for period in _counted(member):
        yield _("Period %(number)s counts this person and is not debited yet. Wait for it.") % {
            "number": period.number
        }
    granted = Claim.objects.filter(member=member, status=Status.GRANTED).order_by("pk")
    for number in granted.exclude(payout__state=PayoutState.PAID).values_list("number", flat=True):
        yield _("The benefit of claim %(number)s is not paid out yet.") % {"number": number}


def _counted(member: Member) -> list[Period]:
    """The periods whose roster has a membership of theirs, from the lock to the last debit."""
    found = []
    under_way = Period.objects.exclude(stage__in=[Stage.OPEN, Stage.COLLECTED])
    plans = member.memberships.values("plan")
    for period in under_way.filter(plan__in=plans).select_related("plan").order_by("pk"):
        roster = Membership.objects.on_roster(period.plan, period.roster_at)
        if roster.filter(member=member).exists():
            found.append(period)
    return found


def forget(member_id: int) -> None:
    """Nothing: the books and shares keep numbers that lead to nobody any more."""
