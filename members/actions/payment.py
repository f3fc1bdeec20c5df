"""The payment mandate: that shares may be debited from an account. Given, expires, revoked."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from members import bulk, policies
from members.actions.notifying import notify
from members.models import Account, Mandate, Plan, Rules
from mutualaid.clock import day
from mutualaid.errors import NotNow

WARNED = (30, 7)  # days before a mandate expires: one notice each


@transaction.atomic
def give_mandate(
    *, account_id: int, plan_id: int, by: Account | None, at: datetime, anew: bool = False
) -> Mandate:
    """Let the shares of this account be debited for the days that the plan's rules name.

    One that is live stays as it is, unless `anew` asks for the full time again: then the old one is
    revoked and a new one given. Locks the account.
    """
    account = Account.objects.select_for_update().get(pk=account_id)
    policies.check_own(by, account)
    live = Mandate.objects.live(day(at)).filter(account=account).first()
    if live is not None and not anew:
        return live
    Mandate.objects.filter(account=account, revoked_at__isnull=True).update(revoked_at=at)
    plan = Plan.objects.get(pk=plan_id)
    days = Rules.objects.in_force(plan, day(at)).mandate_days
    made = Mandate.objects.create(
        account=account, given_at=at, expires_on=day(at) + timedelta(days=days)
    )
    if anew:
        facts = {"expires_on": made.expires_on.isoformat()}
        notify(code="mandate_given", facts=facts, at=at, account_id=account.pk)
    return made


@transaction.atomic
def revoke_mandate(*, mandate_id: int, by: policies.Actor, at: datetime) -> Mandate:
    """No more debits from this account. Locks the mandate. Raises NotNow where it has ended.

    The memberships go on; a share that falls due cannot be debited, and unpaid after the days of
    the rules it ends the membership (design §6).
    """
    mandate = Mandate.objects.select_for_update().select_related("account").get(pk=mandate_id)
    policies.check_own(by, mandate.account, helped=True)
    if mandate.revoked_at is not None:
        raise NotNow(_("This payment agreement has been revoked already. There is nothing to do."))
    mandate.revoked_at = at
    mandate.save(update_fields=["revoked_at"])
    notify(code="mandate_revoked", facts={}, at=at, account_id=mandate.account_id)
    return mandate


@transaction.atomic
def mandates_due(*, at: datetime) -> int:
    """Tell the payers whose mandate expires soon, or has; returns how many were told. In sets; each
    is told once a step, also after days without a beat."""
    return bulk.warn_of_mandates(on=day(at), at=at, steps=WARNED)
