"""A correction of what was declared: kept, judged where it may change the cover, objected to."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from members import actions, declared, places
from members.declared import Effect
from members.models import (
    AccessRecord,
    Account,
    Declaration,
    Membership,
    Notice,
    PreCheck,
)
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db
STORY = "去年三月在县医院查出甲状腺结节，医生说半年后复查。"


def correct(membership: Membership, **changed: Any) -> Declaration:
    given: dict[str, Any] = {
        "code": "lumps",
        "answer": "yes",
        "since": "before",
        "story": STORY,
        "by": membership.payer,
        "at": clock.now(),
    } | changed
    return actions.correct_declaration(membership_id=membership.pk, **given)


def rule(review: PreCheck, ruling: str, by: Account | None = None) -> Account:
    """What a reviewer's answer writes, and what follows from it."""
    by, at = by or make.staff("reviewer"), clock.now()
    where = places.precheck_reply(review.pk)
    review.reply_sealed = actions.seal(member_id=review.member_id, text="看过了。", where=where)
    review.ruling, review.answered_by, review.answered_at = ruling, by, at
    review.save()
    actions.after_correction_ruling(precheck=review, by=by, at=at)
    return by


def answers(declaration: Declaration) -> dict[str, str]:
    by = declaration.declared_by
    return actions.open_declaration(
        declaration_id=declaration.pk, by=by, why="own", at=clock.now()
    )  # fmt: skip


def codes() -> list[str]:
    found = Notice.objects.exclude(code__in=["joined"]).order_by("pk")
    return list(found.values_list("code", flat=True))


# --- what is kept


def test_a_correction_is_a_later_declaration_and_the_first_stays() -> None:
    membership = make.membership()
    before = bytes(membership.declaration.answers_sealed)

    later = correct(membership, since="after")

    said = answers(later)
    assert later.kind == "correction"
    assert declared.only_answers(said)["lumps"] == "yes"
    assert declared.only_answers(said)["cancer"] == "no"
    assert (declared.note(said, "since"), declared.note(said, "story")) == ("after", STORY)
    first = Declaration.objects.get(pk=membership.declaration_id)
    assert bytes(first.answers_sealed) == before
    assert bytes(later.digest) == places.digest(membership.member_id, places.written(said))


def test_nothing_of_it_lies_open() -> None:
    membership = make.membership()

    later = correct(membership)

    review = PreCheck.objects.get()
    for sealed in (later.answers_sealed, review.story_sealed):
        assert "甲状腺".encode() not in bytes(sealed)
    facts = json.dumps(list(Notice.objects.values_list("facts", flat=True)), ensure_ascii=False)
    assert "甲状腺" not in facts
    assert membership.member.name not in facts


def test_reading_what_stood_before_is_recorded_as_the_familys_own() -> None:
    membership = make.membership()

    correct(membership)

    record = AccessRecord.objects.get(what="declaration")
    assert (record.by, record.why) == (membership.payer, "own")


def test_a_second_correction_stands_on_the_first() -> None:
    membership = make.membership()
    correct(membership, since="after")

    second = correct(membership, code="hospital", since="after")

    stands = declared.only_answers(answers(second))
    assert (stands["lumps"], stands["hospital"], stands["cancer"]) == ("yes", "yes", "no")


# --- what it changes


@pytest.mark.parametrize(
    ("answer", "since", "effect"),
    [
        ("yes", "after", Effect.NONE),
        ("unsure", "after", Effect.NONE),
        ("no", "after", Effect.NONE),
        ("no", "before", Effect.NONE),
        ("yes", "before", Effect.REVIEW),
        ("unsure", "before", Effect.REVIEW),
    ],
)
def test_only_what_was_so_on_joining_is_judged(answer: str, since: str, effect: Effect) -> None:
    assert declared.effect(answer, since) == effect


def test_what_began_after_joining_changes_nothing() -> None:
    membership = make.membership()

    correct(membership, since="after")

    membership.refresh_from_db()
    assert membership.ended_at is None
    assert not PreCheck.objects.exists()
    assert codes() == ["correction_kept"]


def test_what_was_so_on_joining_is_put_before_a_reviewer() -> None:
    membership = make.membership()

    later = correct(membership)

    review = PreCheck.objects.get()
    assert (review.kind, review.declaration) == ("correction", later)
    assert (review.plan, review.question.code) == (membership.plan, "lumps")
    assert clock.day(review.due_at - timedelta(microseconds=1)) == date(2021, 12, 11)
    assert Notice.objects.get(code="correction_in_review").facts["due_on"] == "2021-12-11"


def test_counts_as_no_and_the_cover_stays() -> None:
    membership = make.membership()
    correct(membership)

    rule(PreCheck.objects.get(), "no")

    membership.refresh_from_db()
    assert membership.ended_at is None
    assert codes() == ["correction_in_review", "correction_counts_as_no"]


def test_counts_as_yes_and_the_membership_ends_with_the_way_to_object() -> None:
    membership = make.membership()
    correct(membership)

    rule(PreCheck.objects.get(), "yes")

    membership.refresh_from_db()
    assert (membership.end_reason, membership.ended_at) == ("not_met", make.NOON)
    assert codes() == ["correction_in_review", "membership_ended_not_met"]


def test_a_ruling_after_the_member_has_left_ends_nothing_twice() -> None:
    membership = make.membership()
    correct(membership)
    Membership.objects.filter(pk=membership.pk).update(ended_at=make.NOON, end_reason="left")

    rule(PreCheck.objects.get(), "yes")

    membership.refresh_from_db()
    assert membership.end_reason == "left"


# --- objecting


def ended(**person: Any) -> tuple[Membership, PreCheck, Account]:
    membership = make.membership(**person)
    correct(membership)
    review = PreCheck.objects.get()
    return membership, review, rule(review, "yes")


def objection(membership: Membership, review: PreCheck, **changed: Any) -> PreCheck:
    given: dict[str, Any] = {"story": STORY, "by": membership.payer, "at": clock.now()} | changed
    return actions.object_to_ruling(precheck_id=review.pk, **given)


def test_another_reviewer_answers_an_objection() -> None:
    membership, review, reviewer = ended()

    second = objection(membership, review)

    assert (second.declaration, second.question) == (review.declaration, review.question)
    with pytest.raises(Forbidden):
        rule(second, "yes", by=reviewer)


def test_an_objection_that_holds_leaves_no_gap() -> None:
    membership, review, _reviewer = ended()
    clock.move_to(make.NOON + timedelta(days=5), frozen=True)

    rule(objection(membership, review), "no")

    membership.refresh_from_db()
    assert (membership.ended_at, membership.end_reason) == (None, None)
    assert codes()[-1] == "correction_counts_as_no"


def test_an_objection_that_does_not_hold_is_told() -> None:
    membership, review, _reviewer = ended()

    second = objection(membership, review)
    rule(second, "yes")

    assert codes()[-1] == "objection_not_met"
    assert not declared.can_object(second, clock.now())


def test_one_objects_once_and_in_time() -> None:
    membership, review, _reviewer = ended()
    until = make.NOON + timedelta(days=30)

    assert declared.can_object(review, until - timedelta(seconds=1))
    assert not declared.can_object(review, until)
    objection(membership, review)
    with pytest.raises(NotNow):
        objection(membership, review)


def test_nobody_objects_for_another_family() -> None:
    membership, review, _reviewer = ended()

    with pytest.raises(Forbidden):
        objection(membership, review, by=make.account())


# --- what is refused


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"answer": "perhaps"}, "answer"),
        ({"answer": "no"}, "answer"),
        ({"since": ""}, "since"),
        ({"story": "  "}, "story"),
        ({"story": "长" * 2001}, "story"),
        ({"code": "shoe_size"}, "code"),
    ],
)
def test_what_is_missing_is_named(changed: dict[str, str], field: str) -> None:
    membership = make.membership()

    with pytest.raises(Invalid) as refusal:
        correct(membership, **changed)

    assert refusal.value.field == field
    assert not Declaration.objects.filter(kind="correction").exists()


def test_nobody_corrects_for_another_family() -> None:
    membership = make.membership()

    with pytest.raises(Forbidden):
        correct(membership, by=make.account())


def test_a_question_that_a_reviewer_has_waits_for_the_answer() -> None:
    membership = make.membership()
    correct(membership, answer="unsure")

    with pytest.raises(NotNow):
        correct(membership, answer="yes")


def test_an_ended_membership_is_not_corrected() -> None:
    membership, _review, _reviewer = ended()

    with pytest.raises(NotNow):
        correct(membership, code="hospital")


def test_the_same_question_in_two_plans_is_corrected_in_one() -> None:
    membership = make.membership()
    other = make.membership(make.plan(code="second"), member=membership.member)

    correct(membership, since="after")

    (later,) = declared.corrections(other)
    assert not declared.is_of(answers(later), other)
    assert correct(other, since="after") != later
