"""The end of a vote: quorum, majority, one extension, and the claim moved in the same breath."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from claims import actions as claim_actions
from claims import rules as claim_rules
from claims.states import Status as ClaimStatus
from jury import actions
from jury.models import Case, Verdict
from jury.states import Status
from members.models import Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def claim_of(case: Case) -> Any:
    claim = case.appeal.claim
    claim.refresh_from_db()
    return claim


def test_a_strict_majority_overturns_and_the_claim_is_granted() -> None:
    case = make.case()
    make.ballots(case, support=2, against=1)

    make.close(case)

    assert case.status == Status.CLOSED
    assert (case.verdict.outcome, case.verdict.why) == ("overturned", "majority")
    claim = claim_of(case)
    assert (claim.status, claim.decided_at) == (ClaimStatus.GRANTED, case.closes_at)
    assert claim_rules.benefit_fen(claim) > 0
    assert claim.events.latest("pk").facts["verdict"]["case"] == case.number


def test_a_majority_against_upholds() -> None:
    case = make.case()
    make.ballots(case, support=1, against=2)

    make.close(case)

    assert claim_of(case).status == ClaimStatus.UPHELD
    assert (case.verdict.support, case.verdict.against, case.verdict.abstain) == (1, 2, 0)


def test_a_tie_leaves_the_first_decision() -> None:
    case = make.case()
    make.ballots(case, support=1, against=1, abstain=1)

    make.close(case)

    assert (case.verdict.outcome, case.verdict.why) == ("upheld", "tie")
    assert claim_of(case).status == ClaimStatus.UPHELD


def test_a_missed_quorum_extends_once_and_then_the_first_decision_stands() -> None:
    case = make.case()
    make.ballots(case, support=1)
    first_end = case.closes_at

    make.close(case)
    assert case.status == Status.EXTENDED
    assert case.closes_at == first_end + timedelta(hours=24)
    assert claim_of(case).due_at == case.closes_at
    assert Notice.objects.filter(code="jury_extended").count() == 3
    assert not Verdict.objects.exists()

    make.close(case)
    assert (case.verdict.outcome, case.verdict.why) == ("upheld", "no_quorum")
    assert claim_of(case).status == ClaimStatus.UPHELD


def test_votes_of_the_extension_count_with_the_earlier_ones() -> None:
    case = make.case()
    make.ballots(case, support=1)
    make.close(case)

    make.ballots(case, support=1)
    make.close(case)

    assert (case.verdict.outcome, case.verdict.support) == ("overturned", 2)


def test_a_late_beat_takes_no_time_from_the_extension() -> None:
    case = make.case()
    late = case.closes_at + timedelta(days=3)
    clock.move_to(late, frozen=True)

    actions.close_due(at=late)

    case.refresh_from_db()
    assert case.closes_at == late + timedelta(hours=24)


def test_nothing_closes_before_its_time() -> None:
    case = make.case()
    make.ballots(case, support=3)
    clock.move_to(case.closes_at - timedelta(microseconds=1), frozen=True)

    assert actions.close_due(at=clock.now()) == []
    assert claim_of(case).status == ClaimStatus.APPEALED


def test_a_case_is_closed_once() -> None:
    case = make.case()
    make.ballots(case, against=3)
    make.close(case)

    assert actions.close_due(at=clock.now()) == []
    assert Verdict.objects.count() == 1


def test_a_crash_in_the_claim_leaves_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make.case()
    make.ballots(case, support=3)

    def crash(**given: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(claim_actions, "overturn", crash)
        with pytest.raises(RuntimeError, match="killed"):
            make.close(case)
    case.refresh_from_db()
    assert case.status == Status.OPEN
    assert not Verdict.objects.exists()

    make.close(case)
    assert claim_of(case).status == ClaimStatus.GRANTED


def test_every_juror_is_told_of_the_result_without_a_number() -> None:
    case = make.case()
    make.ballots(case, against=2)

    make.close(case)

    told = Notice.objects.filter(code="jury_decided")
    assert told.count() == 3
    assert all(set(notice.facts) == {"number", "closes_at"} for notice in told)


def test_a_withdrawn_appeal_ends_the_vote_and_the_refusal_stands() -> None:
    case = make.case()
    make.ballots(case, support=2)
    claimant = make.guardian(case.appeal.claim.member)

    actions.withdraw_case(case_id=case.pk, by=claimant, at=make.NOON)

    case.refresh_from_db()
    assert (case.status, case.closed_at) == (Status.WITHDRAWN, make.NOON)
    assert claim_of(case).status == ClaimStatus.REFUSED
    make.close(case)
    assert not Verdict.objects.exists()


def test_an_appeal_withdrawn_on_the_claims_page_stops_the_vote_at_once() -> None:
    case = make.case()
    claim_actions.withdraw_appeal(
        claim_id=case.appeal.claim_id, by=make.guardian(case.appeal.claim.member), at=make.NOON
    )

    with pytest.raises(NotNow, match="is over"):
        make.ballots(case, support=1)
    assert [ended.pk for ended in actions.close_due(at=make.NOON)] == [case.pk]
    case.refresh_from_db()
    assert case.status == Status.WITHDRAWN


def test_only_the_claimant_withdraws() -> None:
    case = make.case()

    with pytest.raises(Forbidden):
        actions.withdraw_case(case_id=case.pk, by=make.account(), at=make.NOON)

    case.refresh_from_db()
    assert case.status == Status.OPEN
