"""The plan and its rules as data."""

from __future__ import annotations

import pytest

from members import reference
from members.models import HealthQuestion, Plan, Rules

pytestmark = pytest.mark.django_db


def test_the_plan_has_the_numbers_of_the_real_one() -> None:
    plan = reference.ensure_plan()

    rules = plan.rules.get()
    assert (rules.waiting_days, rules.fee_bp, rules.case_cap_fen) == (90, 800, 10)
    assert (rules.annual_cap_fen, rules.dissolution_members) == (18_800, 3_300_000)
    bands = list(rules.bands.values_list("from_age", "to_age", "benefit_fen"))
    assert bands == [(0, 39, 30_000_000), (40, 59, 10_000_000)]


def test_a_small_community_has_no_case_cap_and_the_full_jury() -> None:
    rules = reference.ensure_plan(demo=True).rules.get()

    assert (rules.case_cap_fen, rules.dissolution_members) == (None, None)
    assert (rules.panel_size, rules.quorum) == (31, 21)
    assert (rules.voting_hours, rules.extension_hours) == (72, 24)


def test_asking_twice_makes_it_once() -> None:
    first = reference.ensure_plan()

    assert reference.ensure_plan(fee_bp=0) == first
    assert Plan.objects.count() == Rules.objects.count() == 1
    assert HealthQuestion.objects.count() == 6


def test_every_text_stands_in_both_languages() -> None:
    reference.ensure_plan()

    for question in HealthQuestion.objects.all():
        assert all([question.text_zh, question.text_en, question.hint_zh, question.hint_en])
