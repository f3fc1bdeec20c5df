"""The juror exam: six questions, graded on the server, with a wait after a failure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from jury import actions, reference
from jury.models import ExamAttempt, ExamQuestion, Juror
from members.models import Account, Member
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def candidate(**person: Any) -> Account:
    return make.guardian(make.membership(born=date(1980, 3, 3), **person).member)


def test_there_are_three_questions_a_topic_each_complete_in_both_languages() -> None:
    assert reference.ensure_questions() >= 18
    assert reference.ensure_questions() == ExamQuestion.objects.count()

    topics = list(ExamQuestion.objects.values_list("topic", flat=True))
    assert set(topics) == set(reference.TOPICS)
    assert all(topics.count(topic) >= 3 for topic in topics)
    for question in ExamQuestion.objects.all():
        assert len(question.options_zh) == len(question.options_en) > question.right
        texts = [question.text_zh, question.text_en]
        assert all([*texts, question.explanation_zh, question.explanation_en])


def test_the_right_answers_do_not_all_stand_in_one_place() -> None:
    reference.ensure_questions()

    rights = list(ExamQuestion.objects.values_list("right", flat=True))

    assert max(rights.count(place) for place in set(rights)) <= len(rights) // 2


def test_an_exam_asks_six_questions_of_six_topics() -> None:
    reference.ensure_questions()

    attempt = actions.begin_exam(by=candidate(), at=make.NOON)

    topics = ExamQuestion.objects.filter(pk__in=attempt.questions).values_list("topic", flat=True)
    assert len(set(topics)) == len(attempt.questions) == 6


def test_six_right_answers_make_a_juror() -> None:
    by = candidate()

    attempt = make.pass_exam(by)

    assert attempt.passed
    juror = Juror.objects.get(account=by)
    assert (juror.certified_at, juror.member) == (make.NOON, by.household.get().member)


def test_five_right_answers_do_not() -> None:
    by = candidate()

    attempt = make.pass_exam(by, wrong=1)

    assert attempt.passed is False
    assert not Juror.objects.exists()


def test_after_a_failure_one_waits_an_hour_then_two() -> None:
    by = candidate()
    make.pass_exam(by, wrong=1)

    clock.move_to(make.NOON + timedelta(minutes=59), frozen=True)
    with pytest.raises(NotNow, match="13:00"):
        actions.begin_exam(by=by, at=clock.now())
    clock.move_to(make.NOON + timedelta(hours=1), frozen=True)
    make.pass_exam(by, wrong=2)

    clock.move_to(make.NOON + timedelta(hours=2, minutes=59), frozen=True)
    with pytest.raises(NotNow, match="15:00"):
        actions.begin_exam(by=by, at=clock.now())
    clock.move_to(make.NOON + timedelta(hours=3), frozen=True)
    assert make.pass_exam(by).passed


def test_the_next_exam_asks_other_questions() -> None:
    by = candidate()
    first = make.pass_exam(by, wrong=1)
    clock.move_to(make.NOON + timedelta(hours=1), frozen=True)

    second = actions.begin_exam(by=by, at=clock.now())

    assert not set(first.questions) & set(second.questions)


def test_an_exam_that_is_under_way_goes_on() -> None:
    reference.ensure_questions()
    by = candidate()
    first = actions.begin_exam(by=by, at=make.NOON)
    actions.save_answer(attempt_id=first.pk, place=2, answer=1, by=by, at=make.NOON)

    again = actions.begin_exam(by=by, at=make.NOON)

    assert again.pk == first.pk
    assert again.answers == [None, None, 1, None, None, None]


def test_an_exam_is_handed_in_complete_and_once() -> None:
    reference.ensure_questions()
    by = candidate()
    attempt = actions.begin_exam(by=by, at=make.NOON)

    with pytest.raises(Invalid, match="all six"):
        actions.answer_exam(attempt_id=attempt.pk, answers=[0] * 5, by=by, at=make.NOON)
    with pytest.raises(Invalid, match="Choose one"):
        actions.answer_exam(attempt_id=attempt.pk, answers=[9] * 6, by=by, at=make.NOON)
    actions.answer_exam(attempt_id=attempt.pk, answers=[0] * 6, by=by, at=make.NOON)
    with pytest.raises(NotNow, match="handed in"):
        actions.answer_exam(attempt_id=attempt.pk, answers=[1] * 6, by=by, at=make.NOON)


def test_nobody_answers_the_exam_of_another() -> None:
    reference.ensure_questions()
    attempt = actions.begin_exam(by=candidate(), at=make.NOON)

    with pytest.raises(Forbidden, match="somebody else"):
        actions.answer_exam(attempt_id=attempt.pk, answers=[0] * 6, by=candidate(), at=make.NOON)


def test_a_new_member_passes_first_and_takes_the_office_on_day_thirty() -> None:
    by = candidate(joined=make.NOON - timedelta(days=10))
    assert make.pass_exam(by).passed
    assert not Juror.objects.exists()

    clock.move_to(make.NOON + timedelta(days=19), frozen=True)
    with pytest.raises(NotNow, match="condition"):
        actions.take_office(by=by, at=clock.now())
    clock.move_to(make.NOON + timedelta(days=20), frozen=True)

    assert actions.take_office(by=by, at=clock.now()).account == by


def test_a_minor_somebody_without_a_member_and_staff_cannot_sit_the_exam() -> None:
    minor = candidate()
    Member.objects.update(birth_on=date(2003, 12, 2))

    for by, sentence in (
        (minor, "18 or older"),
        (make.account(), "Add yourself"),
        (make.staff("adjuster"), "work here"),
    ):
        with pytest.raises(Forbidden, match=sentence):
            actions.begin_exam(by=by, at=make.NOON)
    assert not ExamAttempt.objects.exists()


def test_a_juror_resigns_and_may_come_back_without_another_exam() -> None:
    juror = make.juror()

    actions.resign(by=juror.account, at=make.NOON)
    juror.refresh_from_db()
    assert juror.resigned_at == make.NOON
    with pytest.raises(NotNow, match="not a juror"):
        actions.resign(by=juror.account, at=make.NOON)

    back = actions.take_office(by=juror.account, at=make.NOON)
    assert (back.pk, back.resigned_at) == (juror.pk, None)
