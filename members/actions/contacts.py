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
    """Channel to address, of those that may be used: none of a closed account; the e-mail address
    unless it waits for being confirmed. What a co-operative's list brought in has nobody typed in
    here, so nobody is asked to confirm it."""
    if not account.is_active:
        return {}
    found: dict[str, str] = {}
    if (email := _usable_email(account)) is not None:
        found[NoticeCopy.Channel.EMAIL.value] = email
    if number := phone_number(account):
        found[NoticeCopy.Channel.SMS.value] = number
    return found


def masked_contacts(account: Account) -> tuple[str, str]:
    """The e-mail address that may be used, masked, and the last digits of the number; "" for none.
    Nothing is opened for it."""
    name, at, domain = (_usable_email(account) or "").partition("@")
    tail = Phone.objects.filter(account=account.pk).values_list("tail", flat=True).first()
    return f"{name[:2]}***@{domain}" if at else "", tail or ""


def _usable_email(account: Account) -> str | None:
    if not account.email or account.email.endswith(NOWHERE):
        return None
    waiting = EmailAddress.objects.filter(user=account, verified=False)
    return None if waiting.filter(email__iexact=account.email).exists() else account.email
