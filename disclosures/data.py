"""The exact data of a publication, gathered from the tables; reads only.

One dictionary, written down once as canonical JSON: sorted keys, whole fen, ISO instants of
Asia/Shanghai, no spaces. What may be in it is redact's allowlist; page, PDF, CSV and API show this
and nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from assessments import bulk
from assessments.models import Period, PeriodCase
from claims.models import Claim, Decision
from claims.states import Status
from disclosures import redact
from disclosures.models import Disclosure
from jury.models import Verdict
from members.rules import age_on
from mutualaid import clock

FORMAT = "xiangzhu disclosure 1"
OF_QUOTE = [
    "members",
    "benefits_fen",
    "fees_fen",
    "surplus_in_fen",
    "pool_fen",
    "share_fen",
    "surplus_out_fen",
]


def canonical(content: dict[str, Any]) -> str:
    """The one way in which this content is written down; its digest is of these bytes."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def gather(period: Period, *, before: Disclosure | None, at: datetime) -> dict[str, Any]:
    """The next version of a locked period's publication. The caller holds the period's lock."""
    rules = period.rules
    if rules is None:
        raise ValueError("A period is published after its roster lock, which fixes its rules.")
    cases = published_cases(period)
    return {
        "format": FORMAT,
        "plan": {
            "code": period.plan.code,
            "name_zh": period.plan.name_zh,
            "name_en": period.plan.name_en,
        },
        "period": period.number,
        "version": before.version + 1 if before else 1,
        "replaces": before.sha256 if before else "",
        "published_at": _instant(at),
        "cutoff_at": _instant(period.cutoff_at),
        "roster_at": _instant(period.roster_at),
        "split_at": _instant(period.split_at),
        "rules": rules.version,
        "fee_bp": rules.fee_bp,
        "case_cap_fen": rules.case_cap_fen,
        "operator_bears": period.operator_bears,
        "figures": figures(period) | {"cases": len(cases)},
        "cases": cases,
        "set_aside": list(
            period.cases.filter(set_aside_at__isnull=False)
            .order_by("code")
            .values_list("code", flat=True)
        ),
        "refused": refused(period),
        "verdicts": verdicts(period),
    }


def _instant(instant: datetime) -> str:
    return instant.astimezone(clock.SHANGHAI).isoformat()


def figures(period: Period) -> dict[str, int]:
    """The sum of the period by the same function as the split; whole fen and people."""
    preview = bulk.preview(period)
    of_quote = {name: int(getattr(preview.quote, name)) for name in OF_QUOTE}
    return of_quote | {"charged_fen": preview.charged_fen, "operator_fen": preview.operator_fen}


def published_cases(period: Period) -> list[dict[str, Any]]:
    """The active cases as the public sees them, by their random code."""
    recent = PeriodCase.objects.active().filter(
        period__plan=period.plan_id,
        period__number__lte=period.number,
        period__number__gt=period.number - redact.PERIODS_BACK,
    )
    here = facts(recent.filter(period=period))
    published = facts(recent.filter(period__disclosures__isnull=False).exclude(period=period))
    counted = redact.count_alike([*here, *published])
    return [redact.published(case, counted) for case in here]


def facts(cases: Iterable[PeriodCase]) -> list[redact.Facts]:
    """What the house knows of these cases, by code. `cases` is a query set of PeriodCase."""
    ids = [case.pk for case in cases]
    loaded = (
        PeriodCase.objects.filter(pk__in=ids)
        .select_related("claim__member", "claim__membership")
        .order_by("code")
    )
    by_jury = set(
        Verdict.objects.filter(
            outcome=Verdict.Outcome.OVERTURNED, case__appeal__claim__period_cases__in=ids
        ).values_list("case__appeal__claim_id", flat=True)
    )
    return [_facts(case, by_jury=case.claim_id in by_jury) for case in loaded]


def _facts(case: PeriodCase, *, by_jury: bool) -> redact.Facts:
    claim = case.claim
    joined_on = clock.day(claim.membership.joined_at)
    return redact.Facts(
        code=case.code,
        benefit_fen=case.benefit_fen,
        fee_fen=case.fee_fen,
        name=claim.member.name,
        age=age_on(claim.member.birth_on, claim.diagnosed_on),
        region=claim.member.region,
        disease=claim.disease,
        joined_days=max(0, (claim.diagnosed_on - joined_on).days),
        consent=claim.publish_consent,
        by_jury=by_jury,
    )


def _since(period: Period, back: int) -> datetime | None:
    """The cutoff of the period `back` before this one; None if the plan is younger."""
    earlier = Period.objects.filter(plan=period.plan_id, number=period.number - back)
    return earlier.values_list("cutoff_at", flat=True).first()


def refused(period: Period) -> dict[str, Any]:
    """How many claims were refused in the half-month of this period, and by which criterion."""
    here = _refusals(period, since=_since(period, 1))
    counted = Counter(_refusals(period, since=_since(period, redact.PERIODS_BACK)))
    return {"count": len(here), "reasons": redact.refusals(here, counted)}


def _refusals(period: Period, *, since: datetime | None) -> list[redact.Refusal]:
    decisions = (
        Decision.objects.filter(
            granted=False,
            confirmed_at__isnull=False,
            claim__membership__plan=period.plan_id,
            claim__status__in=[Status.REFUSED, Status.APPEALED, Status.UPHELD],
            claim__decided_at__lt=period.cutoff_at,
        )
        .select_related("claim")
        .order_by("pk")
    )
    if since:
        decisions = decisions.filter(claim__decided_at__gte=since)
    return [_refusal(decision.claim, decision) for decision in decisions]


def _refusal(claim: Claim, decision: Decision) -> redact.Refusal:
    """Words of the definition only: what a reviewer wrote about this claim stays with it."""
    failing = [row for row in decision.table if row["code"] in decision.failing]
    leaf: dict[str, Any] = failing[0] if failing else {}
    return redact.Refusal(
        redact.group_of(claim.disease),
        str(leaf.get("clause", "")),
        str(leaf.get("text_zh", "")),
        str(leaf.get("text_en", "")),
    )


def verdicts(period: Period) -> list[dict[str, Any]]:
    """What the juries of this half-month decided, with the counts of a closed vote."""
    found = Verdict.objects.filter(
        case__appeal__claim__membership__plan=period.plan_id, at__lt=period.cutoff_at
    ).select_related("case")
    since = _since(period, 1)
    if since:
        found = found.filter(at__gte=since)
    return [
        {
            "case": verdict.case.number,
            "outcome": verdict.outcome,
            "why": verdict.why,
            "support": verdict.support,
            "against": verdict.against,
            "abstain": verdict.abstain,
            "panel_size": verdict.case.panel_size,
        }
        for verdict in found.order_by("case__number")
    ]
