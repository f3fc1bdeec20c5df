"""A case as its pages show it: the frozen pack in the reader's language. Reads, never counts
ballots of a vote that is not closed."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from jury import rules
from jury.models import Ballot, Case, Seat, Verdict
from jury.states import VOTING, Status
from members.models import Account
from mutualaid import money
from mutualaid.templatetags.look import moment

WHY: dict[str, str | Promise] = {
    "majority": gettext_lazy("More than half of the votes for and against decided it."),
    "tie": gettext_lazy("As many were for it as against it, so the first decision stands."),
    "no_quorum": gettext_lazy("Too few jurors voted, so the first decision stands."),
}


def said(thing: dict[str, Any], name: str = "") -> str:
    """`zh`/`en`, or `name_zh`/`name_en`, of frozen data in the reader's language."""
    language = "en" if (get_language() or "").startswith("en") else "zh"
    return str(thing[f"{name}_{language}" if name else language])


def pack(case: Case) -> dict[str, Any]:
    """The four parts of the pack for the template."""
    kept = case.pack
    return {
        "question": said(kept["question"]),
        "disease": said(kept["disease"]),
        "rules": kept["rules"],
        "clauses": [
            {"text": said(row, "text"), "clause": row["clause"]} for row in kept["clauses"]
        ],
        "named_clauses": kept["named_clauses"],
        "sides": kept["sides"],
        "would_change": kept["would_change"],
        "rows": [_row(row) for row in kept["table"]],
        "facts": [_fact(fact["code"], fact["value"]) for fact in kept["facts"]],
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    note = [_("This one is in dispute.")] if row["disputed"] else []
    if row["measured"] is not None:
        value = f"{row['measured']} {said(row, 'unit')}".strip()
        note.append(_("Measured: %(value)s") % {"value": value})
    return {
        "text": said(row, "text"),
        "answer": row["answer"],
        "note": " ".join(note),
        "evidence": _paper(row["paper"], row["page"]),
    }


def _paper(place: int | None, page: int | None) -> str:
    if place is None:
        return "—"
    if page is None:
        return _("Paper %(place)s") % {"place": place}
    return _("Paper %(place)s, page %(page)s") % {"place": place, "page": page}


def _fact(code: str, value: Any) -> dict[str, str]:
    labels = {
        "benefit_fen": _("Benefit at stake"),
        "age": _("Age at first diagnosis"),
        "accident": _("Caused by an accident"),
        "days_since_joining": _("From joining to first diagnosis"),
        "days_since_cover": _("From the beginning of cover to first diagnosis"),
        "papers": _("Papers handed in"),
    }
    return {"label": labels[code], "value": _fact_value(code, value)}


def _fact_value(code: str, value: Any) -> str:
    if code == "benefit_fen":
        return _("%(amount)s yuan") % {"amount": money.yuan(value)}
    if code == "age":
        return _("%(band)s years") % {"band": value}
    if code == "accident":
        return _("Yes") if value else _("No")
    if code.startswith("days_"):
        return ngettext("%(count)s day", "%(count)s days", value) % {"count": value}
    return str(value)


def clause_choices(kept: dict[str, Any]) -> list[tuple[str, str]]:
    """The conditions a juror may name, the disputed ones first, and “something else”."""
    rows = sorted(kept["table"], key=lambda row: not row["disputed"])
    choices = [(row["code"], said(row, "text")) for row in rows]
    return [*choices, (rules.OTHER_CLAUSE, _("Something else"))]


def clause_label(kept: dict[str, Any], code: str) -> str:
    """The condition named on a ballot, in words."""
    return dict(clause_choices(kept))[code]


# --- a juror's own cases


def tasks(account: Account) -> list[dict[str, Any]]:
    """The cases in which this account holds a seat, each with its deadline and own state."""
    seats = Seat.objects.of_account(account).select_related("case", "ballot")
    return [_task(seat) for seat in seats]


def _task(seat: Seat) -> dict[str, Any]:
    case, voted = seat.case, hasattr(seat, "ballot")
    task = {"title": said(case.pack["question"]), "icon": "scale"}
    if case.status not in VOTING:
        page = reverse("jury:result", args=[case.number])
        hint = _("Case %(number)s, closed") % {"number": case.number}
        state = case.get_status_display()
        return task | {"url": page, "hint": hint, "kind": "", "state": state}
    hint = _("Case %(number)s, vote before %(when)s") % {
        "number": case.number,
        "when": moment(case.closes_at),
    }
    page = reverse("jury:receipt" if voted else "jury:case", args=[case.number])
    kind, state = ("ok", _("You have voted")) if voted else ("do", _("Your vote is awaited"))
    return task | {"url": page, "hint": hint, "kind": kind, "state": state}


# --- after the close


def outcome(case: Case) -> dict[str, Any]:
    """The result of a closed case: counts, reasons by text, receipts by code. Neither order tells
    who voted when, and no receipt stands beside a choice (security.md G14).

    Raises Verdict.DoesNotExist before the verdict, so that no count can slip out.
    """
    verdict = Verdict.objects.get(case=case)
    ballots = Ballot.objects.filter(seat__case=case)
    return {
        "verdict": verdict,
        "why": WHY[verdict.why],
        "overturned": verdict.outcome == Verdict.Outcome.OVERTURNED,
        "rows": _sum(verdict),
        "reasons": sorted(ballots.values_list("reason", flat=True)),
        "receipts": sorted(ballots.values_list("receipt", flat=True)),
    }


def _sum(verdict: Verdict) -> list[dict[str, Any]]:
    counts = [
        (_("Support granting the benefit"), verdict.support),
        (_("Do not support it"), verdict.against),
        (_("Abstentions"), verdict.abstain),
    ]
    cast = sum(count for _label, count in counts)
    rows: list[dict[str, Any]] = [{"label": label, "value": str(n)} for label, n in counts]
    return [*rows, {"label": _("Votes cast"), "value": str(cast), "total": True}]


def next_steps(case: Case) -> list[dict[str, Any]]:
    """After a vote: what comes, when, and who does it. The same for every juror."""
    numbers = {"seats": case.panel_size, "quorum": case.quorum}
    extra = _("It has been extended once.") if case.status == Status.EXTENDED else ""
    text = _(
        "%(seats)s seats. At least %(quorum)s jurors must vote; if strictly more support than do"
        " not, the decision is overturned."
    )
    return [
        {
            "title": _("The vote closes"),
            "status": "now",
            "on": case.closes_at,
            "when": moment(case.closes_at),
            "text": f"{text % numbers} {extra}".strip(),
        },
        {
            "title": _("The result is shown"),
            "status": "later",
            "icon": "scale",
            "when": _("Within minutes of the close; you get a message"),
            "text": _("With your receipt you can then see that your vote was counted."),
        },
    ]
