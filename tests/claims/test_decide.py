"""Two reviewers, one definition: what may be proposed, by whom it is confirmed, what it says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from claims import actions
from claims.models import Claim, Decision
from claims.states import Status
from members.models import Account, HouseholdLink, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.roles import ensure_roles
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def propose(claim: Claim, by: Account, *, granted: bool, **changed: Any) -> Decision:
    fields: dict[str, Any] = {
        "clauses": ["附件一 第 1 条"],
        "reason": "依据材料。",
        "would_change": "" if granted else "补交病理报告。",
    } | changed
    return actions.propose(claim_id=claim.pk, granted=granted, by=by, at=clock.now(), **fields)


def answered(claim: Claim, by: Account, **changed: str) -> None:
    answers = make.met_answers(claim, **changed)
    actions.answer_criteria(claim_id=claim.pk, answers=answers, by=by, at=clock.now())


def decision_of(claim: Claim) -> Decision:
    return claim.decisions.latest("pk")


def test_a_second_reviewer_confirms_and_the_family_is_told() -> None:
    claim = make.claim(Status.PROPOSED)

    granted = actions.confirm(
        decision_id=decision_of(claim).pk, by=make.staff("reviewer"), at=clock.now()
    )

    assert granted.status == Status.GRANTED
    assert granted.decided_at == clock.now()
    assert decision_of(claim).benefit_fen == 30_000_000  # 36 years old on the day of diagnosis
    assert Notice.objects.filter(account=claim.filed_by, code="claim_granted").exists()


def test_who_proposed_cannot_confirm() -> None:
    claim = make.claim(Status.PROPOSED)
    decision = decision_of(claim)

    with pytest.raises(Forbidden, match="You proposed this decision"):
        actions.confirm(decision_id=decision.pk, by=decision.proposed_by, at=clock.now())


def test_an_adjuster_who_became_reviewer_does_not_decide_the_case_investigated() -> None:
    claim = make.claim(Status.REVIEWING)
    adjuster = claim.investigation.adjuster
    adjuster.groups.add(ensure_roles()["reviewer"])

    with pytest.raises(Forbidden, match="You have investigated this claim"):
        actions.take(claim_id=claim.pk, by=adjuster, at=clock.now())


def test_staff_do_not_work_on_a_claim_of_their_own_family() -> None:
    claim = make.claim(Status.REVIEWING)
    reviewer = make.staff("reviewer")
    HouseholdLink.objects.create(
        account=reviewer, member=claim.member, relation="parent", made_at=clock.now()
    )

    with pytest.raises(Forbidden, match="your own family"):
        actions.take(claim_id=claim.pk, by=reviewer, at=clock.now())


def test_a_claim_that_somebody_has_is_not_taken_from_them() -> None:
    claim, first = make.claim(Status.REVIEWING), make.staff("reviewer")
    actions.take(claim_id=claim.pk, by=first, at=clock.now())

    with pytest.raises(Forbidden, match=str(first)):
        actions.take(claim_id=claim.pk, by=make.staff("reviewer"), at=clock.now())


def test_nothing_is_granted_while_a_condition_is_open() -> None:
    claim, reviewer = make.claim(Status.REVIEWING), make.staff("reviewer")
    answered(claim, reviewer, **{make.first_condition(claim): "not_shown"})

    with pytest.raises(Invalid, match="cannot be granted"):
        propose(claim, reviewer, granted=True)


def test_nothing_is_refused_when_every_condition_is_met() -> None:
    claim, reviewer = make.claim(Status.REVIEWING), make.staff("reviewer")
    answered(claim, reviewer)

    with pytest.raises(Invalid, match="cannot be refused"):
        propose(claim, reviewer, granted=False)


@pytest.mark.parametrize("missing", ["clauses", "reason", "would_change"])
def test_a_refusal_names_clause_reason_and_what_would_change_it(missing: str) -> None:
    claim, reviewer = make.claim(Status.REVIEWING), make.staff("reviewer")
    answered(claim, reviewer, health_on_joining="not_met")

    with pytest.raises(Invalid) as refused:
        propose(claim, reviewer, granted=False, **{missing: "  "})

    assert refused.value.field == missing
    assert not claim.decisions.exists()


def test_the_decision_keeps_every_condition_as_it_was_answered() -> None:
    claim = make.claim(Status.REFUSED)
    decision = decision_of(claim)
    code = make.first_condition(claim)

    rows = {row["code"]: row for row in decision.table}

    assert decision.failing == [code]
    assert rows[code]["answer"] == "not_shown"
    assert rows[code]["remedy_zh"]
    assert (
        rows["health_on_joining"] | {"part": "general", "answer": "met"}
        == (rows["health_on_joining"])
    )


def test_a_claim_waits_for_the_day_a_condition_sets_and_goes_on_by_itself() -> None:
    claim = make.claim(Status.WAITING)
    assert claim.not_before == date(2022, 1, 30)  # 90 days after 1 November 2021

    clock.move_to(clock.midnight(date(2022, 1, 29)), frozen=True)
    early = actions.resume_due(at=clock.now())
    clock.move_to(clock.midnight(date(2022, 1, 30)), frozen=True)
    resumed = actions.resume_due(at=clock.now())

    claim.refresh_from_db()
    assert (early, resumed) == (0, 1)
    assert claim.status == Status.REVIEWING
    assert claim.owner is not None


def test_nobody_is_refused_while_a_date_can_still_decide() -> None:
    claim = make.claim(Status.REVIEWING, disease="ami")
    reviewer = make.staff("reviewer")
    answers = make.met_answers(claim, enzymes="not_shown")
    answers["lvef"]["since"] = date(2021, 11, 1)
    actions.answer_criteria(claim_id=claim.pk, answers=answers, by=reviewer, at=clock.now())

    with pytest.raises(NotNow, match="cannot be judged before"):
        propose(claim, reviewer, granted=False)


def test_a_proposal_sent_back_returns_to_its_reviewer() -> None:
    claim = make.claim(Status.PROPOSED)
    decision = decision_of(claim)

    back = actions.send_back(
        decision_id=decision.pk, why="条款写错了。", by=make.staff("reviewer"), at=clock.now()
    )

    assert back.status == Status.REVIEWING
    assert back.owner == decision.proposed_by
    with pytest.raises(NotNow):
        actions.confirm(decision_id=decision.pk, by=make.staff("reviewer"), at=clock.now())


def test_the_next_claim_is_the_one_due_first_that_this_person_may_take() -> None:
    plan = make.plan()
    own = make.claim(Status.REVIEWING, plan=plan)
    reviewer = make.staff("reviewer")
    HouseholdLink.objects.create(
        account=reviewer, member=own.member, relation="spouse", made_at=clock.now()
    )
    other = make.claim(Status.REVIEWING, plan=plan)

    taken = actions.take_next(by=reviewer, at=clock.now())

    assert taken is not None
    assert taken.pk == other.pk
    assert actions.take_next(by=reviewer, at=clock.now()) is None


def test_a_review_can_go_back_to_the_adjuster() -> None:
    claim = make.claim(Status.REVIEWING)
    adjuster = claim.investigation.adjuster

    back = actions.investigate_again(
        claim_id=claim.pk, why="请再到医院核对日期。", by=make.staff("reviewer"), at=clock.now()
    )

    assert (back.status, back.owner) == (Status.INVESTIGATING, adjuster)
    again = actions.finish_investigation(
        claim_id=claim.pk, report="日期核对无误。", by=adjuster, at=clock.now()
    )
    assert again.status == Status.REVIEWING
