"""Joining: age, health, rules read, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connection

from members import actions
from members.models import (
    Account,
    Declaration,
    JoinDraft,
    Member,
    Membership,
    Notice,
    Plan,
    RuleConsent,
)
from mutualaid.errors import Forbidden, Invalid, NotNow, Refused
from tests import make

pytestmark = pytest.mark.django_db


def join(member: Member, plan: Plan, by: Account | None = None) -> Membership:
    return actions.join(
        member_id=member.pk, plan_id=plan.pk, by=by or make.guardian(member), at=make.NOON
    )


def test_joining_covers_illness_from_the_ninety_first_day() -> None:
    member, plan = make.member(), make.plan()
    make.answers(member, plan)

    membership = join(member, plan)

    assert membership.covered_from == date(2021, 12, 1) + timedelta(days=90)
    assert membership.payer == make.guardian(member)
    assert membership.number == f"M{membership.pk:09d}"


def test_joining_leaves_a_declaration_a_consent_and_a_notice_and_no_draft() -> None:
    member, plan = make.member(), make.plan()
    make.answers(member, plan)

    membership = join(member, plan)

    answers = actions.open_declaration(
        declaration_id=membership.declaration_id,
        by=make.guardian(member),
        why="own",
        at=make.NOON,
    )
    assert set(answers.values()) == {"no"}
    assert len(answers) == 6
    consent = RuleConsent.objects.get(membership=membership)
    assert (consent.kind, consent.rules) == ("accepted", membership.rules)
    assert Notice.objects.get(account=membership.payer).code == "joined"
    assert not JoinDraft.objects.exists()


@pytest.mark.parametrize("answer", ["yes", "unsure"])
def test_only_no_meets_the_health_requirement(answer: str) -> None:
    member, plan = make.member(), make.plan()
    make.answers(member, plan, medicine=answer)

    with pytest.raises(Invalid):
        join(member, plan)

    assert not Membership.objects.exists()
    assert not Declaration.objects.exists()


def test_an_answer_can_be_changed_before_joining() -> None:
    member, plan = make.member(), make.plan()
    make.answers(member, plan, medicine="yes")
    make.answers(member, plan)

    assert join(member, plan).ended_at is None


def test_an_open_question_is_named_before_joining() -> None:
    member, plan = make.member(), make.plan()
    by = make.guardian(member)
    actions.read_rules(member_id=member.pk, plan_id=plan.pk, by=by, at=make.NOON)

    with pytest.raises(NotNow):
        join(member, plan)


def test_nobody_joins_without_having_read_the_rules() -> None:
    member, plan = make.member(), make.plan()

    with pytest.raises(NotNow):
        join(member, plan)


@pytest.mark.parametrize(
    ("born", "joins"),
    [
        (date(1961, 12, 2), True),  # 60 tomorrow
        (date(1961, 12, 1), False),  # 60 today
        (date(2021, 11, 1), True),  # 30 days old
        (date(2021, 11, 2), False),  # 29 days old
    ],
)
def test_the_age_is_that_of_the_day_of_joining(born: date, joins: bool) -> None:
    member, plan = make.member(born=born), make.plan()
    make.answers(member, plan)

    if joins:
        assert join(member, plan).member == member
    else:
        with pytest.raises(Invalid):
            join(member, plan)


def test_a_member_is_in_a_plan_once() -> None:
    membership = make.membership()

    with pytest.raises(NotNow):
        join(membership.member, membership.plan)


def test_only_the_family_joins_for_a_member() -> None:
    member, plan = make.member(), make.plan()
    make.answers(member, plan)

    with pytest.raises(Forbidden):
        join(member, plan, by=make.account())


@pytest.mark.parametrize("change", [{"answer": "maybe"}, {"code": "shoe size"}])
def test_an_answer_that_was_not_offered_is_refused(change: dict[str, str]) -> None:
    member, plan = make.member(), make.plan()
    words = {"code": "cancer", "answer": "no"} | change

    with pytest.raises(Invalid):
        actions.save_answer(
            member_id=member.pk, plan_id=plan.pk, by=make.guardian(member), at=make.NOON, **words
        )


@pytest.mark.django_db(transaction=True)
def test_two_connections_joining_at_once_make_one_membership() -> None:
    member, plan, start = make.member(), make.plan(), Barrier(2)
    make.answers(member, plan)

    def try_it(_number: int) -> str:
        start.wait()
        try:
            join(member, plan)
            return "joined"
        except Refused:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, range(2))) == ["joined", "refused"]
    assert Membership.objects.count() == Declaration.objects.count() == 1
