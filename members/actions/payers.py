"""Who pays for a membership changes: both payers agree, or it does not happen (domain.md §1e)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from members import policies
from members.actions.notifying import facts_of, notify
from members.actions.payment import give_mandate
from members.models import Account, HouseholdLink, Membership, PayerChange
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow

ANSWER_DAYS = 14


@transaction.atomic
def ask_payer_change(
    *, membership_id: int, to_account_id: int, by: Account, at: datetime
) -> PayerChange:
    """Ask that another account of the family pays for a membership from now on. Whoever asks has
    agreed: the payer hands it on, or the other takes it over. Locks the membership.

    Raises Forbidden unless `by` is one of the two, Invalid (field "to_account") for an account that
    does not act for the person or pays already, NotNow while a change is open or after the end.
    """
    membership = Membership.objects.select_for_update(of=("self",)).get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    if by.pk not in (membership.payer_id, to_account_id):
        raise Forbidden(_("Only the payer, or whoever wants to pay, can ask for this."))
    _check_open(membership)
    _check_can_pay(membership, to_account_id)
    _close_old(membership, at)
    agreed = {"from_agreed_at" if by.pk == membership.payer_id else "to_agreed_at": at}
    change = PayerChange.objects.create(
        membership=membership,
        from_account_id=membership.payer_id,
        to_account_id=to_account_id,
        asked_by=by,
        asked_at=at,
        expires_at=at + timedelta(days=ANSWER_DAYS),
        **agreed,
    )
    _tell(change, "payer_asked", _other(change), at)
    return change


@transaction.atomic
def answer_payer_change(*, change_id: int, agree: bool, by: Account, at: datetime) -> PayerChange:
    """The other of the two answers. Agreed, the shares debited from then on are the new payer's,
    who gives a payment agreement by it. Locks the change, the membership, the new payer.

    Raises Forbidden for anybody else, NotNow once it is answered, too old, or the membership has
    ended or changed its payer meanwhile.
    """
    change = PayerChange.objects.select_for_update(of=("self",)).get(pk=change_id)
    membership = Membership.objects.select_for_update(of=("self",)).get(pk=change.membership_id)
    if by.pk != _other(change) or not by.is_active:
        raise Forbidden(_("Only the one who was asked can answer this."))
    if change.closed_at is not None or clock.now() >= change.expires_at:
        raise NotNow(_("This question has been answered already, or is too old."))
    change.closed_at = at
    if agree:
        _check_open(membership)
        _check_can_pay(membership, change.to_account_id)
        change.from_agreed_at, change.to_agreed_at = change.from_agreed_at or at, at
        _hand_over(change, membership, at)
    change.save(update_fields=["closed_at", "from_agreed_at", "to_agreed_at"])
    _tell(change, "payer_changed" if agree else "payer_declined", change.asked_by_id, at)
    return change


@transaction.atomic
def withdraw_payer_change(*, change_id: int, by: Account, at: datetime) -> PayerChange:
    """Whoever asked takes it back. Locks the change. Raises NotNow once it is closed."""
    change = PayerChange.objects.select_for_update(of=("self",)).get(pk=change_id)
    if by.pk != change.asked_by_id or not by.is_active:
        raise Forbidden(_("Only the payer, or whoever wants to pay, can ask for this."))
    if change.closed_at is not None:
        raise NotNow(_("This question has been answered already, or is too old."))
    change.closed_at = at
    change.save(update_fields=["closed_at"])
    return change


@transaction.atomic
def payer_changes_due(*, at: datetime) -> int:
    """Close what nobody answered in time; returns how many. In one statement."""
    return PayerChange.objects.filter(closed_at__isnull=True, expires_at__lte=at).update(
        closed_at=at
    )


def _hand_over(change: PayerChange, membership: Membership, at: datetime) -> None:
    membership.payer_id = change.to_account_id
    membership.save(update_fields=["payer"])
    payer = change.to_account
    give_mandate(account_id=payer.pk, plan_id=membership.plan_id, by=payer, at=at)


def _check_open(membership: Membership) -> None:
    if membership.ended_at is not None:
        raise NotNow(_("This membership has ended; nobody pays for it any more."))


def _check_can_pay(membership: Membership, account_id: int) -> None:
    link = HouseholdLink.objects.filter(
        account=account_id, member=membership.member_id, account__is_active=True
    ).first()
    if link is None or link.consented_at is None:
        raise Invalid(
            _("Choose an account of the family that acts for this person."), field="to_account"
        )
    if account_id == membership.payer_id:
        raise Invalid(_("This account pays already."), field="to_account")


def _close_old(membership: Membership, at: datetime) -> None:
    """What is too old makes room; what is open is answered first."""
    found = membership.payer_changes.select_for_update().filter(closed_at__isnull=True)
    for change in found:
        if clock.now() < change.expires_at:
            raise NotNow(_("A change of the payer is open already. Wait for the answer to it."))
        change.closed_at = at
        change.save(update_fields=["closed_at"])


def _other(change: PayerChange) -> int:
    """The account whose answer is wanted."""
    ids = {change.from_account_id, change.to_account_id} - {change.asked_by_id}
    return ids.pop()


def _tell(change: PayerChange, code: str, account_id: int, at: datetime) -> None:
    notify(code=code, facts=facts_of(change.membership), at=at, account_id=account_id)
