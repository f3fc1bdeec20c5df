"""Cases after life (domain.md §3b), altered, without names, places or dates."""

from __future__ import annotations

from typing import Any

import pytest

from claims import actions as claim_actions
from claims.models import Claim
from claims.states import Status as ClaimStatus
from members.models import Plan
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def refused_and_appealed(
    plan: Plan, disease: str, answers: dict[str, Any], reason: str, statement: str
) -> Claim:
    """A claim whose reviewer found all conditions met but for `answers`, before the jury."""
    claim = make.claim(ClaimStatus.REVIEWING, plan=plan, disease=disease)
    work: dict[str, Any] = {"claim_id": claim.pk, "by": make.staff("reviewer"), "at": clock.now()}
    claim_actions.take(**work)
    claim_actions.answer_criteria(answers=make.met_answers(claim) | answers, **work)
    decision = claim_actions.propose(
        granted=False,
        clauses=["规则"],
        reason=reason,
        would_change="补到能证明这一条的记录。",
        **work,
    )
    claim_actions.confirm(decision_id=decision.pk, by=make.staff("reviewer"), at=clock.now())
    claim_actions.appeal(
        claim_id=claim.pk,
        statement=statement,
        publish_consent=True,
        by=make.guardian(claim.member),
        at=clock.now(),
    )
    return claim


def test_ventilation_with_a_gap_of_fifty_minutes_is_refused_and_lost_before_the_jury() -> None:
    claim = refused_and_appealed(
        make.plan(),
        "deep_coma",
        {"life_support_96h": {"answer": "not_met", "measured": 70}},
        "使用记录里停过 50 分钟，最长的一段是 70 小时，没有连续满 96 小时。",
        "停下来的 50 分钟是去做检查，人一直没有醒，前后加起来超过 96 小时。",
    )

    case = make.case(claim=claim)
    assert [row["code"] for row in case.pack["clauses"]] == ["life_support_96h"]
    disputed = [row for row in case.pack["table"] if row["disputed"]]
    assert [(row["answer"], row["measured"]) for row in disputed] == [("not_met", "70")]
    make.ballots(case, support=1, against=2)
    make.close(case)

    claim.refresh_from_db()
    assert claim.status == ClaimStatus.UPHELD
    assert (case.verdict.outcome, case.verdict.why) == ("upheld", "majority")


def test_steroids_before_joining_eighteen_of_thirty_one_against_is_upheld() -> None:
    plan = make.plan(panel_size=31, quorum=21)
    claim = refused_and_appealed(
        plan,
        "deep_coma",
        {"health_on_joining": {"answer": "not_met"}},
        "加入前两年内连续用激素超过 30 天，加入那天不符合健康要求。",
        "这次是摔伤引起的，和以前吃的药没有关系，请大家考虑。",
    )

    case = make.case(claim=claim, panel=31)
    assert [row["code"] for row in case.pack["clauses"]] == ["health_on_joining"]
    make.ballots(case, support=13, against=18)
    make.close(case)

    claim.refresh_from_db()
    assert claim.status == ClaimStatus.UPHELD
    assert (case.verdict.support, case.verdict.against) == (13, 18)
