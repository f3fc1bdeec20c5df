"""“Not sure” goes to a reviewer, whose written answer binds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from members import actions
from members.actions import prechecks
from members.models import Account, Membership, Notice, PreCheck
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db
STORY = "体检说甲状腺有结节，二级，医生让一年后复查。"
REPLY = "二级结节、一年复查，不影响加入；复查结果请保存好。"


def asked(code: str = "lumps") -> PreCheck:
    """Somebody who is not sure of one question, and has described it."""
    member, plan = make.member(), make.plan()
    make.answers(member, plan, **{code: "unsure"})
    return actions.ask_precheck(
        member_id=member.pk, plan_id=plan.pk, code=code, story=STORY,
        by=make.guardian(member), at=make.NOON,
    )  # fmt: skip


def ruled(precheck: PreCheck, ruling: str = "no", by: Account | None = None) -> PreCheck:
    return actions.answer_precheck(
        precheck_id=precheck.pk, ruling=ruling, reply=REPLY,
        by=by or make.staff("reviewer"), at=make.NOON,
    )  # fmt: skip


def join(precheck: PreCheck) -> Membership:
    return actions.join(
        member_id=precheck.member_id, plan_id=precheck.plan_id, by=precheck.asked_by, at=make.NOON
    )


def test_a_ruling_of_no_lets_them_join_and_stays_with_the_declaration() -> None:
    precheck = ruled(asked())

    membership = join(precheck)

    precheck.refresh_from_db()
    assert precheck.declaration == membership.declaration
    told = Notice.objects.filter(account=precheck.asked_by).values_list("code", flat=True)
    assert {"precheck_asked", "precheck_counts_as_no"} <= set(told)


def test_a_ruling_of_yes_binds_also_who_answers_no_afterwards(english: None) -> None:
    precheck = ruled(asked(), "yes")
    by = precheck.asked_by
    actions.save_answer(
        member_id=precheck.member_id, plan_id=precheck.plan_id, code="lumps", answer="no",
        by=by, at=make.NOON,
    )  # fmt: skip

    with pytest.raises(Invalid, match="health requirement"):
        join(precheck)


def test_a_later_ruling_of_the_same_question_takes_the_place_of_the_first() -> None:
    first = ruled(asked(), "yes")
    with pytest.raises(NotNow):
        actions.ask_precheck(
            member_id=first.member_id, plan_id=first.plan_id, code="lumps", story=STORY,
            by=first.asked_by, at=make.NOON + timedelta(days=29),
        )  # fmt: skip
    again = actions.ask_precheck(
        member_id=first.member_id, plan_id=first.plan_id, code="lumps", story=STORY,
        by=first.asked_by, at=make.NOON + timedelta(days=30),
    )  # fmt: skip
    actions.answer_precheck(
        precheck_id=again.pk, ruling="no", reply=REPLY, by=make.staff("reviewer"),
        at=make.NOON + timedelta(days=31),
    )  # fmt: skip

    again.refresh_from_db()
    assert join(first).declaration == PreCheck.objects.get(pk=again.pk).declaration


def test_a_question_that_was_answered_otherwise_waits_for_nobody_after_joining() -> None:
    precheck = asked()
    actions.save_answer(
        member_id=precheck.member_id, plan_id=precheck.plan_id, code="lumps", answer="no",
        by=precheck.asked_by, at=make.NOON,
    )  # fmt: skip

    membership = join(precheck)

    precheck.refresh_from_db()
    assert precheck.withdrawn_at == make.NOON
    assert list(prechecks.waiting_for(make.staff("reviewer"))) == []
    actions.correct_declaration(
        membership_id=membership.pk, code="lumps", answer="unsure", since="before", story=STORY,
        by=membership.payer, at=make.NOON,
    )  # fmt: skip
    assert PreCheck.objects.filter(question=precheck.question, kind="correction").exists()


def test_a_ruling_of_yes_does_not(english: None) -> None:
    precheck = ruled(asked(), "yes")

    with pytest.raises(Invalid, match="health requirement"):
        join(precheck)


def test_while_it_waits_one_does_not_join(english: None) -> None:
    with pytest.raises(Invalid, match="not sure"):
        join(asked())


def test_a_ruling_answers_its_question_alone() -> None:
    precheck = ruled(asked("lumps"))
    make.answers(precheck.member, precheck.plan, lumps="unsure", medicine="unsure")

    with pytest.raises(Invalid):
        join(precheck)


def test_a_ruling_is_used_for_one_declaration() -> None:
    precheck = ruled(asked())
    membership = join(precheck)
    actions.undo_join(membership_id=membership.pk, by=membership.payer, at=make.NOON)
    make.answers(precheck.member, precheck.plan, lumps="unsure")

    with pytest.raises(Invalid):
        join(precheck)


def test_it_is_answered_once() -> None:
    precheck = ruled(asked())

    with pytest.raises(NotNow):
        ruled(precheck, "yes")


def test_nobody_rules_on_their_own_family() -> None:
    reviewer = make.staff("reviewer")
    member, plan = make.member(reviewer), make.plan()
    make.answers(member, plan, lumps="unsure")
    precheck = actions.ask_precheck(
        member_id=member.pk, plan_id=plan.pk, code="lumps", story=STORY, by=reviewer, at=make.NOON
    )

    with pytest.raises(Forbidden):
        ruled(precheck, by=reviewer)


def test_only_reviewers_rule() -> None:
    with pytest.raises(Forbidden):
        ruled(asked(), by=make.staff("finance"))


def test_a_reply_has_reasons() -> None:
    with pytest.raises(Invalid) as refusal:
        actions.answer_precheck(
            precheck_id=asked().pk, ruling="no", reply="可以。",
            by=make.staff("reviewer"), at=make.NOON,
        )  # fmt: skip

    assert refusal.value.field == "reply"


def test_a_question_is_asked_once_at_a_time_and_can_be_taken_back() -> None:
    precheck = asked()
    again: dict[str, Any] = {
        "member_id": precheck.member_id, "plan_id": precheck.plan_id, "code": "lumps",
        "story": STORY, "by": precheck.asked_by, "at": make.NOON,
    }  # fmt: skip

    with pytest.raises(NotNow):
        actions.ask_precheck(**again)
    actions.withdraw_precheck(precheck_id=precheck.pk, by=precheck.asked_by, at=make.NOON)

    assert actions.ask_precheck(**again).pk != precheck.pk


@pytest.mark.parametrize(
    ("at", "last_day"),
    [
        ("2021-12-01 12:00", "2021-12-06"),  # Wednesday: Thursday, Friday, Monday
        ("2021-12-03 23:59", "2021-12-08"),  # Friday
        ("2021-12-04 09:00", "2021-12-08"),  # Saturday
        ("2021-11-29 00:00", "2021-12-02"),  # Monday
    ],
)
def test_the_answer_comes_by_the_end_of_the_third_working_day(at: str, last_day: str) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)

    due = prechecks.due(instant)

    assert (due - timedelta(microseconds=1)).date().isoformat() == last_day


def test_what_was_asked_and_answered_is_sealed_and_opens_for_the_family() -> None:
    precheck = ruled(asked())

    story, reply = (
        actions.open_precheck(
            precheck_id=precheck.pk, part=part, by=precheck.asked_by, why="own", at=make.NOON
        )
        for part in ("story", "reply")
    )

    assert (story, reply) == (STORY, REPLY)
    assert STORY.encode() not in bytes(precheck.story_sealed)


def test_an_answer_is_whole_in_the_database() -> None:
    precheck = asked()

    with pytest.raises(IntegrityError, match="precheck_answer_whole"), connection.cursor() as sql:
        sql.execute("UPDATE members_precheck SET ruling = 'no' WHERE id = %s", [precheck.pk])
