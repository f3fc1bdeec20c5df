"""An account asked back by who can show who they are: its number was lost, or given to somebody
else by the network.

Name, ID number and a code to a new number; then three days in which every contact there was is told
and one word stops it; and a person of the staff who has made sure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.translation import gettext as _

from members import identity, phones, places, rules
from members.actions.accounts import (
    _phone_of,
    _use_code,
    check_turn,
    count_turn,
    network,
    tell_contacts,
    write_phone,
)
from members.models import Account, HouseholdLink, IdentityNumber, Phone, PhoneCode, Recovery
from mutualaid import clock, vault
from mutualaid.errors import Forbidden, Invalid, NotNow

RECOVERY_HOLD_DAYS, RECOVERY_GIVEN_UP_DAYS = 3, 30
CONFIRM = "members.change_recovery"


@transaction.atomic
def ask_recovery(
    *, name: str, id_number: str, code_id: int, number: str, code: str, address: str, at: datetime
) -> bool:
    """Ask for the account of the person who bears this name and ID number, for a new phone number.
    False for a wrong code, which counts.

    True says nothing of whether there is such a person: who asks is told the same. Raises Invalid
    (field "id_number") for a number that is none, (None) for a phone that serves another family,
    NotNow after too many from one address and for a code that no longer counts.
    """
    turn = ("person", network(address))
    check_turn(turn, at=at)
    try:
        person = rules.check_id_number(id_number, allow_demo=settings.DEMO).number
    except ValueError as error:
        raise Invalid(str(error), field="id_number") from error
    if not _use_code(PhoneCode.Purpose.RECOVER, code_id, number, code, by=None, at=at):
        return False
    count_turn(turn, at=at)
    _check_free(number)
    account = _account_of(" ".join(name.split()), person)
    if account is not None and not _holds(account, number):
        _begin(account, number, at)
    return True


def _account_of(name: str, id_number: str) -> Account | None:
    """The own login of who bears both; not of staff, whose logins the data officer looks after."""
    found = IdentityNumber.objects.filter(id_hash=places.id_hash(id_number))
    row = found.select_related("member").first()
    if row is None or row.member.name != name:
        return None
    if identity.verify(name, id_number) == identity.Found.MISMATCH:
        return None
    own = row.member.household.filter(relation=HouseholdLink.Relation.SELF)
    link = own.select_related("account").first()
    account = link.account if link else None
    return account if account and account.is_active and not account.is_staff else None


def _holds(account: Account, number: str) -> bool:
    known = _phone_of(number)
    return known is not None and known.account_id == account.pk


def _check_free(number: str) -> None:
    """A number that serves a family already is not taken away from it. It was shown by its code to
    be in the hands of who asks, so they may know."""
    known = _phone_of(number)
    if known and (known.account.household.exists() or known.account.is_staff):
        raise Invalid(
            _(
                "This number signs in to an account with a family already. Use another number, or"
                " call us."
            )
        )


def _begin(account: Account, number: str, at: datetime) -> None:
    """One at a time: a second question while one is open changes nothing. Locks the account."""
    Account.objects.select_for_update().get(pk=account.pk)
    if open_recovery(account):
        return
    sealed = phones.sealed(number, account_id=account.pk)._asdict()
    made = Recovery.objects.create(
        account=account, asked_at=at, ready_at=at + timedelta(days=RECOVERY_HOLD_DAYS), **sealed
    )
    facts: dict[str, object] = {"tail": made.tail, "ready_at": made.ready_at.isoformat()}
    tell_contacts(account, code="recovery_asked", facts=facts, at=at)


def open_recovery(account: Account) -> Recovery | None:
    """The question that is open about this account, if one is."""
    found = Recovery.objects.filter(account=account.pk)
    return found.filter(stopped_at__isnull=True, done_at__isnull=True).first()


@transaction.atomic
def confirm_recovery(*, recovery_id: int, by: Account, at: datetime) -> Recovery:
    """Somebody of the staff has made sure who asks: seen the papers, or rung up. Locks it.

    The hold goes on. Raises Forbidden without the right or for one's own family, NotNow once it is
    over or confirmed.
    """
    recovery = _locked(recovery_id)
    _check_staff(by, recovery)
    if recovery.confirmed_at is not None:
        raise NotNow(_("Somebody has confirmed this already. It waits for its day."))
    recovery.confirmed_at, recovery.confirmed_by = at, by
    recovery.save(update_fields=["confirmed_at", "confirmed_by"])
    return recovery


@transaction.atomic
def object_to_recovery(*, recovery_id: int, by: Account, at: datetime) -> Recovery:
    """Stop it: whoever is in the account, or somebody of the staff who is not sure. Locks it.

    Raises Forbidden for anybody else, NotNow once it is over.
    """
    recovery = _locked(recovery_id)
    if by.pk != recovery.account_id:
        _check_staff(by, recovery)
    _stop(recovery, at)
    return recovery


def _locked(recovery_id: int) -> Recovery:
    locked = Recovery.objects.select_for_update(of=("self",)).select_related("account")
    recovery = locked.get(pk=recovery_id)
    if recovery.stopped_at is not None or recovery.done_at is not None:
        raise NotNow(_("This is over. Nothing was changed."))
    return recovery


def _check_staff(by: Account, recovery: Recovery) -> None:
    if not (by.is_active and by.is_staff and by.has_perm(CONFIRM)):
        raise Forbidden(_("Only the account itself, or staff with this task, can do this."))
    family = HouseholdLink.objects.filter(account=recovery.account_id).values("member")
    if HouseholdLink.objects.filter(account=by, member__in=family).exists():
        raise Forbidden(_("This is your own family. Somebody else has to do it."))


def _stop(recovery: Recovery, at: datetime) -> None:
    recovery.stopped_at = at
    recovery.save(update_fields=["stopped_at"])
    tell_contacts(recovery.account, code="recovery_stopped", facts={}, at=at)


def recover_due(*, at: datetime) -> int:
    """Hand over what is confirmed and has waited; give up what nobody confirmed in thirty days.
    Returns how many were handed over. One transaction each."""
    waiting = Recovery.objects.filter(stopped_at__isnull=True, done_at__isnull=True)
    old = waiting.filter(
        confirmed_at__isnull=True, asked_at__lte=at - timedelta(days=RECOVERY_GIVEN_UP_DAYS)
    )
    for recovery_id in old.values_list("pk", flat=True):
        _give_up(recovery_id, at)
    ready = waiting.filter(confirmed_at__isnull=False, ready_at__lte=at).order_by("pk")
    return sum(_hand_over(pk, at) for pk in ready.values_list("pk", flat=True))


@transaction.atomic
def _give_up(recovery_id: int, at: datetime) -> None:
    recovery = Recovery.objects.select_for_update().get(pk=recovery_id)
    if recovery.stopped_at is None and recovery.done_at is None and not recovery.confirmed_at:
        _stop(recovery, at)


@transaction.atomic
def _hand_over(recovery_id: int, at: datetime) -> bool:
    """The account signs in with the new number alone; every session and every other key ends."""
    recovery = Recovery.objects.select_for_update().get(pk=recovery_id)
    over = recovery.stopped_at is not None or recovery.done_at is not None
    if over or recovery.confirmed_at is None or clock.now() < recovery.ready_at:
        return False
    account = Account.objects.select_for_update().get(pk=recovery.account_id)
    number = vault.open_text(
        bytes(recovery.number_sealed),
        key=bytes(recovery.key_wrapped),
        member_id=account.pk,
        where=places.phone(account.pk),
    )
    known = _phone_of(number)
    if known and known.account_id != account.pk and known.account.household.exists():
        _stop(recovery, at)  # the number has become another family's in the meantime
        return False
    facts: dict[str, object] = {"tail": recovery.tail}
    tell_contacts(account, code="recovery_done", facts=facts, at=at, replaced=True)
    Phone.objects.filter(number_hash=places.phone_hash(number)).delete()
    write_phone(account.pk, number, at)
    _end_logins(account)
    recovery.done_at = at
    recovery.save(update_fields=["done_at"])
    return True


def _end_logins(account: Account) -> None:
    keys = list(UserSession.objects.filter(user=account).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=account).delete()
    Authenticator.objects.filter(user=account).delete()
    account.set_unusable_password()
    account.save(update_fields=["password"])
