"""The members counted at a roster lock close a plan that has too few."""

from __future__ import annotations

import pytest

from assessments import actions as assessments
from assessments.models import Period
from assessments.states import Stage
from members.models import Notice, Plan
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("threshold", "closes"), [(4, True), (3, False), (None, False)])
def test_a_lock_with_too_few_members_closes_the_plan(
    threshold: int | None, *, closes: bool
) -> None:
    plan = make.plan(dissolution_members=threshold)

    period = make.period(Stage.LOCKED, plan=plan, members=3, cases=0)

    plan.refresh_from_db()
    assert (period.stage, period.members) == (Stage.LOCKED, 3)
    assert (plan.closed_on == clock.day(period.roster_at)) == closes
    assert Notice.objects.filter(code="plan_closes_below").count() == closes


def test_a_closed_plan_goes_on_to_share() -> None:
    plan = make.plan(dissolution_members=4)

    period = make.period(Stage.SPLIT, plan=plan, members=3, cases=1)

    plan.refresh_from_db()
    assert plan.closed_on is not None
    assert period.stage == Stage.SPLIT
    assert period.charged_fen


def test_a_plan_that_is_being_set_up_has_no_periods() -> None:
    Plan.objects.create(code="x", name_zh="甲", name_en="X", opened_on=clock.today())

    assert assessments.open_periods_due(at=clock.now()) == []
    assert not Period.objects.exists()
