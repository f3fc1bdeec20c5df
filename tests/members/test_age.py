"""Growing too old: told before and after, and the next plan without a new wait."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members import actions, bulk, rules
from members.models import Membership, Notice, Plan
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from tests import make

SIXTY = date(2021, 12, 20)
BORN = date(1961, 12, 20)


def old_age_plan() -> Plan:
    return make.plan(
        code="senior", min_age_years=60, max_age_years=70, leave_undo_days=0, waiting_days=90
    )


def ageing(*, waits: bool = False, born: date = BORN, **joined: Any) -> Membership:
    """Somebody who turns sixty on SIXTY, in a plan that then offers another."""
    make.plan()
    plan = make.plan(next_plan=old_age_plan(), next_plan_waits=waits)
    return make.membership(plan, born=born, **joined)


@pytest.mark.django_db
def test_the_payer_is_told_thirty_days_before_once() -> None:
    membership = ageing()

    early = actions.warn_due(at=clock.midnight(SIXTY - timedelta(days=31)))
    first = actions.warn_due(at=clock.midnight(SIXTY - timedelta(days=30)))
    again = actions.warn_due(at=clock.midnight(SIXTY - timedelta(days=1)))

    assert (early, first, again) == (0, 1, 0)
    facts = Notice.objects.get(account=membership.payer, code="ageing_out_offer").facts
    assert facts["ends_on"] == "2021-12-20"
    assert facts["number"] == membership.number


@pytest.mark.django_db
def test_a_next_plan_that_is_closed_is_not_offered() -> None:
    membership = ageing()
    Plan.objects.filter(code="senior").update(closed_on=SIXTY - timedelta(days=40))

    actions.warn_due(at=clock.midnight(SIXTY - timedelta(days=30)))
    clock.move_to(clock.midnight(SIXTY), frozen=True)
    actions.age_out_due(at=clock.now())

    codes = set(Notice.objects.filter(account=membership.payer).values_list("code", flat=True))
    assert {"ageing_out", "aged_out"} <= codes
    assert not codes & {"ageing_out_offer", "aged_out_offer"}


@pytest.mark.django_db
def test_a_birthday_on_29_february_ends_on_1_march_in_other_years() -> None:
    ageing(born=date(1964, 2, 29))
    common = make.membership(make.plan(max_age_years=60), born=date(1964, 2, 29))

    actions.warn_due(at=clock.midnight(date(2024, 2, 10)))
    actions.warn_due(at=clock.midnight(date(2025, 2, 10)))

    leap = Notice.objects.get(code="ageing_out_offer").facts["ends_on"]
    other = Notice.objects.get(account=common.payer, code="ageing_out").facts["ends_on"]
    assert (leap, other) == ("2024-02-29", "2025-03-01")


@pytest.mark.django_db
def test_the_next_plan_goes_on_without_a_new_wait() -> None:
    membership = ageing()
    actions.age_out_due(at=clock.midnight(SIXTY))

    made = make.membership(
        Plan.objects.get(code="senior"),
        joined=datetime(2021, 12, 25, 9, tzinfo=SHANGHAI),
        member=membership.member,
    )

    assert made.continues == Membership.objects.get(pk=membership.pk)
    assert made.covered_from == date(2021, 12, 25)


@pytest.mark.django_db
def test_days_already_waited_count_and_no_more() -> None:
    membership = ageing(joined=datetime(2021, 12, 1, 9, tzinfo=SHANGHAI))
    actions.age_out_due(at=clock.midnight(SIXTY))

    made = make.membership(
        Plan.objects.get(code="senior"),
        joined=datetime(2021, 12, 25, 9, tzinfo=SHANGHAI),
        member=membership.member,
    )

    assert made.covered_from == membership.covered_from == date(2022, 3, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(("waits", "days"), [(True, 5), (False, 31)])
def test_one_waits_anew_where_the_rules_say_so_or_the_time_is_over(waits: bool, days: int) -> None:
    membership = ageing(waits=waits)
    actions.age_out_due(at=clock.midnight(SIXTY))
    joined = clock.midnight(SIXTY + timedelta(days=days))

    made = make.membership(Plan.objects.get(code="senior"), joined=joined, member=membership.member)

    assert made.covered_from == SIXTY + timedelta(days=days + 90)
    assert (made.continues is None) == (not waits)


@given(
    born=st.dates(date(1930, 1, 1), date(2020, 12, 31)),
    on=st.dates(date(2021, 1, 1), date(2099, 12, 31)),
    age=st.integers(1, 120),
)
def test_the_index_finds_exactly_whoever_is_old_enough(born: date, on: date, age: int) -> None:
    assert (born <= bulk.born_by(age, on)) == (born <= on and rules.age_on(born, on) >= age)
