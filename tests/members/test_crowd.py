"""The demo crowd: many members in sets, as if each had joined by the page."""

from __future__ import annotations

from datetime import date

import pytest
from django.db.models import Count, Min

from members import actions, bulk, rules
from members.models import (
    Account,
    DataKey,
    HouseholdLink,
    IdentityNumber,
    Member,
    Membership,
    RuleConsent,
)
from mutualaid.clock import day
from tests import make

pytestmark = pytest.mark.django_db
DAYS = [date(2021, 3, 1), date(2021, 5, 7), date(2021, 11, 30)]


def crowd(people: int = 400, seed: int = 7) -> bulk.Crowd:
    return bulk.crowd(plan_id=make.plan().pk, joined_on=DAYS, people=people, seed=seed)


def test_as_many_join_as_were_asked_for_with_all_that_joining_leaves() -> None:
    made = crowd()

    assert made.members == 400
    for model in (Member, DataKey, IdentityNumber, HouseholdLink, Membership, RuleConsent):
        assert model.objects.count() == 400
    assert Account.objects.count() == made.accounts < 400
    assert {day(m.joined_at) for m in Membership.objects.all()} == set(DAYS)


def test_some_accounts_pay_for_a_family_and_each_has_one_self() -> None:
    crowd()

    sizes = HouseholdLink.objects.values("account").annotate(n=Count("pk")).values_list("n")
    assert {n for (n,) in sizes} == {1, 2, 3, 4}
    assert HouseholdLink.objects.filter(relation="self").count() == Account.objects.count()


def test_what_the_crowd_sealed_opens_as_if_it_had_been_joined_by_page() -> None:
    crowd(people=20)
    membership = Membership.objects.earliest("pk")

    number = actions.open_id_number(
        member_id=membership.member_id, by=membership.payer, why="own", at=make.NOON
    )
    answers = actions.open_declaration(
        declaration_id=membership.declaration_id, by=membership.payer, why="own", at=make.NOON
    )

    read = rules.check_id_number(number, allow_demo=True)
    assert read.birth_on == membership.member.birth_on
    assert read.sex == membership.member.sex
    assert read.region == membership.member.region
    assert set(answers.values()) == {"no"}


def test_nobody_in_it_can_exist() -> None:
    crowd(people=20)

    for member in Member.objects.all():
        number = actions.open_id_number(
            member_id=member.pk, by=make.account(), why="check", at=make.NOON
        )
        with pytest.raises(ValueError, match=r"region|地区"):
            rules.check_id_number(number, allow_demo=False)


def test_the_same_seed_gives_the_same_people() -> None:
    from members import crowd as invented

    first, again, other = (
        list(invented.families(people=50, joined_on=DAYS, seed=seed)) for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_ages_are_within_the_rules_and_about_the_mean_of_the_real_plan() -> None:
    crowd(people=2000)

    pairs = Membership.objects.values_list("member__birth_on", "joined_at")
    ages = [rules.age_on(born, day(at)) for born, at in pairs]
    assert max(ages) <= 59
    assert 31 <= sum(ages) / len(ages) <= 37
    assert min((day(at) - born).days for born, at in pairs) >= 30
    assert Membership.objects.aggregate(first=Min("covered_from"))["first"] == date(2021, 5, 30)


def test_a_crowd_that_breaks_the_rules_is_not_written() -> None:
    plan = make.plan(max_age_years=40)

    with pytest.raises(bulk.CrowdUnsound):
        bulk.crowd(plan_id=plan.pk, joined_on=DAYS, people=200, seed=7)
