"""Where the money went: journal entries and published cases, found by what a reader writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from assessments.models import JournalEntry, Payout
from disclosures import report
from disclosures.models import Disclosure
from disclosures.redact import PERIODS_BACK

KINDS = {
    "split": _("Split of a period"),
    "debit": _("Debit of the shares"),
    "advance": _("Advanced by the operator"),
    "late_payment": _("Share paid late"),
    "payout": _("Benefit paid out"),
    "reversal": _("Correction of an entry"),
}
PAGE = 20
CASES_SHOWN = 20
_NUMBER = re.compile(r"(?:第|period)?\s*([0-9]{1,6})\s*期?", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What was asked for: a period's number, or words, and a kind of entry."""

    text: str
    kind: str
    before: int | None

    @classmethod
    def read(cls, query: Any) -> Asked:
        """From the address. What means nothing is left out, never an error."""
        before = str(query.get("before", ""))
        kind = str(query.get("kind", ""))
        return cls(
            text=str(query.get("q", "")).strip()[:60],
            kind=kind if kind in KINDS else "",
            before=int(before) if before.isascii() and before.isdigit() else None,
        )

    @property
    def number(self) -> int | None:
        """The period that the words name, if they name one: "第 70 期", "70"."""
        found = _NUMBER.fullmatch(self.text)
        return int(found[1]) if found else None


def matching(asked: Asked) -> QuerySet[JournalEntry]:
    """The journal entries that the words name, of every kind."""
    if asked.number is not None:
        return JournalEntry.objects.filter(period__number=asked.number)
    if asked.text:
        return JournalEntry.objects.filter(reference__in=_payout_references(asked.text))
    return JournalEntry.objects.all()


def entries(asked: Asked) -> QuerySet[JournalEntry]:
    """One page from the entries asked for, the newest first; `amount_fen` is what each moves."""
    found = matching(asked)
    if asked.kind:
        found = found.filter(kind=asked.kind)
    if asked.before is not None:
        found = found.filter(pk__lt=asked.before)
    return (
        found.select_related("period__plan")
        .annotate(amount_fen=Sum("postings__amount_fen", filter=Q(postings__amount_fen__gt=0)))
        .order_by("-pk")
    )


def kinds(asked: Asked) -> list[tuple[str, int]]:
    """How many entries of each kind the words name."""
    counted = dict(matching(asked).values_list("kind").annotate(Count("pk")).order_by())
    return [(kind, counted[kind]) for kind in KINDS if kind in counted]


def _payout_references(text: str) -> list[str]:
    """The entries of the payouts of the published cases that the words name."""
    codes = [row["code"] for row in cases(text)]
    paid = Payout.objects.filter(case__code__in=codes).values_list("pk", flat=True)
    return [f"payout:{pk}" for pk in paid]


def cases(text: str) -> list[dict[str, Any]]:
    """Published cases of the last periods by code, disease group, surname or province: what is
    published and nothing else. An empty text finds none."""
    if not text:
        return []
    wanted = text.casefold()
    found = []
    for disclosure in recent_disclosures():
        for row in report.cases(disclosure.content):
            shown = f"{row['group']} {row['name']} {row['province']}".casefold()
            if row["code"].casefold() == wanted or wanted in shown:
                found.append(row | {"period": disclosure.period})
    return found[:CASES_SHOWN]


def recent_disclosures() -> list[Disclosure]:
    """The newest version of each of the last periods, the newest period first."""
    latest = Disclosure.objects.latest_versions().values("pk")
    found = Disclosure.objects.filter(pk__in=latest).select_related("period__plan")
    return list(found.order_by("-period_id")[:PERIODS_BACK])


def case_codes(found: list[JournalEntry]) -> dict[int, str]:
    """Of the entries that are payouts, the random code of the case each belongs to."""
    ids = {
        int(entry.reference.partition(":")[2]): entry.pk
        for entry in found
        if entry.kind == "payout"
    }
    pairs = Payout.objects.filter(pk__in=ids).values_list("pk", "case__code")
    return {ids[pk]: code for pk, code in pairs}
