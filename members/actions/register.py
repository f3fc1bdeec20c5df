"""What staff see of a person beyond the masked page: asked for with a reason, and written down."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from members import access, places, policies
from members.actions.sealing import open_id_number
from members.models import AccessRecord, Account, Member
from mutualaid import vault
from mutualaid.errors import Invalid, NotNow


class Shown(NamedTuple):
    """A person in full, for one answer of one page."""

    name: str
    id_number: str
    contacts: list[str]  # phones and addresses of the accounts that act for them


@transaction.atomic
def show_person(*, member_id: int, reason: str, by: Account, at: datetime) -> Shown:
    """Name, ID number and contacts of a member in full. What is read, by whom and why is written
    first, and the family sees it.

    Raises Forbidden for who may not, Invalid (field "reason") without a reason of access.SHOWN,
    NotNow for somebody whose data were erased.
    """
    policies.check_staff(by, "members.view_member")
    if reason not in access.SHOWN:
        raise Invalid(
            _("Say why you need the full identity. Nothing was shown."), field="reason"
        )  # fmt: skip
    member = Member.objects.get(pk=member_id)
    if member.erased_at is not None:
        raise NotNow(_("This person's data were erased at their wish. There is nothing to show."))
    number = open_id_number(member_id=member.pk, by=by, why=reason, at=at)
    AccessRecord.objects.create(member=member, by=by, what="contact", why=reason, at=at)
    return Shown(member.name, number, _contacts(member))


def _contacts(member: Member) -> list[str]:
    found: list[str] = []
    links = member.household.select_related("account", "account__phone").order_by("pk")
    for account in (link.account for link in links[:20]):
        found += [phone] if (phone := phone_of(account)) else []
        found += [account.email] if account.email else []
    return found


def phone_of(account: Account) -> str:
    """The phone number of a login, opened; "" without one. May-I and the record are the caller's:
    it belongs to no member."""
    phone = getattr(account, "phone", None)
    if phone is None:
        return ""
    return vault.open_text(
        phone.number_sealed,
        key=bytes(phone.key_wrapped),
        member_id=account.pk,
        where=places.phone(account.pk),
    )
