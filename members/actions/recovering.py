"""An account asked back by who can show who they are: its number was lost, or given to somebody
else by the network.

Name, ID number and a code to a new number; a person of the staff who has made sure; then days in
which every contact there was is told and can object. An objection is no end: the stranger who has
the old number now may object, too. It takes a second person of the staff, and the days again.

Whether there is such a person is told to nobody, and does not show in how long the answer takes:
the identity provider is asked for everybody, and messages leave later, from the beat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from members import identity, phones, places, policies, rules
from members.actions.accounts import (
    _phone_of,
    _use_code,
    check_turn,
    count_turn,
    end_logins,
    network,
    tell_contacts,
    write_phone,
)
from members.models import (
    AccessRecord,
    Account,
    HelpCall,
    HouseholdLink,
    IdentityNumber,
    Phone,
    PhoneCode,
    Recovery,
)
from mutualaid import clock, vault
from mutualaid.errors import Forbidden, Invalid, NotNow

RECOVERY_HOLD_DAYS, RECOVERY_GIVEN_UP_DAYS = 3, 30
LAST_DAYS = 1  # at least so long after somebody has confirmed, of which all are told once more
CONFIRM = "members.change_recovery"
_OPEN = Q(stopped_at__isnull=True, done_at__isnull=True)


# --- asking


@transaction.atomic
def ask_recovery(
    *, name: str, id_number: str, code_id: int, number: str, code: str, address: str, at: datetime
) -> bool:
    """Ask for the account of the person who bears this name and ID number, for a new phone number.
    False for a wrong code, which counts.

    True says nothing of whether there is such a person: who asks is told the same, and the same is
    done before the answer. Raises Invalid (field "id_number") for a number that is none, (None) for
    a phone that serves another family, NotNow after too many from one address or for one ID number,
    and for a code that no longer counts.
    """
    try:
        person = rules.check_id_number(id_number, allow_demo=settings.DEMO).number
    except ValueError as error:
        raise Invalid(str(error), field="id_number") from error
    turns = (("person", network(address)), ("asked for", person))
    check_turn(*turns, at=at)
    if not _use_code(PhoneCode.Purpose.RECOVER, code_id, number, code, by=None, at=at):
        return False
    count_turn(*turns, at=at)
    _check_free(number)
    name = " ".join(name.split())
    fits = identity.verify(name, person) != identity.Found.MISMATCH
    account = _account_of(name, person)
    if fits and account is not None and not _holds(account, number):
        _begin(account, number, at)
    return True


def _account_of(name: str, id_number: str) -> Account | None:
    """The own login of who bears both; not of staff, whose logins the data officer looks after."""
    found = IdentityNumber.objects.filter(id_hash=places.id_hash(id_number))
    row = found.select_related("member").first()
    if row is None or row.member.name != name:
        return None
    own = row.member.household.filter(relation=HouseholdLink.Relation.SELF)
    link = own.select_related("account").first()
    account = link.account if link else None
    return account if account and account.is_active and not account.is_staff else None


def _holds(account: Account, number: str) -> bool:
    known = _phone_of(number)
    return known is not None and known.account_id == account.pk


def _serves_another(number: str, account_id: int | None = None) -> bool:
    """Whether the number signs in to the staff, or to a family other than of that account."""
    known = _phone_of(number)
    if known is None or known.account_id == account_id:
        return False
    return known.account.is_staff or known.account.household.exists()


def _check_free(number: str) -> None:
    """A number that serves a family already is not taken away from it. It was shown by its code to
    be in the hands of who asks, so they may know."""
    if _serves_another(number):
        raise Invalid(
            _(
                "This number signs in to an account with a family already. Use another number, or"
                " call us."
            )
        )


def _begin(account: Account, number: str, at: datetime) -> None:
    """Once for each number: the same question again changes nothing. Nobody is told here: the beat
    does that (`recover_due`). Locks the account."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    sealed = phones.sealed(number, account_id=account.pk)._asdict()
    asked = Recovery.objects.filter(_OPEN, account=account, number_hash=sealed["number_hash"])
    if asked.exists():
        return
    ready_at = at + timedelta(days=RECOVERY_HOLD_DAYS)
    Recovery.objects.create(account=account, asked_at=at, ready_at=ready_at, **sealed)


def open_recoveries(account: Account) -> list[Recovery]:
    """The questions that are open about this account and of which it was told, the oldest first."""
    found = Recovery.objects.filter(_OPEN, account=account.pk, told_at__isnull=False)
    return list(found.order_by("pk"))


# --- making sure


@transaction.atomic
def ring_up(*, recovery_id: int, by: Account, at: datetime) -> str:
    """The new number, for the person of the staff who makes sure who asks. Written down first; the
    account's own person sees it. Raises Forbidden as `confirm_recovery`, NotNow once it is over."""
    recovery = _locked(recovery_id)
    check_confirms(by, recovery)
    own = recovery.account.household.get(relation=HouseholdLink.Relation.SELF)
    AccessRecord.objects.create(
        member_id=own.member_id,
        by=by,
        what="new_number",
        object_id=recovery.pk,
        why="recovery",
        at=at,
    )
    return _number(recovery)


@transaction.atomic
def confirm_recovery(*, recovery_id: int, by: Account, at: datetime) -> Recovery:
    """Somebody of the staff has made sure who asks: seen the papers, or rung up. Locks it.

    The hold goes on, for a day at least: every contact is told once more. Raises Forbidden without
    the right or for one's own family, NotNow once it is over or confirmed, and while another
    question for the account is.
    """
    recovery = _locked(recovery_id)
    check_confirms(by, recovery)
    if recovery.confirmed_at is not None:
        raise NotNow(_("Somebody has confirmed this already. It waits for its day."))
    others = Recovery.objects.filter(_OPEN, account=recovery.account_id)
    if others.filter(confirmed_at__isnull=False).exists():
        raise NotNow(_("Somebody else who asks for this account is confirmed. Stop that first."))
    recovery.confirmed_at, recovery.confirmed_by = at, by
    recovery.ready_at = max(recovery.ready_at, at + timedelta(days=LAST_DAYS))
    recovery.save(update_fields=["confirmed_at", "confirmed_by", "ready_at"])
    _tell(recovery, "recovery_confirmed", at)
    return recovery


@transaction.atomic
def uphold_recovery(*, recovery_id: int, by: Account, at: datetime) -> Recovery:
    """A second person of the staff is sure, in spite of an objection: has seen the ID card and the
    face. The hold begins anew, and every contact is told. Locks it.

    Raises Forbidden as `confirm_recovery` and for who confirmed it, NotNow without an objection,
    before it is confirmed, or once it is over or upheld.
    """
    recovery = _locked(recovery_id)
    check_upholds(by, recovery)
    recovery.upheld_at, recovery.upheld_by = at, by
    recovery.ready_at = at + timedelta(days=RECOVERY_HOLD_DAYS)
    recovery.save(update_fields=["upheld_at", "upheld_by", "ready_at"])
    _tell(recovery, "recovery_upheld", at)
    return recovery


@transaction.atomic
def object_to_recovery(*, recovery_id: int, by: policies.Actor, at: datetime) -> Recovery:
    """Whoever is in the account says that it is theirs: it stays as it is until two of the staff
    are sure. Somebody of the staff who is not sure ends it. Locks it.

    Raises Forbidden for anybody else, NotNow once it is over, and for a second objection.
    """
    recovery = _locked(recovery_id)
    if isinstance(by, policies.OnBehalf):
        policies.check_own(by, recovery.account, helped=True)
    elif by.pk != recovery.account_id:
        check_confirms(by, recovery)
        _stop(recovery, at)
        return recovery
    if recovery.objected_at is not None:
        raise NotNow(_("You have objected already, and we look into it. Call us if it is urgent."))
    recovery.objected_at = at
    recovery.save(update_fields=["objected_at"])
    tell_contacts(recovery.account, code="recovery_objected", facts={}, at=at)
    return recovery


def _locked(recovery_id: int) -> Recovery:
    recovery = _open_one(recovery_id)
    if recovery is None:
        raise NotNow(_("This is over. Nothing was changed."))
    return recovery


def _open_one(recovery_id: int) -> Recovery | None:
    """None once it is over. Locks the account, so that of several who ask one goes on, then it."""
    account_id = Recovery.objects.values_list("account_id", flat=True).get(pk=recovery_id)
    Account.objects.select_for_update(no_key=True).get(pk=account_id)
    locked = Recovery.objects.select_for_update(of=("self",)).select_related("account")
    return locked.filter(_OPEN, pk=recovery_id).first()


def check_confirms(by: Account, recovery: Recovery) -> None:
    """Staff with this task, and not for the own family."""
    if not (by.is_active and by.is_staff and by.has_perm(CONFIRM)):
        raise Forbidden(_("Only the account itself, or staff with this task, can do this."))
    policies.check_other_family(by, recovery.account)


def check_upholds(by: Account, recovery: Recovery) -> None:
    """The same, and somebody other than who confirmed it, after an objection."""
    check_confirms(by, recovery)
    if recovery.confirmed_at is None or recovery.objected_at is None:
        raise NotNow(_("First somebody confirms it, and whoever is in the account has objected."))
    if recovery.upheld_at is not None:
        raise NotNow(_("Somebody has confirmed this already. It waits for its day."))
    if recovery.confirmed_by_id == by.pk:
        raise Forbidden(_("You have confirmed it. After an objection it takes a second person."))


def _stop(recovery: Recovery, at: datetime) -> None:
    recovery.stopped_at = at
    recovery.save(update_fields=["stopped_at"])
    if recovery.told_at is not None:
        tell_contacts(recovery.account, code="recovery_stopped", facts={}, at=at)


def _tell(recovery: Recovery, code: str, at: datetime) -> None:
    facts: dict[str, object] = {
        "tail": recovery.tail,
        "ready_at": recovery.ready_at.isoformat(),
    }
    tell_contacts(recovery.account, code=code, facts=facts, at=at)


# --- what falls due


def recover_due(*, at: datetime) -> int:
    """Tell the contacts of who is asked for; hand over what is confirmed and has waited; give up
    what nobody was sure of in thirty days. Returns how many were handed over. One transaction each.
    """
    waiting = Recovery.objects.filter(_OPEN)
    for recovery_id in waiting.filter(told_at__isnull=True).values_list("pk", flat=True):
        _announce(recovery_id, at)
    unsure = Q(confirmed_at__isnull=True) | Q(objected_at__isnull=False, upheld_at__isnull=True)
    old = waiting.filter(unsure, asked_at__lte=at - timedelta(days=RECOVERY_GIVEN_UP_DAYS))
    for recovery_id in old.values_list("pk", flat=True):
        _give_up(recovery_id, at)
    ready = waiting.exclude(unsure).filter(ready_at__lte=at).order_by("pk")
    return sum(_hand_over(pk, at) for pk in ready.values_list("pk", flat=True))


@transaction.atomic
def _announce(recovery_id: int, at: datetime) -> None:
    """The hold counts from the telling, however late the beat is."""
    recovery = _open_one(recovery_id)
    if recovery is None or recovery.told_at is not None:
        return
    recovery.told_at = at
    recovery.ready_at = max(recovery.ready_at, at + timedelta(days=RECOVERY_HOLD_DAYS))
    recovery.save(update_fields=["told_at", "ready_at"])
    _tell(recovery, "recovery_asked", at)


@transaction.atomic
def _give_up(recovery_id: int, at: datetime) -> None:
    recovery = _open_one(recovery_id)
    if recovery is not None and not _is_sure(recovery):
        _stop(recovery, at)


def _is_sure(recovery: Recovery) -> bool:
    """Confirmed by one, or in spite of an objection by two."""
    objected = recovery.objected_at is not None and recovery.upheld_at is None
    return recovery.confirmed_at is not None and not objected


@transaction.atomic
def _hand_over(recovery_id: int, at: datetime) -> bool:
    """The account signs in with the new number alone; every session and every other key ends.
    Locks open help calls, then the account, then the question."""
    calls = HelpCall.objects.filter(account__recoveries=recovery_id, closed_at__isnull=True)
    open_calls = list(calls.select_for_update(of=("self",)).values_list("pk", flat=True))
    recovery = _open_one(recovery_id)
    if recovery is None or recovery.told_at is None or not _is_sure(recovery):
        return False
    if clock.now() < recovery.ready_at:
        return False
    account, number = Account.objects.select_for_update().get(pk=recovery.account_id), ""
    if account.is_active and not account.is_staff:
        number = _number(recovery)
    if not number or _serves_another(number, account.pk):
        _stop(recovery, at)  # the number has become another family's in the meantime
        return False
    facts: dict[str, object] = {"tail": recovery.tail}
    tell_contacts(
        account, code="recovery_done", facts=facts, at=at, replaced=True, lost=account.email
    )
    Phone.objects.filter(number_hash=places.phone_hash(number)).delete()
    write_phone(account.pk, number, at)
    end_logins(account)
    HelpCall.objects.filter(pk__in=open_calls).update(closed_at=at)
    recovery.done_at = at
    recovery.save(update_fields=["done_at"])
    Recovery.objects.filter(_OPEN, account=account).update(stopped_at=at)
    return True


def _number(recovery: Recovery) -> str:
    return vault.open_text(
        bytes(recovery.number_sealed),
        key=bytes(recovery.key_wrapped),
        member_id=recovery.account_id,
        where=places.phone(recovery.account_id),
    )
