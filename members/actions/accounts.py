"""Logins by phone: codes, and limits that grow instead of locking.

Nothing here says whether a number is known: a code is made, kept and sent in the same way for
every number, and only who reads it out learns more.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import secrets
from datetime import datetime, timedelta
from functools import partial

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from members import inbox, notices, phones, places, sms
from members.actions.contacts import phone_number
from members.actions.notifying import notify
from members.models import Account, CalendarFeed, Phone, PhoneCode, Turn
from mutualaid import clock, vault
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.templatetags.look import moment

CODE_MINUTES, CODE_TRIES = 10, 5
MINUTE, HOUR = 60, 3600
# Seconds to wait after the first, second … try of a kind. The last one is for all that follow.
_GROWING = [MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR]
WAITS: dict[str, list[int]] = {
    "number": _GROWING,  # messages to one number, whoever asks
    "sender": [0] * 10 + _GROWING,  # messages asked for from one address
    "login": [0] * 20 + _GROWING,  # wrong passwords of one login, from anywhere
    "pair": [0] * 4 + _GROWING,  # wrong passwords of one login from one address
    "place": [0] * 40 + _GROWING,  # wrong passwords from one address
    "person": [0] * 2 + _GROWING,  # accounts asked back from one address
    "asked for": [0] * 3 + _GROWING,  # accounts asked back for one ID number
    "help": _GROWING,  # codes that the help line asks one account for
    "helper": [0] * 10 + _GROWING,  # wrong codes that one person of the help line gives
}
REST = timedelta(days=1)  # after so long without a try, the first is the first again


# --- limits that grow


def check_turn(*turns: tuple[str, str], at: datetime) -> None:
    """Whether (kind, key) may be tried now. Raises NotNow, with when to try again."""
    found = Turn.objects.filter(key__in=[_key(*turn) for turn in turns], free_at__gt=at)
    latest = found.order_by("-free_at").first()
    if latest and latest.last_at > at - REST:
        raise NotNow(
            _("That was tried often lately. Please try again at %(at)s, or call us.")
            % {"at": moment(latest.free_at)}
        )


@transaction.atomic
def count_turn(*turns: tuple[str, str], at: datetime) -> None:
    """One more try of each (kind, key): the next has to wait longer. Locks their rows, in order."""
    for kind, key in sorted(turns):
        hashed = _key(kind, key)
        Turn.objects.bulk_create(
            [Turn(key=hashed, tries=0, last_at=at, free_at=at)], ignore_conflicts=True
        )
        turn = Turn.objects.select_for_update().get(pk=hashed)
        turn.tries = min(turn.tries + 1, 1000) if turn.last_at > at - REST else 1
        turn.last_at, turn.free_at = at, at + _wait(kind, turn.tries)
        turn.save(update_fields=["tries", "last_at", "free_at"])


def forget_turns(*turns: tuple[str, str]) -> None:
    """It went well: the next try of each (kind, key) is the first again."""
    Turn.objects.filter(key__in=[_key(*turn) for turn in turns]).delete()


def _wait(kind: str, tries: int) -> timedelta:
    waits = WAITS[kind]
    return timedelta(seconds=waits[min(tries, len(waits)) - 1])


def _key(kind: str, key: str) -> bytes:
    return vault.keyed_hash(f"{kind}\0{key}", purpose="turn")


def network(address: str) -> str:
    """What counts as one address: of IPv6 the network that one household has."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    if read.version == 4:  # noqa: PLR2004
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


# --- codes


@transaction.atomic
def ask_code(
    *, purpose: str, phone: str, address: str, by: Account | None = None, at: datetime
) -> tuple[PhoneCode, str]:
    """Send a code to a number; returns it with the normal number. The same for every number.

    Raises Invalid (field "phone") for a number that is none, NotNow (with when to try again) after
    too many. The message leaves when the transaction is through: sms.NotSent then.
    """
    try:
        number = phones.normal(phone, allow_demo=settings.DEMO)
    except ValueError as error:
        raise Invalid(str(error), field="phone") from error
    turns = (("number", number), ("sender", network(address)))
    check_turn(*turns, at=at)
    count_turn(*turns, at=at)
    code = f"{secrets.randbelow(10**6):06d}"
    asked = PhoneCode.objects.create(
        purpose=purpose,
        code_hash=_code_hash(purpose, by, number, code),
        asked_at=at,
        expires_at=at + timedelta(minutes=CODE_MINUTES),
    )
    facts = {"code": code, "minutes": CODE_MINUTES}
    transaction.on_commit(partial(sms.send, number=number, code=f"code_{purpose}", facts=facts))
    return asked, number


def _use_code(
    purpose: str, code_id: int, number: str, code: str, *, by: Account | None, at: datetime
) -> bool:
    """Whether it is the code; then it is used up. The caller's transaction holds its lock, and has
    to be kept: a wrong one counts. Raises NotNow for one too old, used, or tried too often."""
    asked = PhoneCode.objects.select_for_update().filter(pk=code_id, purpose=purpose).first()
    over = asked is None or asked.used_at is not None or asked.tries >= CODE_TRIES
    if asked is None or over or clock.now() >= asked.expires_at:
        raise NotNow(_("This code no longer counts. Please ask for a new one."))
    given = "".join(sign for sign in code if sign.isdecimal())
    if not hmac.compare_digest(bytes(asked.code_hash), _code_hash(purpose, by, number, given)):
        asked.tries += 1
        asked.save(update_fields=["tries"])
        return False
    asked.used_at = at
    asked.save(update_fields=["used_at"])
    forget_turns(("number", number))
    return True


def _code_hash(purpose: str, by: Account | None, number: str, code: str) -> bytes:
    whose = by.pk if by else 0
    return vault.keyed_hash(f"{purpose}\0{whose}\0{number}\0{code}", purpose="phone code")


@transaction.atomic
def enter(*, code_id: int, number: str, code: str, at: datetime) -> Account | None:
    """The account of whoever read the code out; a new one where the number has none. None for a
    wrong code, which counts. Locks the code. Raises NotNow as `_use_code` does."""
    if not _use_code(PhoneCode.Purpose.ENTER, code_id, number, code, by=None, at=at):
        return None
    phone = _phone_of(number)
    if phone is None:
        try:
            with transaction.atomic():
                return _open_account(number, at)
        except IntegrityError:  # the same number entered elsewhere in this very moment
            phone = Phone.objects.select_related("account").get(
                number_hash=places.phone_hash(number)
            )
    if phone.verified_at is None:
        phone.verified_at = at
        phone.save(update_fields=["verified_at"])
    return phone.account


def _phone_of(number: str) -> Phone | None:
    found = Phone.objects.select_related("account")
    return found.filter(number_hash=places.phone_hash(number)).first()


def _open_account(number: str, at: datetime) -> Account:
    account = Account(email=None, made_at=at)
    account.set_unusable_password()
    account.save()
    write_phone(account.pk, number, at)
    return account


def write_phone(account_id: int, number: str, at: datetime) -> Phone:
    """The account's only number from now on. For `actions`; the caller holds the account."""
    Phone.objects.filter(account=account_id).delete()
    return Phone.objects.create(
        account_id=account_id,
        verified_at=at,
        set_at=at,
        **phones.sealed(number, account_id=account_id)._asdict(),
    )


@transaction.atomic
def confirm_fresh(*, code_id: int, code: str, by: Account, at: datetime) -> bool:
    """Whether whoever sits at this login reads the code out; a wrong one counts."""
    return _use_code(PhoneCode.Purpose.FRESH, code_id, phone_number(by) or "", code, by=by, at=at)


@transaction.atomic
def set_phone(
    *, account_id: int, code_id: int, number: str, code: str, by: Account, at: datetime
) -> Phone | None:
    """Sign in with this number from now on, after the code sent to it. None for a wrong code.

    Locks the account. Every contact there was is told. Raises Forbidden for another's account,
    Invalid (field "code") where the number signs in to another account.
    """
    account = Account.objects.select_for_update().get(pk=account_id)
    if by.pk != account_id or not account.is_active:
        raise Forbidden(_("You can change the number of your own account only."))
    if not _use_code(PhoneCode.Purpose.CHANGE, code_id, number, code, by=by, at=at):
        return None
    known = _phone_of(number)
    if known and known.account_id != account_id:
        raise Invalid(
            _("This number signs in to another account. Sign in with it, or call us."),
            field="code",
        )
    facts: dict[str, object] = {"tail": number[-4:]}
    tell_contacts(account, code="phone_changed", facts=facts, at=at, replaced=True)
    return write_phone(account_id, number, at)


def account_by_phone(number: str) -> Account | None:
    """The account that signs in with this normal number, confirmed by a code once."""
    phone = _phone_of(number)
    return phone.account if phone and phone.verified_at else None


def tell_contacts(
    account: Account,
    *,
    code: str,
    facts: dict[str, object],
    at: datetime,
    replaced: bool = False,
    lost: str | None = None,
) -> None:
    """A notice about the login itself: its copies go to every address there is, at once.

    `replaced`: the number is about to be another one. The one that is there now is told as well,
    and so is `lost`, an e-mail address that is about to go: once and right after the commit; what
    does not leave stands in the inbox all the same.
    """
    notice = notify(code=code, facts=facts, at=at, account_id=account.pk)
    number = phone_number(account) if replaced else None
    if number or lost:
        language = inbox.ways_of(account.pk).language
        transaction.on_commit(partial(_tell_now, number, lost, language, notice.code, facts))


def _tell_now(
    number: str | None, email: str | None, language: str, code: str, facts: dict[str, object]
) -> None:
    with translation.override(language):
        title, text = notices.for_copy(code, facts)
        if number:
            with contextlib.suppress(sms.NotSent):
                sms.send(number=number, code="notice", facts={"title": title})
        if email:
            send_mail(title, text, None, [email], fail_silently=True)


def end_logins(account: Account) -> None:
    """Whoever was in it is out: sessions, passkeys, code apps, the password, the address (by which
    a password is set anew), the calendar's link. For `actions`; the caller holds the account."""
    keys = list(UserSession.objects.filter(user=account).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=account).delete()
    Authenticator.objects.filter(user=account).delete()
    EmailAddress.objects.filter(user=account).delete()
    CalendarFeed.objects.filter(account=account).delete()
    account.email = None
    account.set_unusable_password()
    account.save(update_fields=["password", "email"])


def logins_due(*, at: datetime) -> int:
    """Remove codes and counts that say nothing any more. Returns how many."""
    codes, _each = PhoneCode.objects.filter(expires_at__lt=at - REST).delete()
    turns, _each = Turn.objects.filter(last_at__lt=at - 2 * REST).delete()
    return codes + turns
