"""Rule changes: announced, compared in words, accepted or met with silence."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pgtrigger
import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.db.models import BooleanField
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from members import actions, bulk, rulebook
from members.models import (
    BenefitBand,
    HealthQuestion,
    Membership,
    Notice,
    Plan,
    QuestionSet,
    RuleConsent,
    Rules,
    TenureStep,
)
from members.rulebook import Half, changes, pieces
from mutualaid import clock
from mutualaid.clock import midnight
from mutualaid.errors import Forbidden, NotNow
from tests import make

pytestmark = pytest.mark.django_db
BEGINS = date(2022, 1, 1)  # 31 days after NOON
BEGAN = midnight(BEGINS)


def accept(membership: Membership, rules: Rules, **changed: Any) -> RuleConsent:
    given: dict[str, Any] = {"by": membership.payer, "at": clock.now()} | changed
    return actions.accept_rules(membership_id=membership.pk, rules_id=rules.pk, **given)


def kinds(membership: Membership, rules: Rules) -> list[str]:
    found = RuleConsent.objects.filter(membership=membership, rules=rules).order_by("pk")
    return list(found.values_list("kind", flat=True))


# --- announcing


def test_a_change_is_announced_to_everybody_in_one_row() -> None:
    rules = make.new_rules(make.plan(), BEGINS)

    notice = Notice.objects.get(code="rules_announced")

    assert (notice.plan, notice.account) == (rules.plan, None)
    assert notice.facts["effective_on"] == "2022-01-01"
    assert notice.facts["days"] == 31


def test_the_first_version_of_a_plan_is_no_change() -> None:
    first = make.plan().rules.get()

    assert actions.announce(rules=first, by=make.account(), at=make.NOON) is None
    assert not Notice.objects.exists()


@pytest.mark.parametrize("days", [0, 29])
def test_a_change_is_not_announced_too_late(days: int) -> None:
    late = clock.day(make.NOON) + timedelta(days=days)
    plan = make.plan()
    rules = plan.rules.get()
    rules.pk, rules.version, rules.effective_on = None, "late", late

    with pytest.raises(NotNow):
        actions.announce(rules=rules, by=make.account(), at=make.NOON)
    with pytest.raises((InternalError, ProgrammingError), match="30 days ahead"):
        make.new_rules(plan, late)


def test_a_change_is_announced_thirty_days_ahead_to_the_day() -> None:
    clock.move_to(midnight(date(2021, 12, 2)) + timedelta(hours=23, minutes=59), frozen=True)

    rules = make.new_rules(make.plan(), BEGINS)

    assert Notice.objects.get(code="rules_announced").facts["days"] == 30
    assert rules.published_at is not None


# --- accepting


def test_a_family_accepts_for_each_of_its_people_once() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)

    first, second = accept(membership, rules), accept(membership, rules)

    assert first == second
    assert (first.by, first.at) == (membership.payer, make.NOON)
    assert kinds(membership, rules) == ["accepted"]


def test_nobody_accepts_for_another_family() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)

    with pytest.raises(Forbidden):
        accept(membership, rules, by=make.account())


def test_what_has_ended_accepts_nothing() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)
    Membership.objects.filter(pk=membership.pk).update(ended_at=make.NOON, end_reason="left")

    with pytest.raises(NotNow):
        accept(membership, rules)


def test_a_draft_another_plans_and_an_old_version_are_not_accepted() -> None:
    membership = make.membership()
    old = membership.rules
    draft = make.plan(code="other").rules.get()
    make.new_rules(membership.plan, BEGINS)
    clock.move_to(BEGAN, frozen=True)

    for rules in (old, draft):
        with pytest.raises(NotNow):
            accept(membership, rules)


def test_who_accepts_after_the_day_was_silent_before() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)
    clock.move_to(BEGAN, frozen=True)

    accept(membership, rules, at=make.NOON)  # the page was opened long before
    actions.rules_due(at=BEGAN)

    assert kinds(membership, rules) == ["accepted", "silent"]
    assert RuleConsent.objects.get(rules=rules, kind="accepted").at == BEGAN


# --- silence


def test_silence_is_written_once_for_who_was_in_and_did_not_answer() -> None:
    silent, answered, gone = make.membership(), make.membership(), make.membership()
    rules = make.new_rules(silent.plan, BEGINS)
    accept(answered, rules)
    actions.leave(membership_id=gone.pk, by=gone.payer, at=make.NOON)
    Membership.objects.filter(pk=gone.pk, ended_at=None).update(
        ended_at=make.NOON, end_reason="left"
    )
    clock.move_to(BEGAN + timedelta(hours=3), frozen=True)
    later = make.membership(joined=BEGAN + timedelta(hours=1))

    assert actions.rules_due(at=clock.now()) == 1
    assert actions.rules_due(at=clock.now()) == 0

    assert kinds(silent, rules) == ["silent"]
    assert kinds(answered, rules) == ["accepted"]
    assert kinds(gone, rules) == []
    assert kinds(later, rules) == ["accepted"]
    assert Notice.objects.filter(code="rules_begun", plan=rules.plan).count() == 1


def test_who_joined_while_it_was_announced_is_asked_too() -> None:
    rules = make.new_rules(make.plan(), BEGINS)
    membership = make.membership(joined=make.NOON + timedelta(days=1))

    clock.move_to(BEGAN, frozen=True)
    actions.rules_due(at=BEGAN)

    assert membership.rules != rules
    assert kinds(membership, rules) == ["silent"]


def test_nothing_is_written_before_the_day() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)
    just_before = BEGAN - timedelta(microseconds=1)
    clock.move_to(just_before, frozen=True)

    assert actions.rules_due(at=just_before) == 0
    assert kinds(membership, rules) == []


def test_the_first_version_is_no_silence() -> None:
    make.membership()

    assert actions.rules_due(at=make.NOON) == 0
    assert not Notice.objects.filter(code="rules_begun").exists()


def test_killed_after_a_part_it_ends_as_if_it_had_not_been(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [make.membership() for _more in range(5)]
    rules = make.new_rules(people[0].plan, BEGINS)
    clock.move_to(BEGAN, frozen=True)
    monkeypatch.setattr("members.actions.rulebook.PART", 2)
    whole, parts = bulk.silence, []

    def killed(**given: Any) -> tuple[int | None, int]:
        parts.append(whole(**given))
        if len(parts) == 2:
            raise KeyboardInterrupt
        return parts[-1]

    monkeypatch.setattr(bulk, "silence", killed)
    with pytest.raises(KeyboardInterrupt):
        actions.rules_due(at=BEGAN)
    monkeypatch.setattr(bulk, "silence", whole)
    told_too_early = Notice.objects.filter(code="rules_begun").exists()
    actions.rules_due(at=BEGAN + timedelta(hours=1))

    assert not told_too_early
    assert [kinds(each, rules) for each in people] == [["silent"]] * 5
    assert Notice.objects.filter(code="rules_begun").count() == 1


@pytest.mark.parametrize(
    ("days_before", "told"), [(15, []), (14, [14]), (9, [14]), (3, [3]), (1, [3])]
)
def test_everybody_is_reminded_fourteen_and_three_days_before(
    days_before: int, told: list[int]
) -> None:
    make.new_rules(make.plan(), BEGINS)
    clock.move_to(BEGAN - timedelta(days=days_before), frozen=True)

    actions.rules_due(at=clock.now())
    actions.rules_due(at=clock.now())

    reminders = Notice.objects.filter(code="rules_reminder")
    assert [notice.facts["step"] for notice in reminders] == told


@pytest.mark.django_db(transaction=True)
def test_an_acceptance_under_way_at_midnight_is_not_overlooked() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, BEGINS)
    clock.move_to(BEGAN - timedelta(seconds=1), frozen=True)
    with transaction.atomic():
        accept(membership, rules)
        clock.move_to(BEGAN, frozen=True)
        writer = threading.Thread(target=_rules_due_alone)
        writer.start()
        writer.join(0.3)
        waits = writer.is_alive()
    writer.join()

    assert waits
    assert kinds(membership, rules) == ["accepted"]


def _rules_due_alone() -> None:
    actions.rules_due(at=BEGAN)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_starters_write_silence_and_tell_once() -> None:
    people = [make.membership() for _more in range(3)]
    rules = make.new_rules(people[0].plan, BEGINS)
    clock.move_to(BEGAN, frozen=True)
    both = [threading.Thread(target=_rules_due_alone) for _one in range(2)]

    for each in both:
        each.start()
    for each in both:
        each.join()

    assert [kinds(each, rules) for each in people] == [["silent"]] * 3
    assert Notice.objects.filter(code="rules_begun").count() == 1


def test_the_terms_of_a_day_are_those_in_force_then() -> None:
    membership = make.membership()
    old, new = membership.rules, make.new_rules(membership.plan, BEGINS)

    assert membership.terms_on(BEGINS - timedelta(days=1)) == old
    assert membership.terms_on(BEGINS) == new


# --- the comparison


def columns() -> set[str]:
    return {field.name for field in Rules._meta.get_fields() if field.concrete}


def test_every_term_has_a_word() -> None:
    assert columns() - rulebook.NO_TERMS == set(rulebook.TERMS)


def test_every_part_of_a_version_is_compared() -> None:
    guarded: set[Any] = {
        model
        for model, trigger in pgtrigger.registered()
        if trigger.name == "parts_of_published_never_change"
    }
    parts = {
        field.get_accessor_name()
        for field in Rules._meta.related_objects
        if field.related_model in guarded
    }

    assert parts == rulebook.PARTS
    assert {f.name for f in BenefitBand._meta.fields} == {
        "id", "rules", "from_age", "to_age", "severity", "benefit_fen"
    }  # fmt: skip
    assert {f.name for f in TenureStep._meta.fields} == {
        "id", "rules", "from_days", "numerator", "denominator"
    }  # fmt: skip


def other(name: str, rules: Rules) -> Any:
    """Another value of that column."""
    field, value = Rules._meta.get_field(name), getattr(rules, name)
    others: dict[str, Any] = {
        "admission": Rules.Admission.INVITATION,
        "diseases": ["malignant_tumour"],
        "next_plan": Plan(code="next", name_zh="下一个", name_en="the next"),
        "question_set": QuestionSet(code="newer"),
        "norm": "2020",
    }
    if name in others:
        return others[name]
    return not value if isinstance(field, BooleanField) else (value or 0) + 7


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", list(rulebook.TERMS))
def test_a_term_that_changes_is_told_with_its_unit_and_its_meaning(
    name: str, language: str
) -> None:
    old, new = Rules(question_set=QuestionSet(code="q")), Rules(question_set=QuestionSet(code="q"))
    new.question_set = old.question_set
    setattr(new, name, other(name, new))

    with override(language):
        (change,) = changes(old, new)

    assert change.field == name
    assert change.half in Half
    assert change.old != change.new
    assert change.label
    assert change.meaning[-1] in ".。"
    assert "%(" not in change.meaning


def test_a_version_does_not_differ_from_itself() -> None:
    rules = make.plan().rules.get()

    assert changes(rules, rules) == []


def test_units_are_those_of_the_page(english: None) -> None:
    old, new = Rules(), Rules(fee_bp=850, annual_cap_fen=None, waiting_days=180, panel_size=17)
    old.question_set = new.question_set = QuestionSet(code="q")

    written = {change.field: (change.old, change.new) for change in changes(old, new)}

    assert written == {
        "waiting_days": ("90 days", "180 days"),
        "fee_bp": ("8 %", "8.5 %"),
        "annual_cap_fen": ("188.00 yuan", "no limit"),
        "panel_size": ("31 people", "17 people"),
    }


def test_terms_of_cover_come_first() -> None:
    plan = make.plan()
    new = make.new_rules(plan, BEGINS, quorum=3, fee_bp=0, max_age_years=65, join_undo_days=9)

    halves = [change.half for change in changes(plan.rules.earliest("effective_on"), new)]

    assert halves == [Half.COVER, Half.MONEY, Half.JURY, Half.ADMISSION]


def test_bands_are_compared_age_by_age(english: None) -> None:
    plan = make.plan()
    new = make.new_rules(plan, BEGINS, bands=[(0, 49, 30_000_000), (50, 64, 5_000_000)])

    found = [(c.label, c.old, c.new) for c in changes(plan.rules.earliest("effective_on"), new)]

    assert found == [
        ("Benefit: serious illness, aged 40 to 49", "100,000.00 yuan", "300,000.00 yuan"),
        ("Benefit: serious illness, aged 50 to 59", "100,000.00 yuan", "50,000.00 yuan"),
        ("Benefit: serious illness, aged 60 to 64", "nothing", "50,000.00 yuan"),
    ]


def test_a_benefit_that_rises_with_tenure_is_one_change(english: None) -> None:
    plan = make.plan()
    new = make.new_rules(plan, BEGINS, steps=[(0, 1, 3), (365, 1, 1)])

    (change,) = changes(plan.rules.earliest("effective_on"), new)

    assert change.field == "steps"
    assert change.new == "1/3 after 0 days of cover, 1/1 after 365 days of cover"


def test_new_health_questions_are_named(english: None) -> None:
    plan = make.plan()
    old = plan.rules.get()
    questions = QuestionSet.objects.create(code="newer")
    kept = list(old.question_set.questions.all())[1:]
    kept[0].text_zh += "（新）"
    for question in kept:
        question.pk, question.question_set = None, questions
    HealthQuestion.objects.bulk_create(kept)
    questions.questions.create(place=99, code="new", text_zh="新问题", text_en="A new question?")

    (change,) = changes(old, make.new_rules(plan, BEGINS, question_set_id=questions.pk))

    assert change.new == "6 questions, version newer"
    assert "Asked in addition: A new question?" in change.meaning
    assert "No longer asked: Has there ever been a cancer?" in change.meaning
    assert "Worded anew: In the last 2 years, any medicine" in change.meaning


def test_illnesses_are_named_by_who_knows_them(english: None) -> None:
    old, new = Rules(diseases=["a", "b"]), Rules(diseases=["b", "c"])
    old.question_set = new.question_set = QuestionSet(code="q")

    (change,) = changes(old, new, disease_name=lambda norm, code: f"{norm}-{code}")

    assert (change.old, change.new) == ("2007-a, 2007-b", "2007-b, 2007-c")
    assert change.meaning.endswith(
        "Covered in addition: 2007-c. No longer covered: 2007-a."
    )  # fmt: skip


def _bands(cuts: list[int], fens: list[int]) -> list[tuple[int, int, int]]:
    edges = sorted(set(cuts))
    return [(low, high - 1, fen) for low, high, fen in zip(edges, edges[1:], fens, strict=False)]


lists = st.builds(
    _bands,
    st.lists(st.integers(0, 100), max_size=5),
    st.lists(st.sampled_from([1, 2, 3]), min_size=5, max_size=5),
)


@given(before=lists, after=lists)
def test_pieces_say_of_every_age_what_both_lists_say(
    before: list[tuple[int, int, int]], after: list[tuple[int, int, int]]
) -> None:
    def fen(bands: list[tuple[int, int, int]], age: int) -> int | None:
        return next((f for low, high, f in bands if low <= age <= high), None)

    found = pieces(before, after)

    said = {age: piece[2:] for piece in found for age in range(piece[0], piece[1] + 1)}
    for age in range(102):
        assert said.get(age, (None, None)) == (fen(before, age), fen(after, age))
    assert len(said) == sum(high - low + 1 for low, high, *_fens in found)
