"""Where somebody is reached: the number and the address that copies of notices go to."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from members import places
from members.models import Account, NoticeCopy, Phone
from mutualaid import vault

NOWHERE = ".invalid"  # names that lead nowhere (RFC 2606): the demo's people


def phone_number(account: Account) -> str | None:
    """The number an account signs in with, to send it something; None for none."""
    phone = Phone.objects.filter(account=account.pk).first()
    if phone is None:
        return None
    return vault.open_text(
        bytes(phone.number_sealed),
        key=bytes(phone.key_wrapped),
        member_id=account.pk,
        where=places.phone(account.pk),
    )


def contacts(account: Account) -> dict[str, str]:
    """Channel to address, of those that may be used: none of a closed account; the address unless
    it waits for being confirmed. What a co-operative's list brought in has nobody typed in here,
    so nobody is asked to confirm it."""
    if not account.is_active:
        return {}
    found: dict[str, str] = {}
    if account.email and not account.email.endswith(NOWHERE) and not _unconfirmed(account):
        found[NoticeCopy.Channel.EMAIL.value] = account.email
    if number := phone_number(account):
        found[NoticeCopy.Channel.SMS.value] = number
    return found


def _unconfirmed(account: Account) -> bool:
    waiting = EmailAddress.objects.filter(user=account, verified=False)
    found: bool = waiting.filter(email__iexact=account.email).exists()
    return found
