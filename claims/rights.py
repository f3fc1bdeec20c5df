"""What claims hold of a person: the copy of it, and what stands in the way of forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from claims import actions, files
from claims.models import Appeal, Claim, ClaimEvent, Decision, Evidence, Finding, Message, Payee
from claims.states import OPEN
from members.models import Account, Member
from members.rights import Section, fen, made

SUFFIX = {files.JPEG: "jpg", files.PNG: "png", files.PDF: "pdf"}


def sections(account: Account, member: Member | None, at: datetime) -> Iterator[Section]:
    """Reports with their words, steps, papers, messages, findings, decisions, appeals, payees."""
    if member is None:
        return
    claims = list(Claim.objects.filter(member=member).order_by("pk"))
    yield _reports(account, claims, at)
    yield _steps(claims)
    yield _papers(account, claims, at)
    yield _messages(claims)
    yield _findings(claims)
    yield _decisions(claims)
    yield _appeals(claims)
    yield _payees(account, claims, at)


def _reports(account: Account, claims: list[Claim], at: datetime) -> Section:
    rows = []
    for claim in claims:
        said = actions.read_report(claim_id=claim.pk, by=account, at=at)
        rows.append(
            said
            | {
                "number": claim.number,
                "reported_at": claim.reported_at,
                "disease": claim.disease,
                "accident": claim.accident,
                "diagnosed_on": claim.diagnosed_on,
                "call_back": claim.call_back,
                "publish_consent": claim.publish_consent,
                "status": claim.get_status_display(),
            }
        )
    columns = {
        "number": _("number"),
        "reported_at": _("reported"),
        "disease": _("illness"),
        "accident": _("by an accident"),
        "diagnosed_on": _("first diagnosed"),
        "hospital": _("hospital"),
        "story": _("in your words"),
        "call_back": _("where we may call"),
        "publish_consent": _("more than the amount may be published"),
        "status": _("status"),
    }
    return made("claims", _("Claims"), columns, rows)


def _steps(claims: list[Claim]) -> Section:
    found = ClaimEvent.objects.filter(claim__in=claims).select_related("claim").order_by("pk")
    columns = {"number": _("number"), "at": _("when"), "code": _("what"), "new": _("status")}
    rows = [
        {"number": e.claim.number, "at": e.at, "code": e.code, "new": e.get_new_display()}
        for e in found
    ]
    return made("claim_events", _("Steps of the claims"), columns, rows)


def _papers(account: Account, claims: list[Claim], at: datetime) -> Section:
    """The papers themselves lie beside, in a folder for each claim."""
    rows, beside = [], []
    found = Evidence.objects.filter(claim__in=claims).select_related("claim").order_by("pk")
    for paper in found:
        row: dict[str, Any] = {
            "number": paper.claim.number,
            "place": paper.place,
            "kind": paper.get_kind_display(),
            "name": paper.name,
            "added_at": paper.added_at,
            "removed_at": paper.removed_at,
        }
        if paper.removed_at is None:
            row["file"] = f"{paper.claim.number}/{paper.place}.{SUFFIX[paper.media_type]}"
            data = actions.read_paper(
                claim_id=paper.claim_id, place=paper.place, by=account, at=at, why="export"
            )
            beside.append((row["file"], data))
        rows.append(row)
    columns = {
        "number": _("number"),
        "place": _("paper"),
        "kind": _("kind"),
        "name": _("name"),
        "added_at": _("added"),
        "removed_at": _("removed"),
        "file": _("file"),
    }
    section = made("papers", _("Papers"), columns, rows)
    section.files = beside
    return section


def _messages(claims: list[Claim]) -> Section:
    found = Message.objects.filter(claim__in=claims).select_related("claim", "by").order_by("pk")
    columns = {"number": _("number"), "at": _("when"), "by": _("who"), "text": _("text")}
    rows = [
        {
            "number": message.claim.number,
            "at": message.at,
            "by": str(message.by) if message.by.is_staff else _("you"),
            "text": message.text,
        }
        for message in found
    ]
    return made("claim_messages", _("Messages about claims"), columns, rows)


def _findings(claims: list[Claim]) -> Section:
    found = Finding.objects.filter(investigation__claim__in=claims)
    rows = [
        {"number": each.investigation.claim.number, "at": each.at, "text": each.text}
        for each in found.select_related("investigation__claim").order_by("pk")
    ]
    rows += [
        {
            "number": claim.number,
            "at": claim.investigation.closed_at,
            "text": claim.investigation.report,
        }
        for claim in claims
        if hasattr(claim, "investigation") and claim.investigation.report
    ]
    columns = {"number": _("number"), "at": _("when"), "text": _("what was found")}
    return made("findings", _("What the adjuster found"), columns, rows)


def _decisions(claims: list[Claim]) -> Section:
    """Those that were told; a proposal that nobody has confirmed is no decision."""
    found = Decision.objects.filter(claim__in=claims, confirmed_at__isnull=False)
    columns = {
        "number": _("number"),
        "confirmed_at": _("when"),
        "granted": _("granted"),
        "benefit": _("benefit in yuan"),
        "clauses": _("clauses"),
        "reason": _("reasons"),
        "would_change": _("what would change it"),
    }
    rows = [
        {
            "number": each.claim.number,
            "confirmed_at": each.confirmed_at,
            "granted": each.granted,
            "benefit": fen(each.benefit_fen),
            "clauses": "; ".join(each.clauses),
            "reason": each.reason,
            "would_change": each.would_change,
        }
        for each in found.select_related("claim").order_by("pk")
    ]
    return made("decisions", _("Decisions"), columns, rows)


def _appeals(claims: list[Claim]) -> Section:
    found = Appeal.objects.filter(claim__in=claims).select_related("claim").order_by("pk")
    columns = {
        "number": _("number"),
        "at": _("when"),
        "statement": _("in your words"),
        "withdrawn_at": _("taken back"),
    }
    rows = [
        {
            "number": each.claim.number,
            "at": each.at,
            "statement": each.statement,
            "withdrawn_at": each.withdrawn_at,
        }
        for each in found
    ]
    return made("appeals", _("Appeals"), columns, rows)


def _payees(account: Account, claims: list[Claim], at: datetime) -> Section:
    columns = {
        "number": _("number"),
        "holder": _("account holder"),
        "bank": _("bank"),
        "account": _("account number"),
        "given_at": _("when"),
    }
    rows = [
        {
            "number": payee.claim.number,
            "holder": payee.holder,
            "bank": payee.bank,
            "account": actions.read_account(
                claim_id=payee.claim_id, by=account, why="export", at=at
            ),
            "given_at": payee.given_at,
        }
        for payee in Payee.objects.filter(claim__in=claims).select_related("claim").order_by("pk")
    ]
    return made("payees", _("Accounts for the payout"), columns, rows)


def open_matters(member: Member, at: datetime) -> Iterator[str]:
    """Claims that are not decided, or are before the jury."""
    found = Claim.objects.filter(member=member, status__in=OPEN).order_by("pk")
    for number in found.values_list("number", flat=True):
        yield _("Claim %(number)s is not decided yet. Wait for it, or withdraw it.") % {
            "number": number
        }


def forget(member_id: int) -> None:
    """Contact and bank account in the clear, and the sealed papers."""
    actions.forget(member_id=member_id)
