"""A publication in words: the same rows for the page, the PDF and the CSV.

Takes the published content (disclosures/data.py) and never a live table, so that no surface can
show what another does not. Labels are in the active language; figures are whole fen and people.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from disclosures.redact import AMOUNT, FULL, GROUP, GROUPS
from jury.models import Verdict
from members.rules import region_name
from mutualaid.charts import Bars, bars
from mutualaid.money import yuan

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BARS_SHOWN = 8


def in_language(thing: Mapping[str, Any], name: str) -> str:
    """`name_zh` or `name_en` of published content, by the reader's language; Chinese binds."""
    english = (get_language() or "").startswith("en")
    return str((english and thing.get(f"{name}_en")) or thing.get(f"{name}_zh") or "")


def group_name(code: str) -> str:
    """The disease group in the reader's language."""
    return in_language({"group_zh": GROUPS[code].zh, "group_en": GROUPS[code].en}, "group")


def page(content: dict[str, Any], settled: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Everything that a rendering of the period needs. `settled`: the figures of the split, once
    there are some; until then the published preview."""
    figures = content["figures"] | dict(settled or {})
    return {
        "content": content,
        "plan": in_language(content["plan"], "name"),
        "number": content["period"],
        "figures": figures,
        "settled": settled is not None,
        "capped_fen": figures["share_fen"] * figures["members"] - figures["charged_fen"],
        "sum": sum_rows(content, figures),
        "amounts": amount_rows(content),
        "cases": cases(content),
        "refused": refused_rows(content),
        "verdicts": verdict_rows(content),
        "published_at": datetime.fromisoformat(content["published_at"]),
        "roster_at": datetime.fromisoformat(content["roster_at"]),
        "split_at": datetime.fromisoformat(content["split_at"]),
    }


def percent(basis_points: int) -> str:
    """Basis points as a person writes them: 800 -> "8%", 750 -> "7.5%"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def sum_rows(content: dict[str, Any], figures: Mapping[str, int]) -> list[dict[str, Any]]:
    """The sum of the period as a child writes it (components/sum_table.html), in yuan."""
    counted = ngettext("%(count)s member", "%(count)s members", figures["cases"])
    carried = figures["benefits_fen"] + figures["fees_fen"] - figures["operator_fen"]
    capped = figures["share_fen"] * figures["members"] - figures["charged_fen"]
    used = carried + capped - figures["pool_fen"]
    rows = [
        _row("", _("Benefits"), figures["benefits_fen"], counted % {"count": figures["cases"]}),
        _row(
            "＋",
            _("Management fee"),
            figures["fees_fen"],
            _("%(percent)s of the benefits") % {"percent": percent(content["fee_bp"])},
        ),
    ]
    if figures["operator_fen"] - capped:
        hint = _("what a case costs above its cap")
        if content["operator_bears"]:
            hint = _("the operator bears this whole period")
        rows.append(_row("－", _("Borne by the operator"), figures["operator_fen"] - capped, hint))
    left = figures["surplus_in_fen"] - used
    hint = _("what rounding up brought in before")
    if left:
        hint = _("%(left)s more stay for later periods") % {"left": yuan(left)}
    rows.append(_row("－", _("Surplus carried in"), used, hint))
    return [*rows, *_shared(figures)]


def _shared(figures: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        _row("＝", _("To be shared by all"), figures["pool_fen"], "", line=True),
        {
            "op": "÷",
            "label": _("Sharing members"),
            "hint": _("counted as the roster was locked"),
            "value": f"{figures['members']:,}",
        },
        _row(
            "＝",
            _("Each member"),
            figures["share_fen"],
            _("a part of a fen is rounded up to a fen"),
            total=True,
        ),
    ]


def _row(op: str, label: str, fen: int, hint: str, **more: bool) -> dict[str, Any]:
    return {"op": op, "label": label, "hint": hint, "value": yuan(fen)} | more


def amount_rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """How many cases of each amount, the largest first, and their sum in yuan."""
    counted = Counter(case["benefit_fen"] for case in content["cases"])
    rows: list[dict[str, Any]] = [
        {
            "label": yuan(fen),
            "hint": ngettext("%(count)s case", "%(count)s cases", count) % {"count": count},
            "value": yuan(fen * count),
        }
        for fen, count in sorted(counted.items(), reverse=True)
    ]
    total = yuan(sum(fen * count for fen, count in counted.items()))
    return [*rows, {"label": _("Together (yuan)"), "value": total, "line": True}]


def cases(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The cases in words, by code. What is not published is an empty text."""
    return [case_row(case) for case in content["cases"]]


def case_row(case: dict[str, Any]) -> dict[str, Any]:
    """One case in words."""
    full = case["level"] == FULL
    group = case.get("disease_group", "")
    return {
        "code": case["code"],
        "level": case["level"],
        "benefit_fen": case["benefit_fen"],
        "fee_fen": case["fee_fen"],
        "cost_fen": case["benefit_fen"] + case["fee_fen"],
        "name": case["surname"] if full else "",
        "age": case["age_band"] if full else "",
        "province": region_name(case["region"], get_language() or "zh") if full else "",
        "joined": case["joined_days"] if full else "",
        "by_jury": full and case["by_jury"],
        "group": group_name(group) if group else "",
        "why": _why(case["level"]),
    }


def _why(level: str) -> str:
    """Why no more is shown, as a sentence."""
    return {
        FULL: "",
        GROUP: _("Fewer than five published cases are alike, so only the illness is named."),
        AMOUNT: _("The member has agreed to publish the amount only."),
    }[level]


def refused_rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The refused cases by disease group and criterion, with counts."""
    return [
        {
            "group": group_name(row["disease_group"]),
            "clause": row["clause"],
            "criterion": in_language(row, "criterion"),
            "count": row["count"],
        }
        for row in content["refused"]["reasons"]
    ]


def verdict_rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """What the juries decided, with the counts of the closed vote."""
    return [
        row
        | {
            "overturned": row["outcome"] == Verdict.Outcome.OVERTURNED,
            "not_cast": row["panel_size"] - row["support"] - row["against"] - row["abstain"],
        }
        for row in content["verdicts"]
    ]


def groups_chart(content: dict[str, Any]) -> Bars:
    """How many cases of each disease group; those whose owners publish the amount only together."""
    unnamed = _("not published")
    counted = Counter(
        group_name(case["disease_group"]) if "disease_group" in case else unnamed
        for case in content["cases"]
    )
    order = sorted(counted.items(), key=lambda row: (row[0] == unnamed, -row[1], row[0]))
    return bars(order[:BARS_SHOWN], rest=unnamed)


def csv_of(content: dict[str, Any]) -> bytes:
    """One row a case, UTF-8 with the mark that spreadsheets look for. No cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
    writer.writerow([_safe(head) for head in _heads()])
    for case in content["cases"]:
        row = case_row(case)
        jury = _("yes") if row["by_jury"] else ""
        cells: Sequence[object] = [
            content["plan"]["code"],
            content["period"],
            row["code"],
            row["name"],
            row["age"],
            row["province"],
            row["group"],
            row["joined"],
            jury,
            row["benefit_fen"],
            row["fee_fen"],
            yuan(row["benefit_fen"]),
        ]
        writer.writerow([_safe(cell) for cell in cells])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _heads() -> list[str]:
    return [
        _("Plan"),
        _("Period"),
        _("Case"),
        _("Member"),
        _("Age"),
        _("Province"),
        _("Disease group"),
        _("Days from joining to diagnosis"),
        _("Granted by the jury"),
        _("Benefit (fen)"),
        _("Fee (fen)"),
        _("Benefit (yuan)"),
    ]


def _safe(cell: object) -> str:
    """Text that a spreadsheet would run as a formula begins with an apostrophe."""
    text = str(cell)
    return f"'{text}" if text.startswith(DANGEROUS) else text
