"""May I? Each check raises Forbidden with a sentence; it reads, and never writes."""

from __future__ import annotations

from django.utils.translation import gettext as _

from members.models import Account, HouseholdLink, Member
from mutualaid.errors import Forbidden, NotNow


def check_acts_for(by: Account | None, member: Member | int) -> None:
    """The account is of the member's household, and its login is open."""
    member_id = member if isinstance(member, int) else member.pk
    of_household = (
        by is not None
        and by.is_active
        and HouseholdLink.objects.filter(account=by, member_id=member_id).exists()
    )
    if not of_household:
        raise Forbidden(
            _("This person is not in your family here. Ask whoever added them, or call us.")
        )


def check_own(by: Account | None, account: Account) -> None:
    """It is the account's own matter: nobody else gives or revokes its word. None is the clock."""
    if by is not None and (by.pk != account.pk or not by.is_active):
        raise Forbidden(_("This belongs to another account. Its holder has to do it."))


def check_consented(by: Account, member: Member) -> None:
    """The person agreed that this account acts for them. Raises NotNow: it can still be asked."""
    link = HouseholdLink.objects.filter(account=by, member=member).first()
    if link is not None and link.consented_at is None:
        raise NotNow(
            _(
                "An adult has to agree before you join for them. Ask them for the code on the page"
                " of your family."
            )
        )


def shares_family(by: Account, member: Member | int) -> bool:
    """Whether the account acts for the member, or for anybody who shares a login with them."""
    member_id = member if isinstance(member, int) else member.pk
    return HouseholdLink.objects.filter(
        member=member_id, account__household__member__household__account=by
    ).exists()


def check_staff(by: Account | None, perm: str) -> None:
    """The account works here and holds the permission, written "app.codename"."""
    if by is None or not (by.is_active and by.is_staff and by.has_perm(perm)):
        raise Forbidden(
            _("Your role does not include this step. Ask the person who holds it to do it.")
        )
