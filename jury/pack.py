"""What jurors read, frozen as data when voting opens: both languages, no name, number or hospital.

Reads loaded rows of claims; writes nothing. Whatever is not named here stays with the claim.
"""

from __future__ import annotations

from typing import Any

from claims import criteria
from claims import rules as claim_rules
from claims.models import Appeal, Claim, Decision
from claims.rules import benefit_fen
from members.rules import age_on
from mutualaid import clock


def freeze(appeal: Appeal, *, claimant_first: bool) -> dict[str, Any]:
    """The pack of a case. `claimant_first`: which side is shown first, decided by lot.

    question: one sentence in both languages; clauses: the disputed conditions as the rules say
    them; sides: the claimant's statement as written and the reviewer's reason; table: every
    condition with its answer; facts: codes with values; rules, norm, disease.
    """
    claim, decision = appeal.claim, appeal.decision
    names = criteria.load(claim.rules.norm, claim.disease)
    units = _units(claim)
    disputed = [row for row in decision.table if row["code"] in decision.failing]
    return {
        "question": _question(names, disputed),
        "disease": {"zh": names["name_zh"], "en": names["name_en"]},
        "rules": claim.rules.version,
        "clauses": [_clause(row) for row in disputed],
        "named_clauses": list(decision.clauses),
        "sides": _sides(appeal, decision, claimant_first),
        "would_change": decision.would_change,
        "table": [_row(row, decision, units) for row in decision.table],
        "facts": _facts(claim),
    }


def _question(names: dict[str, Any], disputed: list[dict[str, Any]]) -> dict[str, str]:
    zh = "；".join(_text(row, "zh").rstrip("。") for row in disputed)
    en = "; ".join(_text(row, "en").rstrip(".") for row in disputed)
    return {
        "zh": f"申请{names['name_zh']}的互助金，这一条满足了吗：{zh}？",
        "en": f"Help is asked for {names['name_en']}. Is this met: {en}?",
    }


def _text(row: dict[str, Any], language: str) -> str:
    """The condition; of an exclusion, that it must not apply."""
    must_not = {"zh": "不能有：", "en": "This must not apply: "}[language]
    text = str(row[f"text_{language}"])
    return f"{must_not}{text}" if row.get("negated") else text


def _clause(row: dict[str, Any]) -> dict[str, str]:
    return {
        "code": row["code"],
        "clause": row["clause"],
        "text_zh": _text(row, "zh"),
        "text_en": _text(row, "en"),
    }


_OPPOSITE = {"met": "not_met", "not_met": "met"}


def _units(claim: Claim) -> dict[str, dict[str, str]]:
    """The unit of each condition that is measured, in both languages."""
    found = {}
    for leaf in criteria.leaves(claim_rules.definition(claim.rules, claim.disease)):
        measure = leaf.get("measure", {})
        unit = measure.get("unit", "")
        found[leaf["code"]] = {
            "unit_zh": measure.get("unit_zh", unit),
            "unit_en": measure.get("unit_en", unit),
        }
    return found


def _row(
    row: dict[str, Any], decision: Decision, units: dict[str, dict[str, str]]
) -> dict[str, Any]:
    """A line of the table; of an exclusion, "met" says that it does not apply. The name of a paper
    is the claimant's own and stays out."""
    answer = row["answer"]
    kept = {name: row.get(name) for name in ("measured", "paper", "page")}
    return {
        **_clause(row),
        **kept,
        **units.get(row["code"], {"unit_zh": "", "unit_en": ""}),
        "answer": _OPPOSITE.get(answer, answer) if row.get("negated") else answer,
        "disputed": row["code"] in decision.failing,
    }


def _sides(appeal: Appeal, decision: Decision, claimant_first: bool) -> list[dict[str, str]]:
    claimant = {"who": "claimant", "text": appeal.statement}
    reviewer = {"who": "reviewer", "text": decision.reason}
    return [claimant, reviewer] if claimant_first else [reviewer, claimant]


def _facts(claim: Claim) -> list[dict[str, Any]]:
    """Codes with values; the page has the words. Ages in tens of years, time in days."""
    tens = age_on(claim.member.birth_on, claim.diagnosed_on) // 10 * 10
    joined_on = clock.day(claim.membership.joined_at)
    covered = (claim.diagnosed_on - claim.membership.covered_from).days
    return [
        {"code": "benefit_fen", "value": benefit_fen(claim)},
        {"code": "age", "value": f"{tens}–{tens + 9}"},
        {"code": "accident", "value": claim.accident},
        {"code": "days_since_joining", "value": (claim.diagnosed_on - joined_on).days},
        {"code": "days_since_cover", "value": covered},
        {"code": "papers", "value": claim.papers.filter(removed_at__isnull=True).count()},
    ]
