"""Families: an adult agrees that somebody acts for them, by a code or in their own account."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from members import phones, places, policies, rules, sms
from members.actions.notifying import notify
from members.models import (
    Account,
    FamilyRequest,
    HouseholdLink,
    IdentityNumber,
    Member,
    Membership,
)
from members.rules import mask_name
from mutualaid import clock, vault
from mutualaid.errors import Forbidden, Invalid, NotNow

CODE_MINUTES, CODE_TRIES, ASK_DAYS = 10, 5, 14
CODES_A_DAY = 5  # for one person, whoever asks


# --- by a code on their phone


@transaction.atomic
def ask_consent(
    *, account_id: int, member_id: int, phone: str, by: Account, at: datetime
) -> FamilyRequest:
    """Send an adult of the family a code, with the sentence they agree to by passing it on. Locks
    the family link.

    Raises Invalid (field "phone") for a number that is none or is the asker's own, NotNow where
    nothing is to be asked and after five codes a day.
    """
    link = _locked_link(account_id, member_id, by)
    if link.consented_at is not None:
        raise NotNow(_("This person has agreed already. There is nothing to do."))
    number = _other_number(phone, by)
    _check_few(member_id, at)
    _close_open(account_id, member_id, at)
    code = f"{secrets.randbelow(10**6):06d}"
    request = FamilyRequest.objects.create(
        account_id=account_id,
        member_id=member_id,
        relation=link.relation,
        way=HouseholdLink.Consent.CODE,
        code_hash=_code_hash(member_id, code),
        tail=number[-4:],
        asked_at=at,
        expires_at=at + timedelta(minutes=CODE_MINUTES),
    )
    facts = {"code": code, "minutes": CODE_MINUTES, "name": mask_name(link.member.name)}
    transaction.on_commit(lambda: sms.send(number=number, code="family_consent", facts=facts))
    return request


@transaction.atomic
def answer_consent(
    *, account_id: int, member_id: int, code: str, by: Account, at: datetime
) -> HouseholdLink | None:
    """The code that the person passed on: right, and the account may act for them. None for a wrong
    code, which counts (the page says so). Locks the request.

    Raises NotNow without a code under way, when it is too old, or after five tries.
    """
    link = _locked_link(account_id, member_id, by)
    asked = FamilyRequest.objects.select_for_update().filter(
        account=account_id, member=member_id, way=HouseholdLink.Consent.CODE,
        answered_at__isnull=True,
    )  # fmt: skip
    request = asked.first()
    if request is None or clock.now() >= request.expires_at or request.tries >= CODE_TRIES:
        raise NotNow(_("This code no longer counts. Please ask for a new one."))
    given = "".join(sign for sign in code if sign.isdecimal())
    if not hmac.compare_digest(bytes(request.code_hash or b""), _code_hash(member_id, given)):
        request.tries += 1
        request.save(update_fields=["tries"])
        return None
    _answer(request, accepted=True, at=at)
    return _consented(link, HouseholdLink.Consent.CODE, at)


# --- in their own account


@transaction.atomic
def ask_to_act(
    *, account_id: int, name: str, id_number: str, relation: str, by: Account, at: datetime
) -> FamilyRequest | None:
    """Ask somebody who is here with an account of their own; or, as `relation` "self", whoever acts
    for one so far, to have a login of one's own. Locks the account.

    What comes back tells nothing to the asker: the page says the same whether the person is here or
    not (None). The person is asked in their inbox. Raises Invalid for a number that is none.
    """
    account = Account.objects.select_for_update().get(pk=account_id)
    policies.check_own(by, account)
    try:
        number = rules.check_id_number(id_number, allow_demo=settings.DEMO).number
    except ValueError as error:
        raise Invalid(str(error), field="id_number") from error
    known = IdentityNumber.objects.filter(id_hash=places.id_hash(number)).select_related("member")
    member = next((row.member for row in known if row.member.name == "".join(name.split())), None)
    wants_self = relation == HouseholdLink.Relation.SELF
    if wants_self and account.household.filter(relation=relation).exists():
        raise NotNow(_("You have already added yourself."))
    if member is None or _has_link(account, member):
        return None
    own = _own_account(member)
    if wants_self == bool(own):  # who has a login of their own needs no second one
        return None
    open_one = FamilyRequest.objects.filter(
        account=account, member=member, answered_at__isnull=True
    ).first()
    if open_one:
        return open_one
    request = FamilyRequest.objects.create(
        account=account, member=member, relation=relation, way=HouseholdLink.Consent.ACCOUNT,
        asked_at=at, expires_at=at + timedelta(days=ASK_DAYS),
    )  # fmt: skip
    name = member.name if wants_self else _name_of(account)
    code = "family_asked_self" if wants_self else "family_asked"
    for asked in answerers(member):
        notify(code=code, facts={"who": mask_name(name)}, at=at, account_id=asked.pk)
    return request


def answerers(member: Member) -> list[Account]:
    """Who says yes or no to another account: the person's own, or until they have one, those that
    act for them."""
    own = _own_account(member)
    links = member.household.filter(consented_at__isnull=False).select_related("account")
    return [own] if own else [link.account for link in links]


@transaction.atomic
def answer_request(*, request_id: int, accept: bool, by: Account, at: datetime) -> FamilyRequest:
    """The person answers in their own account; one who asks for a login of their own is answered by
    who acted for them so far. Locks the request. Raises NotNow once it is answered or too old,
    Forbidden for anybody else."""
    request = FamilyRequest.objects.select_for_update().get(pk=request_id)
    if by not in answerers(request.member) or not by.is_active:
        raise Forbidden(_("Only the person who is asked can answer this."))
    if request.answered_at is not None or clock.now() >= request.expires_at:
        raise NotNow(_("This question has been answered already, or is too old."))
    _answer(request, accepted=accept, at=at)
    if accept:
        link, _made = HouseholdLink.objects.get_or_create(
            account=request.account, member=request.member,
            defaults={"relation": request.relation, "made_at": at},
        )  # fmt: skip
        own = link.relation == HouseholdLink.Relation.SELF
        way = HouseholdLink.Consent.SELF if own else HouseholdLink.Consent.ACCOUNT
        _consented(link, way, at)
    facts = {"name": mask_name(request.member.name)}
    code = "family_accepted" if accept else "family_declined"
    notify(code=code, facts=facts, at=at, account_id=request.account_id)
    return request


# --- the end of acting for somebody


@transaction.atomic
def end_link(*, link_id: int, by: Account, at: datetime) -> None:
    """Nobody acts through this link any more: either side ends it. Locks it.

    Raises NotNow for one's own person, and while the account pays for an open membership.
    """
    link = HouseholdLink.objects.select_for_update().select_related("member").get(pk=link_id)
    if by.pk != link.account_id and _own_account(link.member) != by:
        raise Forbidden(_("This belongs to another account. Its holder has to do it."))
    if link.relation == HouseholdLink.Relation.SELF:
        raise NotNow(_("This is the account's own person. To go, leave the plans first."))
    if Membership.objects.open().filter(member=link.member, payer=link.account).exists():
        raise NotNow(
            _("This account pays for the person. Change the payer or leave the plan first.")
        )
    if not link.member.household.exclude(pk=link.pk).exists():
        raise NotNow(
            _("Nobody else acts for this person, so the link stays. Another account can be added.")
        )
    facts = {"name": mask_name(link.member.name)}
    notify(code="family_ended", facts=facts, at=at, account_id=link.account_id)
    link.delete()


def _locked_link(account_id: int, member_id: int, by: Account) -> HouseholdLink:
    links = HouseholdLink.objects.select_for_update(of=("self",)).select_related("member")
    link = links.filter(account=account_id, member=member_id).first()
    if link is None or by.pk != account_id or not by.is_active:
        raise Forbidden(_("This person is not in your family here."))
    return link


def _other_number(phone: str, by: Account) -> str:
    try:
        number = phones.normal(phone, allow_demo=settings.DEMO)
    except ValueError as error:
        raise Invalid(str(error), field="phone") from error
    own = getattr(by, "phone", None)
    if own is not None and bytes(own.number_hash) == places.phone_hash(number):
        raise Invalid(
            _("This is your own number. The code has to go to the person's own phone."),
            field="phone",
        )
    return number


def _check_few(member_id: int, at: datetime) -> None:
    today = FamilyRequest.objects.filter(
        member=member_id, asked_at__gt=at - timedelta(days=1), way=HouseholdLink.Consent.CODE
    )
    if today.count() >= CODES_A_DAY:
        raise NotNow(_("Five codes have been sent today. Please try again tomorrow, or call us."))


def _close_open(account_id: int, member_id: int, at: datetime) -> None:
    open_ones = FamilyRequest.objects.filter(
        account=account_id, member=member_id, answered_at__isnull=True
    )
    open_ones.update(answered_at=at, accepted=False)


def _code_hash(member_id: int, code: str) -> bytes:
    return vault.keyed_hash(f"{member_id}\0{code}", purpose="family consent")


def _answer(request: FamilyRequest, *, accepted: bool, at: datetime) -> None:
    request.answered_at, request.accepted = at, accepted
    request.save(update_fields=["answered_at", "accepted"])


def _consented(link: HouseholdLink, way: HouseholdLink.Consent, at: datetime) -> HouseholdLink:
    link.consented_at, link.consent_way = at, way
    link.save(update_fields=["consented_at", "consent_way"])
    return link


def _own_account(member: Member) -> Account | None:
    own = member.household.filter(relation=HouseholdLink.Relation.SELF).select_related("account")
    link = own.first()
    return link.account if link else None


def _has_link(account: Account, member: Member) -> bool:
    return HouseholdLink.objects.filter(account=account, member=member).exists()


def _name_of(account: Account) -> str:
    own = account.household.filter(relation=HouseholdLink.Relation.SELF).select_related("member")
    link = own.first()
    return link.member.name if link else str(account)
