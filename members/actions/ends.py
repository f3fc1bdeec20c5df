"""How a membership ends: at the member's wish, by age, by arrears, by the benefit."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from members import bulk, policies
from members.actions.notifying import facts_of, notify
from members.models import Account, Membership
from mutualaid.clock import day
from mutualaid.errors import NotNow


@transaction.atomic
def leave(*, membership_id: int, by: Account, at: datetime) -> Membership:
    """End it at the member's wish. Locks the membership; raises NotNow if it has ended.

    A period whose roster was locked before still counts the member (domain.md §1a, exit).
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    _end(membership, Membership.End.LEFT, at)
    notify(code="left", facts=facts_of(membership), at=at, account_id=membership.payer_id)
    return membership


@transaction.atomic
def end_membership(
    *, membership_id: int, reason: str, by: Account | None, at: datetime
) -> Membership:
    """End it for another reason (arrears, helped). Locks it; raises NotNow if it has ended.

    For the clock and for the rooms to the right, which have asked may-I themselves.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    end = Membership.End(reason)
    _end(membership, end, at)
    code = {
        Membership.End.LEFT: "left",
        Membership.End.AGED_OUT: "aged_out",
        Membership.End.ARREARS: "membership_ended_arrears",
        Membership.End.HELPED: "membership_ended_helped",
        Membership.End.NOT_MET: "membership_ended_not_met",
    }[end]
    notify(code=code, facts=facts_of(membership), at=at, account_id=membership.payer_id)
    return membership


def _end(membership: Membership, reason: Membership.End, at: datetime) -> None:
    """The only place that ends a single membership; the caller holds its lock."""
    if membership.ended_at is not None:
        raise NotNow(_("This membership has already ended. There is nothing to do."))
    membership.ended_at, membership.end_reason = at, reason
    membership.save(update_fields=["ended_at", "end_reason"])


@transaction.atomic
def age_out_due(*, at: datetime) -> int:
    """End every membership whose member is past the highest age of its rules; returns how many."""
    return bulk.age_out(on=day(at), at=at)
