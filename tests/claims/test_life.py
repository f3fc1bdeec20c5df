"""Three refusals after life (domain.md §3b, §4; altered, without names, places or dates)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from claims import actions, criteria
from claims.models import Claim, Decision
from claims.states import Status
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def refused(
    disease: str, answers: dict[str, dict[str, Any]], **words: Any
) -> tuple[Claim, Decision]:
    """The claim investigated, answered that way, refused by two reviewers."""
    claim = make.claim(Status.REVIEWING, disease=disease)
    by, at = make.staff("reviewer"), clock.now()
    given = make.met_answers(claim) | answers
    actions.answer_criteria(claim_id=claim.pk, answers=given, by=by, at=at)
    decision = actions.propose(claim_id=claim.pk, granted=False, by=by, at=at, **words)
    claim = actions.confirm(decision_id=decision.pk, by=make.staff("reviewer"), at=at)
    return claim, decision


def found(decision: Decision, *codes: str) -> list[str]:
    rows = {row["code"]: row["answer"] for row in decision.table}
    return [rows[code] for code in codes]


def test_death_within_a_day_of_a_heart_attack_meets_one_of_four() -> None:
    claim, decision = refused(
        "ami",
        {
            "ecg": {"answer": "not_shown"},
            "enzymes": {"answer": "not_shown"},
            "lvef": {"answer": "not_met"},
        },
        clauses=["附件一 第 2 条：须满足下列至少三项"],
        reason="发病当天去世，没有来得及做心电图；心肌酶要几小时后才升高；90 天后的检查无从做起。",
        would_change="发病当天的心电图，或带采血时间的心肌酶、肌钙蛋白结果。",
    )

    assert claim.status == Status.REFUSED
    assert found(decision, "symptoms", "ecg", "enzymes", "lvef") == [
        "met",
        "not_shown",
        "not_shown",
        "not_met",
    ]
    assert decision.failing == ["ecg", "enzymes"]


def test_the_letter_of_the_heart_attack_shows_the_table_and_the_ways_on(client: Any) -> None:
    claim, decision = refused(
        "ami",
        {
            "ecg": {"answer": "not_shown"},
            "enzymes": {"answer": "not_shown"},
            "lvef": {"answer": "not_met"},
        },
        clauses=["附件一 第 2 条：须满足下列至少三项"],
        reason="发病当天去世。",
        would_change="发病当天的心电图。",
    )
    client.force_login(claim.filed_by)

    text = client.get(f"/claims/{claim.number}/letter/").text

    for row in decision.table:
        assert row["text_zh"] in text
    remedies = [row["remedy_zh"] for row in decision.table if row["code"] in decision.failing]
    assert len(remedies) == 2
    assert all(remedy in text for remedy in remedies)
    assert text.index("附件一 第 2 条") < text.index("发病当天的心电图。")
    assert "2021 年 12 月 31 日" in text  # the last day for an appeal


def test_ninety_six_hours_with_a_gap_of_fifty_minutes_are_refused_appealed_and_upheld() -> None:
    hours = next(
        leaf["code"]
        for leaf in criteria.leaves(criteria.load("2007", "deep_coma"))
        if leaf["kind"] == "duration"
    )
    # 27 h 10 min, off for 50 minutes, then on again: the longest stretch without a gap is 69 h.
    claim, decision = refused(
        "deep_coma",
        {hours: {"answer": "not_met", "measured": Decimal("69.5")}},
        clauses=["附件一 第 12 条：持续使用呼吸机 96 小时以上"],
        reason="中间停用 50 分钟，最长的一段连续使用是 69.5 小时。",
        would_change="证明停用期间仍在机械通气的护理记录。",
    )
    assert decision.failing == [hours]

    appealed = actions.appeal(
        claim_id=claim.pk,
        statement="医生只是换了一次管路，人一直没有离开过抢救。",
        publish_consent=True,
        by=claim.filed_by,
        at=clock.now(),
    )
    upheld = actions.uphold(
        claim_id=claim.pk, verdict={"support": 12, "against": 19}, at=clock.now()
    )

    assert appealed.decision == decision
    assert upheld.status == Status.UPHELD


def test_steroids_for_more_than_thirty_days_before_joining_fail_the_health_requirement() -> None:
    claim, decision = refused(
        "deep_coma",
        {"health_on_joining": {"answer": "not_met"}},
        clauses=["规则 4：加入那天符合健康要求"],
        reason="加入前 2 年内，因皮肌炎连续服用激素超过 30 天。",
        would_change="证明连续服用没有超过 30 天的门诊和购药记录。",
    )

    assert claim.status == Status.REFUSED
    assert decision.failing == ["health_on_joining"]
    assert found(decision, "waiting_over") == ["met"]
    assert claim.due_at == clock.midnight(date(2022, 1, 1))
