"""What a person may ask of us: a copy of all we hold of them, and to be forgotten. Reads only.

Every room that holds something has a file `rights.py` (settings.DATA_RIGHTS lists them, from left
to right) with three functions:

* `sections(account, member, at)`: what it holds, of the account itself where `member` is None.
  What is sealed is opened through its actions, and recorded.
* `open_matters(member, at)`: sentences that say why the person cannot be forgotten yet.
* `forget(member_id)`: what it keeps in the clear and needs no longer goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from members import access, actions, declared, notices
from members.models import (
    AccessRecord,
    Account,
    HelpCall,
    HouseholdLink,
    JoinDraft,
    Mandate,
    Member,
    Membership,
    Notice,
    NoticePreference,
    Receipt,
    RuleConsent,
)
from members.reference import answer_word
from members.rules import region_name
from mutualaid.clock import SHANGHAI
from mutualaid.money import yuan

Value = str | int | bool | None


@dataclass
class Section:
    """A table of the copy: `columns` name its columns for people, `rows` are for programs too.
    `files` lie beside it, by name."""

    code: str
    title: str
    columns: Mapping[str, str]
    rows: list[dict[str, Value]]
    files: list[tuple[str, bytes]] = field(default_factory=list)

    def table(self) -> list[list[Value]]:
        """The rows in the order of the columns."""
        return [[row.get(name) for name in self.columns] for row in self.rows]


class Room(Protocol):
    """A room's `rights.py`."""

    def sections(
        self, account: Account, member: Member | None, at: datetime
    ) -> Iterator[Section]: ...

    def open_matters(self, member: Member, at: datetime) -> Iterator[str]: ...

    def forget(self, member_id: int) -> None: ...


def rooms() -> list[Room]:
    """The rooms that hold something of people, in their order."""
    return [cast(Room, import_module(name)) for name in settings.DATA_RIGHTS]


def open_matters_of(member: Member, at: datetime) -> list[str]:
    """Why this person cannot be forgotten yet, sentence by sentence; [] where they can."""
    return [sentence for room in rooms() for sentence in room.open_matters(member, at)]


def sections_of(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """All that every room holds, without what is empty."""
    for room in rooms():
        yield from (found for found in room.sections(account, member, at) if found.rows)


def plain(value: Any) -> Value:
    """A value as JSON and people read it: dates as ISO, instants in Shanghai."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat(timespec="seconds")
    if isinstance(value, bool | int) or value is None:
        return value
    return value.isoformat() if isinstance(value, date | time) else str(value)


def made(
    code: str, title: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> Section:
    """A section with its values made plain."""
    kept = [{name: plain(value) for name, value in row.items()} for row in rows]
    return Section(code, title, columns, kept)


def fen(value: int | None) -> str | None:
    """Whole fen as yuan, for a column that people read."""
    return None if value is None else yuan(value)


# --- what this room holds


def sections(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """The account: login, agreements, messages, help. The member: who, plans, answers, readers."""
    if member is None:
        yield from _of_account(account)
    else:
        yield from _of_member(account, member, at)


def _of_account(account: Account) -> Iterator[Section]:
    columns = {
        "email": _("e-mail address"),
        "phone": _("phone number"),
        "display_name": _("name"),
        "made_at": _("since"),
    }
    row = {
        "email": account.email,
        "phone": actions.phone_of(account),
        "display_name": account.display_name,
        "made_at": account.made_at,
    }
    yield made("account", _("Your login"), columns, [row])
    yield _family(account)
    yield _mandates(account)
    yield _preferences(account)
    yield _notices(account)
    yield _help(account)


def _family(account: Account) -> Section:
    columns = {
        "name": _("name"),
        "relation": _("relation"),
        "made_at": _("since"),
        "consented_at": _("agreed"),
        "consent_way": _("how"),
    }
    rows = [
        {
            "name": link.member.name,
            "relation": link.get_relation_display(),
            "made_at": link.made_at,
            "consented_at": link.consented_at,
            "consent_way": link.get_consent_way_display(),
        }
        for link in account.household.select_related("member").order_by("pk")
    ]
    return made("family", _("For whom you act"), columns, rows)


def _mandates(account: Account) -> Section:
    columns = {"given_at": _("given"), "expires_on": _("until"), "revoked_at": _("revoked")}
    found = Mandate.objects.filter(account=account).order_by("pk")
    return made("mandates", _("Payment agreements"), columns, found.values(*columns))


def _preferences(account: Account) -> Section:
    columns = {
        "email": _("by e-mail"),
        "sms": _("by SMS"),
        "digest": _("once a day"),
        "quiet_from": _("quiet from"),
        "quiet_until": _("quiet until"),
        "language": _("language"),
    }
    found = NoticePreference.objects.filter(account=account)
    return made("preferences", _("How you want messages"), columns, found.values(*columns))


def _notices(account: Account) -> Section:
    rows = []
    for notice in Notice.objects.filter(account=account).order_by("pk"):
        title, text = notices.render(notice.code, notice.facts)
        rows.append({"at": notice.at, "title": title, "text": text})
    columns = {"at": _("when"), "title": _("message"), "text": _("text")}
    return made("notices", _("Messages to you"), columns, rows)


def _help(account: Account) -> Section:
    columns = {
        "asked_at": _("when"),
        "by": _("who"),
        "reason": _("why"),
        "consented_at": _("agreed"),
        "closed_at": _("ended"),
        "did": _("what was done"),
    }
    rows = [
        {
            "asked_at": call.asked_at,
            "by": access.reader(call.by),
            "reason": call.reason,
            "consented_at": call.consented_at,
            "closed_at": call.closed_at,
            "did": _done_in(call),
        }
        for call in HelpCall.objects.filter(account=account).select_related("by").order_by("pk")
    ]
    return made("help_calls", _("When the help line acted for you"), columns, rows)


def _done_in(call: HelpCall) -> str:
    done = call.records.select_related("member").order_by("pk")
    return str(_(", ")).join(
        f"{access.did(record.verb)} ({record.member.name})"
        if record.member
        else access.did(record.verb)
        for record in done
    )


def _of_member(account: Account, member: Member, at: datetime) -> Iterator[Section]:
    yield _person(account, member, at)
    yield _memberships(member)
    yield _consents(member)
    yield _declarations(account, member, at)
    yield _drafts(account, member, at)
    yield _prechecks(account, member, at)
    yield _receipts(account, member, at)
    yield _readers(member)


def _person(account: Account, member: Member, at: datetime) -> Section:
    columns = {
        "name": _("name"),
        "id_number": _("ID number"),
        "birth_on": _("date of birth"),
        "sex": _("sex"),
        "province": _("province"),
        "made_at": _("since"),
        "verified_at": _("name and number checked"),
    }
    row = {
        "name": member.name,
        "id_number": actions.open_id_number(member_id=member.pk, by=account, why="export", at=at),
        "birth_on": member.birth_on,
        "sex": member.get_sex_display(),
        "province": region_name(member.region, get_language() or ""),
        "made_at": member.made_at,
        "verified_at": member.verified_at,
    }
    return made("person", _("Who it is"), columns, [row])


def _memberships(member: Member) -> Section:
    columns = {
        "number": _("number"),
        "plan": _("plan"),
        "rules": _("rules on joining"),
        "joined_at": _("joined"),
        "covered_from": _("covered from"),
        "leaving_at": _("leaving"),
        "ended_at": _("ended"),
        "end_reason": _("why it ended"),
    }
    rows = [
        {
            "number": each.number,
            "plan": each.plan.name,
            "rules": each.rules.version,
            "joined_at": each.joined_at,
            "covered_from": each.covered_from,
            "leaving_at": each.leaving_at,
            "ended_at": each.ended_at,
            "end_reason": each.get_end_reason_display(),
        }
        for each in member.memberships.select_related("plan", "rules").order_by("pk")
    ]
    return made("memberships", _("Memberships"), columns, rows)


def _consents(member: Member) -> Section:
    found = RuleConsent.objects.filter(membership__member=member).order_by("pk")
    columns = {"membership": _("number"), "rules": _("rules"), "kind": _("answer"), "at": _("when")}
    rows = [
        {
            "membership": each.membership.number,
            "rules": each.rules.version,
            "kind": each.get_kind_display(),
            "at": each.at,
        }
        for each in found.select_related("membership", "rules")
    ]
    return made("rule_consents", _("Rules accepted, or met with silence"), columns, rows)


def _answer_columns() -> dict[str, str]:
    return {
        "at": _("when"),
        "kind": _("kind"),
        "question": _("question"),
        "answer": _("answer"),
        "story": _("in your words"),
    }


def _declarations(account: Account, member: Member, at: datetime) -> Section:
    rows: list[dict[str, Any]] = []
    for each in member.declarations.order_by("pk"):
        said = actions.open_declaration(declaration_id=each.pk, by=account, why="export", at=at)
        asked = {q.code: q.text for q in each.question_set.questions.all()}
        story, of = declared.note(said, "story"), declared.note(said, "code")
        rows += [
            {
                "at": each.declared_at,
                "kind": each.get_kind_display(),
                "question": asked.get(code, code),
                "answer": answer_word(answer),
                "story": story if code == of else "",
            }
            for code, answer in declared.only_answers(said).items()
        ]
    return made("declarations", _("What was declared"), _answer_columns(), rows)


def _drafts(account: Account, member: Member, at: datetime) -> Section:
    rows = []
    for draft in JoinDraft.objects.filter(member=member).select_related("plan").order_by("pk"):
        way: dict[str, Any] = {"member_id": member.pk, "plan_id": draft.plan_id}
        for code, answer in actions.draft_answers(by=account, at=at, **way).items():
            row = {"at": draft.changed_at, "kind": draft.plan.name, "question": code}
            rows.append(row | {"answer": answer_word(answer)})
    return made("drafts", _("Answers on the way to joining"), _answer_columns(), rows)


def _prechecks(account: Account, member: Member, at: datetime) -> Section:
    who: dict[str, Any] = {"by": account, "why": "export", "at": at}
    columns = {
        "asked_at": _("when"),
        "question": _("question"),
        "story": _("in your words"),
        "answered_at": _("answered"),
        "ruling": _("ruling"),
        "reply": _("reasons"),
        "withdrawn_at": _("taken back"),
    }
    rows = [
        {
            "asked_at": each.asked_at,
            "question": each.question.text,
            "story": actions.open_precheck(precheck_id=each.pk, part="story", **who),
            "answered_at": each.answered_at,
            "ruling": each.get_ruling_display(),
            "reply": actions.open_precheck(precheck_id=each.pk, part="reply", **who),
            "withdrawn_at": each.withdrawn_at,
        }
        for each in member.prechecks.select_related("question").order_by("pk")
    ]
    return made("prechecks", _("Questions to a reviewer, and the answers"), columns, rows)


def _receipts(account: Account, member: Member, at: datetime) -> Section:
    """Receipts that are kept at the moment, with the papers beside."""
    columns = {
        "membership": _("number"),
        "language": _("language"),
        "asked_at": _("when"),
        "made_at": _("made"),
    }
    rows, files = [], []
    for each in Receipt.objects.filter(member=member).select_related("membership").order_by("pk"):
        said = {name: getattr(each, name) for name in ("language", "asked_at", "made_at")}
        rows.append(said | {"membership": each.membership.number})
        if each.made_at is not None:
            data = actions.open_receipt(receipt_id=each.pk, by=account, why="export", at=at)
            files.append((f"{each.membership.number}-{each.language}.pdf", data))
    section = made("receipts", _("Receipts of joining"), columns, rows)
    section.files = files
    return section


def _readers(member: Member) -> Section:
    """Who read what, with the reads of this very copy so far at the end."""
    found = AccessRecord.objects.filter(member=member).select_related("by").order_by("pk")
    columns = {"at": _("when"), "who": _("who"), "what": _("what"), "why": _("why")}
    rows = [
        {
            "at": record.at,
            "who": access.reader(record.by, record.why),
            "what": access.what(record.what),
            "why": access.why(record.why),
        }
        for record in found.iterator(chunk_size=2000)
    ]
    return made("access_records", _("Who has read this"), columns, rows)


def open_matters(member: Member, at: datetime) -> Iterator[str]:
    """Open memberships; where the login goes with the person, what it does for others."""
    if Membership.objects.open().filter(member=member).exists():
        yield _("A membership is still open. Leave the plan first.")
    own = HouseholdLink.objects.filter(member=member, relation=HouseholdLink.Relation.SELF).first()
    if own is None:
        return
    if Membership.objects.open().filter(payer=own.account_id).exclude(member=member).exists():
        yield _("This login pays for others. Change who pays, or end those memberships first.")
    elif own.account.household.exclude(member=member).exists():
        yield _(
            "This login acts for others. They are forgotten first, or somebody else acts for them."
        )


def forget(member_id: int) -> None:
    """Done by `actions.erasures_due` itself, which writes this room's tables."""
