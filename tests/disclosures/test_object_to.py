"""A member's doubt about a published case, and its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from assessments import actions as assessments
from assessments.models import PeriodCase
from disclosures import actions
from disclosures.models import Disclosure, Objection
from members.models import Account, Notice
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db

GROUNDS = "这一例和去年的一例写得一模一样，请再查一遍。"


def published_case() -> PeriodCase:
    return make.disclosure(cases=2, members=4).period.cases.order_by("code")[0]


def a_member() -> Account:
    return make.guardian(make.membership().member)


def object_to(case: PeriodCase, **changed: Any) -> Objection:
    fields: dict[str, Any] = {"by": None, "grounds": GROUNDS} | changed
    fields["by"] = fields["by"] or a_member()
    return actions.object_to(case_id=case.pk, at=clock.now(), **fields)


def test_a_member_objects_while_the_case_lies_open() -> None:
    case, by = published_case(), a_member()

    objection = object_to(case, by=by, grounds=f"  {GROUNDS} ")

    assert (objection.case, objection.by, objection.grounds) == (case, by, GROUNDS)
    assert objection.at == clock.now()


def test_until_the_last_moment_before_the_split_and_not_at_it() -> None:
    case = published_case()
    first, second = a_member(), a_member()
    closes = case.period.split_at

    clock.move_to(closes - timedelta(microseconds=1), frozen=True)
    object_to(case, by=first)
    clock.move_to(closes, frozen=True)

    with pytest.raises(NotNow):
        object_to(case, by=second)


def test_who_does_not_share_the_cost_cannot_object() -> None:
    case = published_case()

    with pytest.raises(Forbidden):
        object_to(case, by=make.account())


@pytest.mark.parametrize("grounds", ["", "不对", "长" * 2001])
def test_grounds_are_said_in_words_that_can_be_looked_into(grounds: str) -> None:
    case = published_case()

    with pytest.raises(Invalid) as refused:
        object_to(case, grounds=grounds)

    assert refused.value.field == "grounds"


def test_one_objects_once_while_no_answer_has_come() -> None:
    case, by = published_case(), a_member()
    object_to(case, by=by)

    with pytest.raises(NotNow):
        object_to(case, by=by)


def answer(objection: Objection, **changed: Any) -> Objection:
    fields: dict[str, Any] = {"sustained": True, "answer": "确实重复，已经撤下。"} | changed
    fields["by"] = fields.get("by") or make.staff("data_officer")
    return actions.answer_objection(objection_id=objection.pk, at=clock.now(), **fields)


def test_a_sustained_objection_sets_the_case_aside_and_the_next_version_says_so() -> None:
    case = published_case()
    objection = object_to(case)

    answer(objection)
    actions.publish_due(at=clock.now())

    case.refresh_from_db()
    assert case.set_aside_at == clock.now()
    assert Disclosure.objects.latest("version").content["set_aside"] == [case.code]
    assert Notice.objects.filter(account=objection.by, code="objection_sustained").exists()


def test_an_objection_that_does_not_hold_leaves_the_case_and_is_answered() -> None:
    case = published_case()
    objection = object_to(case)

    answer(objection, sustained=False, answer="两例是两个人，材料都在。")

    case.refresh_from_db()
    assert case.set_aside_at is None
    assert actions.publish_due(at=clock.now()) == []
    assert Notice.objects.filter(account=objection.by, code="objection_answered").exists()


def test_an_objection_is_answered_once() -> None:
    objection = object_to(published_case())
    answer(objection, sustained=False)

    with pytest.raises(NotNow):
        answer(objection)


def test_an_answer_has_words() -> None:
    objection = object_to(published_case())

    with pytest.raises(Invalid) as refused:
        answer(objection, answer="  ")

    assert refused.value.field == "answer"


@pytest.mark.parametrize("role", ["adjuster", "reviewer", "finance"])
def test_only_the_data_officer_answers(role: str) -> None:
    objection = object_to(published_case())

    with pytest.raises(Forbidden):
        answer(objection, by=make.staff(role))


def test_once_the_split_has_begun_no_case_is_set_aside() -> None:
    by = a_member()  # before the roster is locked
    case = published_case()
    objection = object_to(case, by=by)
    clock.move_to(case.period.split_at, frozen=True)
    assessments.split_due(at=clock.now())

    with pytest.raises(NotNow):
        answer(objection)

    objection.refresh_from_db()
    assert objection.answered_at is None
