"""May I? Each check raises Forbidden with a sentence; it reads, and never writes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from members.models import Account, HelpCall, HouseholdLink, Member
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow

HELPS = "members.add_helpcall"  # the permission of the help line


@dataclass(frozen=True)
class OnBehalf:
    """The help line, in a call in which a family agreed. Made by `actions.act_in_call` alone, which
    holds the lock of the call and writes the record of what was done.

    A verb that takes one says so (`helped=True` below); every other verb refuses it.
    """

    call: HelpCall


Actor = Account | OnBehalf


def _helped(by: OnBehalf, helped: bool) -> Account:
    """The account whose word this is: it agreed, and the call is not over by the clock."""
    call = by.call
    if not helped or call.consented_at is None:
        raise Forbidden(
            _("The help line cannot do this for anybody. The member does it on their own page.")
        )
    if call.closed_at is not None or clock.now() >= call.until_at:
        raise NotNow(_("This call is over. Begin a new one, and ask for the code again."))
    return call.account


def check_acts_for(by: Actor | None, member: Member | int, *, helped: bool = False) -> None:
    """The account is of the member's household, and its login is open. `helped`: what is asked for
    may also be done by the help line, for an account of which that is true."""
    member_id = member if isinstance(member, int) else member.pk
    if isinstance(by, OnBehalf):
        by = _helped(by, helped)
    of_household = (
        by is not None
        and by.is_active
        and HouseholdLink.objects.filter(account=by, member_id=member_id).exists()
    )
    if not of_household:
        raise Forbidden(
            _("This person is not in your family here. Ask whoever added them, or call us.")
        )


def check_own(by: Actor | None, account: Account, *, helped: bool = False) -> None:
    """It is the account's own matter: nobody else gives or revokes its word. None is the clock.
    `helped`: the help line may, too, in a call of this very account."""
    if isinstance(by, OnBehalf):
        by = _helped(by, helped)
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


def check_other_family(by: Account, account: Account) -> None:
    """Staff work on no login of their own family: none whose people share a login with somebody
    for whom they act."""
    shared = HouseholdLink.objects.filter(
        member__household__account=account, account__household__member__household__account=by
    )
    if by.pk == account.pk or shared.exists():
        raise Forbidden(_("This is your own family. Somebody else has to do it."))


def check_helps(by: Account | None, account: Account) -> None:
    """May help this account on the phone: of the help line, not of the family; no staff login."""
    check_staff(by, HELPS)
    assert by is not None  # noqa: S101 - check_staff refuses it
    if account.is_staff or not account.is_active:
        raise Forbidden(_("The help line acts for members only, and only where a login is open."))
    check_other_family(by, account)


def check_staff(by: Account | None, perm: str) -> None:
    """The account works here and holds the permission, written "app.codename"."""
    if by is None or not (by.is_active and by.is_staff and by.has_perm(perm)):
        raise Forbidden(
            _("Your role does not include this step. Ask the person who holds it to do it.")
        )
