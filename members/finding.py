"""Who is meant by what somebody wrote: a number, an address, the beginning of a name.

Whole numbers and addresses are compared by their keyed hash or by an index of their own, so that
nothing is decrypted to find it.
"""

from __future__ import annotations

import unicodedata

from django.conf import settings
from django.db.models import QuerySet

from members import phones, places
from members.models import Account, HouseholdLink, Member, Membership

BIGGEST = 2**63
_ID_DIGITS = 15  # no phone, membership or member has so many


def by_number(term: str) -> int | None:
    """The id in a membership's number: "M000000042" or "42"; None for anything else."""
    digits = term.strip().upper().removeprefix("M")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return number if (number := int(digits)) < BIGGEST else None


def phone_in(term: str) -> str:
    """The mobile number that was typed; "" for anything else."""
    try:
        return phones.normal(term, allow_demo=settings.DEMO)
    except ValueError:
        return ""


def login_in(term: str) -> QuerySet[Account] | None:
    """The account of the phone number or address that was typed; None for anything else."""
    if number := phone_in(term):
        return Account.objects.filter(phone__number_hash=places.phone_hash(number))
    return Account.objects.filter(email=term.strip().lower()) if "@" in term else None


def name_in(term: str) -> str:
    """The beginning of a name that was typed: what has no digit and is no address."""
    plain = " ".join(term.split())
    strange = any(sign.isdigit() or sign in "@\0" for sign in plain)
    return "" if strange else plain


def found_by(members: QuerySet[Member], term: str) -> QuerySet[Member]:
    """The members that a search term means; each way is served by an index of its own."""
    plain = _plain(term)
    if not plain:
        return members
    if name := name_in(term):
        return members.filter(name__startswith=name)
    login = login_in(term) if not _is_id(plain) else None
    if login is not None:
        links = HouseholdLink.objects.filter(account__in=login.values("pk"))
        return members.filter(pk__in=links.values("member"))
    return _by_exact(members, plain)


def accounts_of(term: str) -> QuerySet[Account]:
    """The logins that a whole phone number, address, ID number or membership number leads to: the
    login itself, or those that act for the person. A name leads to nobody."""
    plain = _plain(term)
    if not plain or name_in(term):
        return Account.objects.none()
    login = login_in(term) if not _is_id(plain) else None
    if login is not None:
        return login
    people = _by_exact(Member.objects.all(), plain)
    links = HouseholdLink.objects.filter(member__in=people.values("pk"))
    return Account.objects.filter(pk__in=links.values("account"))


def _plain(term: str) -> str:
    return "".join(unicodedata.normalize("NFKC", term).split()).upper()


def _is_id(plain: str) -> bool:
    return sum(sign.isdigit() for sign in plain) >= _ID_DIGITS


def _by_exact(members: QuerySet[Member], plain: str) -> QuerySet[Member]:
    """The member of an ID number or of a membership's number."""
    if _is_id(plain):
        return members.filter(identity__id_hash=places.id_hash(plain))
    number_of_membership = by_number(plain)
    if number_of_membership is None:
        return members.none()
    one = Membership.objects.filter(pk=number_of_membership).values("member")
    return members.filter(pk__in=one)
