"""People: who is added to a family, and that one person is one member."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from members import identity, places, rules
from members.models import Account, DataKey, HouseholdLink, IdentityNumber, Member
from mutualaid import vault
from mutualaid.clock import day
from mutualaid.errors import Forbidden, Invalid
from mutualaid.sequences import next_id

NAME_LETTERS = range(2, 61)


@transaction.atomic
def add_member(
    *, account_id: int, name: str, id_number: str, relation: str, by: Account, at: datetime
) -> Member:
    """A person this account acts for: Member, data key, identity, household link.

    Asks the identity provider, then locks the account. Raises Forbidden for another's account,
    Invalid (with `field`) for a name, number or relation that will not do, and for a name that does
    not bear the number. A number that is already known is refused in a sentence that does not tell
    whose it is.
    """
    _check_own(account_id, by)
    name = checked_name(name)
    number = checked_number(id_number, at)
    verified = checked_identity(name, number)
    account = Account.objects.select_for_update().get(pk=account_id)
    _check_own(account_id, account)
    _check_relation(account, relation)
    member = _write_member(name, number, at, verified_at=at if verified else None)
    _register(account, member, number.number)
    way = _consent_at_once(member, relation, at)
    HouseholdLink.objects.create(
        account=account,
        member=member,
        relation=relation,
        made_at=at,
        consented_at=at if way else None,
        consent_way=way,
    )
    return member


def _check_own(account_id: int, by: Account) -> None:
    if by.pk != account_id or not by.is_active:
        raise Forbidden(_("You can add people to your own family only."))


def _consent_at_once(member: Member, relation: str, at: datetime) -> str | None:
    """One agrees for oneself, and for one's child until it is of age; an adult is asked."""
    if relation == HouseholdLink.Relation.SELF:
        return HouseholdLink.Consent.SELF
    child = relation == HouseholdLink.Relation.CHILD
    if child and rules.age_on(member.birth_on, day(at)) < rules.OF_AGE:
        return HouseholdLink.Consent.GUARDIAN
    return None


def checked_name(name: str) -> str:
    """The name as it is kept. Raises Invalid (field "name")."""
    name = " ".join(name.split())
    if len(name) not in NAME_LETTERS:
        raise Invalid(_("Write the full name as it stands on the ID card."), field="name")
    return name


def checked_number(text: str, at: datetime) -> rules.IdNumber:
    """What the ID number says, of somebody born by then. Raises Invalid (field "id_number")."""
    try:
        number = rules.check_id_number(text, allow_demo=settings.DEMO)
    except ValueError as error:
        raise Invalid(str(error), field="id_number") from error
    if number.birth_on > day(at):
        raise Invalid(
            _("The date of birth in this ID number is still to come. Check digits 7 to 14."),
            field="id_number",
        )
    return number


def checked_identity(name: str, number: rules.IdNumber) -> bool:
    """Whether the identity provider knows that this name bears this number; False where it cannot
    tell. Raises Invalid (field "id_number") where it does not."""
    found = identity.verify(name, number.number)
    if found == identity.Found.MISMATCH:
        raise Invalid(
            _(
                "This name and this ID number do not belong together. Compare both with the card;"
                " if they are right, call us and we sort it out with you."
            ),
            field="id_number",
        )
    return found == identity.Found.VERIFIED


def _check_relation(account: Account, relation: str) -> None:
    if relation not in HouseholdLink.Relation.values:
        raise Invalid(_("Choose how this person is related to you."), field="relation")
    if relation == "self" and account.household.filter(relation="self").exists():
        raise Invalid(
            _("You have already added yourself. Choose parent, spouse or child."),
            field="relation",
        )


def _write_member(
    name: str, number: rules.IdNumber, at: datetime, *, verified_at: datetime | None
) -> Member:
    member_id = next_id(Member)
    key = vault.new_data_key(member_id)
    sealed = vault.seal(
        number.number, key=key, member_id=member_id, where=places.id_number(member_id)
    )
    member = Member.objects.create(
        pk=member_id,
        name=name,
        id_number_sealed=sealed,
        birth_on=number.birth_on,
        sex=number.sex,
        region=number.region,
        made_at=at,
        verified_at=verified_at,
    )
    DataKey.objects.create(member=member, wrapped=key)
    return member


def _register(account: Account, member: Member, number: str) -> None:
    """One person is one member: the unique hash decides, also between two at once."""
    id_hash = places.id_hash(number)
    known = IdentityNumber.objects.filter(id_hash=id_hash).first()
    if known and account.household.filter(member_id=known.member_id).exists():
        raise Invalid(_("This person is already in your family."), field="id_number")
    try:
        with transaction.atomic():
            IdentityNumber.objects.create(id_hash=id_hash, member=member)
    except IntegrityError as error:
        raise Invalid(
            _(
                "This ID number cannot be added here. Check its digits; if they are right, call us"
                " and we sort it out with you."
            ),
            field="id_number",
        ) from error
