"""A claim falls under the rules in force on the day of first diagnosis."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from claims import actions as claim_actions
from claims import criteria, rules
from claims.states import Status
from members import plans_data
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Invalid
from tests import make

pytestmark = pytest.mark.django_db


def codes(claim: object) -> set[str]:
    return {leaf["code"] for leaf in criteria.leaves(claim_actions.definition(claim))}  # type: ignore[arg-type]


def test_old_terms_for_what_was_diagnosed_before_and_new_ones_after() -> None:
    plan = make.plan()
    before, after = make.membership(plan), make.membership(plan)
    make.new_rules(plan, date(2022, 1, 1), bands=[(0, 59, 5_000_000)])
    clock.move_to(datetime(2022, 2, 1, 9, tzinfo=SHANGHAI), frozen=True)

    old = make.claim(membership=before, diagnosed_on=date(2021, 12, 31))
    new = make.claim(membership=after, diagnosed_on=date(2022, 1, 1))

    assert [rules.benefit_fen(each) for each in (old, new)] == [30_000_000, 5_000_000]
    assert [each.rules.version for each in (old, new)] == ["2019-01", "2022-01"]


def test_a_plan_for_cancer_takes_reports_of_cancer_alone() -> None:
    plan = plans_data.ensure("chronic")
    membership = make.membership(plan)

    with pytest.raises(Invalid) as refusal:
        make.claim(membership=membership, disease="ami")

    assert refusal.value.field == "disease"
    assert rules.diseases(membership.rules) == ["malignant_tumour"]
    assert make.claim(membership=membership).disease == "malignant_tumour"


def test_an_accident_plan_asks_for_the_accident_and_for_no_health() -> None:
    plan = plans_data.ensure("transport")
    membership = make.membership(plan)

    claim = make.claim(membership=membership, disease="transport_accident", accident=True)

    asked = codes(claim)
    assert "accident" in asked
    assert not asked & {"waiting_over", "health_on_joining"}
    ill = make.met_answers(claim) | {"accident": {"answer": "not_met"}}
    assert _result(claim, ill) is criteria.Result.NOT_MET
    assert _result(claim, make.met_answers(claim)) is criteria.Result.MET


def _result(claim: object, answers: dict[str, dict[str, object]]) -> criteria.Result:
    given = {code: criteria.Answer(str(each["answer"])) for code, each in answers.items()}
    tree = claim_actions.definition(claim)  # type: ignore[arg-type]
    return criteria.evaluate(tree, given, clock.today()).result


def test_the_sum_follows_the_severity_that_the_definition_describes() -> None:
    plan = plans_data.ensure("senior")
    people = [make.membership(plan, born=date(1958, 1, 1)) for _one in range(2)]

    severe, mild = [
        make.claim(membership=one, disease=code)
        for one, code in zip(people, ["malignant_tumour", "malignant_tumour_mild"], strict=True)
    ]

    assert [rules.benefit_fen(each) for each in (severe, mild)] == [10_000_000, 5_000_000]


def test_the_sum_rises_with_the_length_of_membership() -> None:
    plan = plans_data.ensure("rising", case_cap_fen=None)
    joined = datetime(2019, 6, 1, 9, tzinfo=SHANGHAI)
    membership = make.membership(plan, joined=joined, born=date(1990, 1, 1))
    begins = membership.covered_from
    clock.move_to(clock.midnight(begins + timedelta(days=365 + 9)), frozen=True)

    claim = make.claim(membership=membership, diagnosed_on=begins + timedelta(days=365))

    assert rules.benefit_fen(claim) == 20_000_000


def test_the_granted_sum_is_that_of_the_terms() -> None:
    plan = plans_data.ensure("rising", case_cap_fen=None)
    membership = make.membership(plan, joined=datetime(2021, 1, 5, 9, tzinfo=SHANGHAI))

    claim = make.claim(Status.GRANTED, membership=membership)

    assert claim.decisions.get(confirmed_at__isnull=False).benefit_fen == 10_000_000
