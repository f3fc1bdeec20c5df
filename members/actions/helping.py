"""The help line acts for a member: with their consent, for a reason, and with a record they see.

Consent is a code that the house sends to the phone (or, without one, to the address) of the login
itself, and that the member reads out. The call then lasts half an hour from its beginning, for one
family, by one person of the help line.

What can be done in it, and why just this. Old members ring up because they cannot find a page, want
out, or have pressed something by mistake. So the help line does what ends or takes back: leaving,
staying after all, undoing a joining, revoking the payment agreement, taking back the wish to be
forgotten, stopping somebody who asks for the account. Each of them can be begun anew by the member.
It never binds anybody to pay (joining, renewing the agreement, taking over a payment), says nothing
of anybody's health (answers, corrections, questions to a reviewer), opens nothing that is sealed,
touches no login, payee, family or vote, and forgets nobody: for these a member shows who they are.
To explain a share it reads what the desk's page shows: cover, ages, periods. No more than that.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.core.mail import send_mail
from django.db import models, transaction
from django.db.models import F, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from members import access, finding, inbox, policies, sms
from members.actions.accounts import (
    check_turn,
    count_turn,
    forget_turns,
)
from members.actions.contacts import phone_number
from members.actions.ends import keep, leave, undo_join
from members.actions.notifying import notify
from members.actions.payment import revoke_mandate
from members.actions.recovering import object_to_recovery
from members.actions.rights import withdraw_erasure
from members.models import (
    Account,
    ErasureRequest,
    HelpCall,
    HelpRecord,
    HouseholdLink,
    Mandate,
    Member,
    Membership,
    Recovery,
)
from members.rules import mask_name
from mutualaid import clock, vault
from mutualaid.errors import Forbidden, Invalid, NotNow

CALL_MINUTES, HELP_CODE_MINUTES, HELP_CODE_TRIES = 30, 10, 5
REASON_LETTERS = range(4, 61)  # it goes into a short message
# A number to ring back or a page to open has no place in a message of ours.
_NO_REASON = re.compile(r"[0-9]{5}|://|www\.|[\w-]+\.(com|cn|net|org)\b|[\x00-\x1f]", re.IGNORECASE)
Row = TypeVar("Row", bound=models.Model)


# --- the call


@transaction.atomic
def begin_help_call(
    *, term: str, account_id: int, reason: str, by: Account, at: datetime
) -> HelpCall:
    """Ask a family whether the help line may act for them: a code goes to the phone of the login,
    or to its address where there is none; never to a number that the caller names.

    `term` is what the caller has told, a whole number or address (members.finding.accounts_of), and
    has to lead to the account. Whoever helps one family helps no other: an open call of `by` ends.
    Locks that, then the account. Raises Forbidden for one's own family and for staff, Invalid
    (field "account" or "reason"), NotNow after too many. The code leaves when the transaction is
    through: sms.NotSent then.
    """
    policies.check_staff(by, policies.HELPS)
    reason = _checked_reason(reason)
    # Locked before the account, as everywhere: first the call, then the account, then the rest.
    HelpCall.objects.filter(by=by, closed_at__isnull=True).update(closed_at=at)
    # Not FOR UPDATE: whoever writes a notice to this account need not wait.
    account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
    if account is None or not finding.accounts_of(term).filter(pk=account_id).exists():
        raise Invalid(_("Choose a login that was found by what the caller told."), field="account")
    policies.check_helps(by, account)
    if not account.household.exists():
        raise NotNow(_("Nobody has been added to this login yet, so there is nothing to do."))
    number = phone_number(account)
    if not number and not account.email:
        raise NotNow(_("This login has neither phone nor address that a code could go to."))
    turn = ("help", str(account.pk))
    check_turn(turn, at=at)
    count_turn(turn, at=at)
    code = f"{secrets.randbelow(10**6):06d}"
    call = HelpCall.objects.create(
        account=account,
        by=by,
        reason=reason,
        code_hash=_code_hash(account.pk, by.pk, code),
        asked_at=at,
        until_at=at + timedelta(minutes=CALL_MINUTES),
    )
    language = inbox.ways_of(account.pk).language
    send = partial(_send, number, account.email, reason, code, language)
    transaction.on_commit(send)
    return call


def _checked_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) not in REASON_LETTERS:
        raise Invalid(
            _("Say in %(least)s to %(most)s characters what the member wants; they read it.")
            % {"least": REASON_LETTERS.start, "most": REASON_LETTERS.stop - 1},
            field="reason",
        )
    if _NO_REASON.search(reason):
        raise Invalid(
            _("No long numbers and no addresses of pages here: it goes into the message."),
            field="reason",
        )
    return reason


def _code_hash(account_id: int, by_id: int, code: str) -> bytes:
    return vault.keyed_hash(f"{account_id}\0{by_id}\0{code}", purpose="help call")


def _send(number: str | None, email: str | None, reason: str, code: str, language: str) -> None:
    """In the language of who gets it, whatever the help line reads."""
    facts = {"code": code, "minutes": HELP_CODE_MINUTES, "reason": reason}
    with translation.override(language):
        if number:
            sms.send(number=number, code="help_call", facts=facts)
            return
        title, text = _("The help line asks: may we act for you?"), sms.text_of("help_call", facts)
        if not send_mail(title, text, None, [str(email)], fail_silently=True):
            raise sms.NotSent("The mail did not leave.")


@transaction.atomic
def consent_help_call(*, call_id: int, code: str, by: Account, at: datetime) -> HelpCall | None:
    """The code that the member read out: right, and the help line may act until the call ends. None
    for a wrong one, which counts; the fifth ends the call. Locks the call.

    Raises NotNow for a code that is too old, a call that is over, and after too many wrong codes.
    """
    call = _locked(call_id, by)
    if call.consented_at is not None:
        raise NotNow(_("The member has agreed already. There is nothing to do."))
    check_turn(("helper", str(by.pk)), at=at)
    if clock.now() >= code_until(call):
        raise NotNow(_("This code no longer counts. Please ask for a new one."))
    given = "".join(sign for sign in code if sign.isdecimal())
    if not hmac.compare_digest(bytes(call.code_hash), _code_hash(call.account_id, by.pk, given)):
        _count_wrong(call, at)
        return None
    call.consented_at = at
    call.save(update_fields=["consented_at"])
    forget_turns(("help", str(call.account_id)), ("helper", str(by.pk)))
    facts = _facts(call) | {"until_at": call.until_at.isoformat()}
    notify(code="help_began", facts=facts, at=at, account_id=call.account_id)
    return call


def code_until(call: HelpCall) -> datetime:
    """The instant from which the code of a call no longer counts."""
    return call.asked_at + timedelta(minutes=HELP_CODE_MINUTES)


def _count_wrong(call: HelpCall, at: datetime) -> None:
    count_turn(("helper", str(call.by_id)), at=at)
    call.tries += 1
    if call.tries >= HELP_CODE_TRIES:
        call.closed_at = at
    call.save(update_fields=["tries", "closed_at"])


@transaction.atomic
def close_help_call(*, call_id: int, by: Account, at: datetime) -> HelpCall:
    """Hang up: nothing more can be done in this call. Locks it; raises NotNow once it is over."""
    call = _locked(call_id, by)
    call.closed_at = at
    call.save(update_fields=["closed_at"])
    return call


@transaction.atomic
def help_calls_due(*, at: datetime) -> int:
    """Write the end of calls whose half hour is over; returns how many. They ended by the clock,
    whenever this runs. In one statement."""
    over = HelpCall.objects.filter(closed_at__isnull=True, until_at__lte=at)
    return over.update(closed_at=F("until_at"))


def _locked(call_id: int, by: Account) -> HelpCall:
    """An open call of one's own. Asks everything again: a role may have ended meanwhile."""
    locked = HelpCall.objects.select_for_update(of=("self",)).select_related("account", "by")
    call = locked.filter(pk=call_id, by=by).first()
    if call is None:
        raise Forbidden(_("This is a call of somebody else, or of nobody."))
    policies.check_helps(by, call.account)
    if call.closed_at is not None or clock.now() >= call.until_at:
        raise NotNow(_("This call is over. Begin a new one, and ask for the code again."))
    return call


# --- what is done in it


@transaction.atomic
def act_in_call(
    *, call_id: int, verb: str, object_id: int, by: Account, at: datetime
) -> HelpRecord:
    """Do one thing of VERBS for the family of a call they agreed to; the record of it is written in
    the same transaction, or nothing happens. Locks the call, then what the verb locks.

    Raises Forbidden for another verb, and for what is not this family's (a foreign thing is as
    missing as none); NotNow once the call is over, before the consent, and as the verb does.
    """
    call = _locked(call_id, by)
    if verb not in VERBS:
        raise Forbidden(
            _("The help line cannot do this for anybody. The member does it on their own page.")
        )
    if call.consented_at is None:
        raise NotNow(_("The member has not agreed yet. Ask for the code in the message first."))
    member = VERBS[verb](object_id, policies.OnBehalf(call), at)
    record = HelpRecord.objects.create(
        call=call, member=member, verb=verb, object_id=object_id, at=at
    )
    _tell(record, at)
    return record


def _found(rows: QuerySet[Row], key: int) -> Row:
    found = rows.filter(pk=key).first()
    if found is None:
        raise Forbidden(_("This does not belong to the family of this call."))
    return found


def _membership(key: int, by: policies.OnBehalf) -> Membership:
    """Locked, so that a thing done twice is refused and not recorded twice."""
    theirs = Membership.objects.filter(member__household__account=by.call.account_id)
    return _found(theirs.select_for_update(of=("self",)).select_related("member"), key)


def _leave(key: int, by: policies.OnBehalf, at: datetime) -> Member:
    membership = _membership(key, by)
    if membership.leaving_at is not None:
        raise NotNow(_("The wish to leave has been kept already. There is nothing to do."))
    leave(membership_id=key, by=by, at=at)
    return membership.member


def _keep(key: int, by: policies.OnBehalf, at: datetime) -> Member:
    membership = _membership(key, by)
    if membership.leaving_at is None:
        raise NotNow(_("Nobody wants to leave here. There is nothing to do."))
    keep(membership_id=key, by=by, at=at)
    return membership.member


def _undo_join(key: int, by: policies.OnBehalf, at: datetime) -> Member:
    membership = _membership(key, by)
    undo_join(membership_id=key, by=by, at=at)
    return membership.member


def _revoke_mandate(key: int, by: policies.OnBehalf, at: datetime) -> None:
    mandate = _found(Mandate.objects.filter(account=by.call.account_id), key)
    revoke_mandate(mandate_id=mandate.pk, by=by, at=at)


def _withdraw_erasure(key: int, by: policies.OnBehalf, at: datetime) -> Member:
    theirs = ErasureRequest.objects.filter(member__household__account=by.call.account_id)
    wish = _found(theirs.select_related("member"), key)
    withdraw_erasure(request_id=wish.pk, by=by, at=at)
    return wish.member


def _object_to_recovery(key: int, by: policies.OnBehalf, at: datetime) -> None:
    recovery = _found(Recovery.objects.filter(account=by.call.account_id), key)
    object_to_recovery(recovery_id=recovery.pk, by=by, at=at)


# What the help line can do: verb → (key of the thing, for whom, when) → whose it is; None: the
# account's own. Their words stand in members.access.DID.
VERBS: dict[str, Callable[[int, policies.OnBehalf, datetime], Member | None]] = {
    "leave": _leave,
    "keep": _keep,
    "undo_join": _undo_join,
    "revoke_mandate": _revoke_mandate,
    "withdraw_erasure": _withdraw_erasure,
    "object_to_recovery": _object_to_recovery,
}


# --- telling


def _facts(call: HelpCall) -> dict[str, object]:
    return {"who": access.reader(call.by), "reason": call.reason}


def _tell(record: HelpRecord, at: datetime) -> None:
    """The login of the call, and the person's own where that is another."""
    facts = _facts(record.call) | _in_both("what", record.verb)
    code, told = "help_did", {record.call.account_id}
    if record.member is not None:
        code, facts = "help_did_for", facts | {"name": mask_name(record.member.name)}
        own = record.member.household.filter(relation=HouseholdLink.Relation.SELF)
        told |= set(own.values_list("account_id", flat=True))
    for account_id in sorted(told):
        notify(code=code, facts=facts, at=at, account_id=account_id)


def _in_both(fact: str, verb: str) -> dict[str, object]:
    """What was done, in both languages: notices are read in the reader's."""
    said: dict[str, object] = {}
    for language, ending in ((settings.LANGUAGE_CODE, "zh"), ("en", "en")):
        with translation.override(language):
            said[f"{fact}_{ending}"] = access.did(verb)
    return said
