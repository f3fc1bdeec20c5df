"""Plans, rules and health questions as drafts: what may be written, by whom, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from members import actions, definitions, plans_data, rulebook, terms
from members.models import (
    Account,
    HealthQuestion,
    Plan,
    QuestionSet,
    Rules,
    TenureStep,
)
from members.terms import Band, Step
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.django_db
BEGINS = date(2022, 1, 1)  # 31 days after NOON
TODAY = date(2021, 12, 1)
BANDS = [Band(0, 39, "severe", 5_000_000), Band(40, 59, "severe", 3_000_000)]
ONE = {"text_zh": "有没有得过癌症？", "text_en": "Has there been a cancer?"}


@pytest.fixture
def by() -> Account:
    return make.staff("data_officer")


def plan_of(by: Account, **changed: Any) -> Plan:
    given: dict[str, Any] = {
        "code": "valley",
        "name_zh": "山谷互助计划",
        "name_en": "Valley Plan",
        "opened_on": TODAY,
    }
    return actions.draft_plan(**(given | changed), by=by, at=clock.now())


def draft_of(plan: Plan, by: Account, **changed: Any) -> Rules:
    given: dict[str, Any] = {"version": "2022-01", "effective_on": BEGINS}
    return actions.draft_rules(plan_id=plan.pk, **(given | changed), by=by, at=clock.now())


def edit(rules: Rules, by: Account, **changes: Any) -> Rules:
    return actions.edit_rules(rules_id=rules.pk, changes=changes, by=by, at=clock.now())


def questions_of(by: Account, code: str = "newer", **given: Any) -> QuestionSet:
    return actions.draft_questions(code=code, **given, by=by, at=clock.now())


def write(asked: QuestionSet, by: Account, *rows: Any) -> QuestionSet:
    return actions.edit_questions(question_set_id=asked.pk, questions=rows, by=by, at=clock.now())


# --- plans


def test_a_drafted_plan_is_there_and_nobody_sees_it(by: Account) -> None:
    plan = plan_of(by, intro_zh=" 给山谷里的人。 ")

    assert (plan.code, plan.intro_zh) == ("valley", "给山谷里的人。")
    assert not Plan.objects.published().exists()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"code": "Not a slug"}, "code"),
        ({"code": "critical"}, "code"),
        ({"name_zh": "  "}, "name_zh"),
        ({"name_en": ""}, "name_en"),
        ({"opened_on": TODAY - timedelta(days=1)}, "opened_on"),
        ({"shares_from": TODAY - timedelta(days=1)}, "shares_from"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_at_its_field(
    changed: dict[str, Any], field: str, by: Account
) -> None:
    make.plan()

    with pytest.raises(Invalid) as refused:
        plan_of(by, **changed)

    assert refused.value.field == field
    assert Plan.objects.count() == 1


def test_names_and_days_change_until_rules_were_published(by: Account) -> None:
    plan, published = plan_of(by), make.plan()
    rules = draft_of(plan, make.staff("data_officer"))

    actions.edit_plan(plan_id=plan.pk, name_en="Hill Plan", by=by, at=clock.now())
    with pytest.raises(NotNow):
        actions.edit_plan(plan_id=published.pk, name_en="Hill Plan", by=by, at=clock.now())

    plan.refresh_from_db()
    rules.refresh_from_db()
    assert plan.name_en == "Hill Plan"
    assert rules.drafted_by == by  # whoever names the plan has changed the draft


# --- drafts


def test_a_draft_is_copied_from_the_newest_version_with_bands_and_steps(by: Account) -> None:
    rising = plans_data.ensure("rising")
    newest = make.new_rules(rising, BEGINS, fee_bp=500)

    draft = draft_of(rising, by, version="2022-03", effective_on=date(2022, 3, 1))

    assert (draft.fee_bp, draft.waiting_days, draft.published_at) == (500, 180, None)
    assert (draft.drafted_by, draft.drafted_at) == (by, clock.now())
    assert draft.question_set == newest.question_set
    assert draft.bands.count() == 1
    assert list(draft.steps.values_list("from_days", "numerator")) == [(0, 1), (365, 2), (730, 1)]


def test_a_first_draft_begins_with_the_usual_terms_or_those_of_another_plan(by: Account) -> None:
    senior = plans_data.ensure("senior").rules.get()
    plan = plan_of(by)

    usual = draft_of(plan, by)
    copied = draft_of(
        plan, by, version="b", effective_on=BEGINS + timedelta(days=1), source_id=senior.pk
    )

    assert (usual.fee_bp, usual.bands.count()) == (800, 0)
    assert (copied.min_age_years, copied.bands.count()) == (60, 2)
    assert copied.plan == plan


def test_a_draft_is_not_copied_from_a_draft(by: Account) -> None:
    plan = plan_of(by)
    draft = draft_of(plan, by)

    with pytest.raises(Invalid) as refused:
        draft_of(plan, by, version="b", effective_on=BEGINS + timedelta(days=1), source_id=draft.pk)

    assert refused.value.field == "source"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"version": "a/b"}, "version"),
        ({"version": ""}, "version"),
        ({"version": "2019-01"}, "version"),
        ({"effective_on": date(2019, 1, 1)}, "effective_on"),
    ],
)
def test_a_version_has_a_name_and_a_day_of_its_own(
    changed: dict[str, Any], field: str, by: Account
) -> None:
    with pytest.raises(Invalid) as refused:
        draft_of(make.plan(), by, **changed)

    assert refused.value.field == field


def test_every_number_among_the_terms_has_its_limits() -> None:
    numbers = {
        name
        for name in rulebook.TERMS
        if Rules._meta.get_field(name).get_internal_type()
        in ("PositiveIntegerField", "BigIntegerField")
    }

    assert set(terms.LIMITS) == numbers


def test_terms_are_changed_together_and_signed(by: Account) -> None:
    draft = draft_of(make.plan(), make.staff("data_officer"))
    clock.move_to(make.NOON + timedelta(hours=1), frozen=True)

    edit(
        draft,
        by,
        admission="score",
        min_score=650,
        ceiling_members=None,
        waiting_days=365,
        accidents_only=True,
        fee_bp=0,
        case_cap_fen=None,
        norm="2020",
        diseases=definitions.codes("2020")[:2],
        next_plan=plans_data.ensure("senior"),
        dissolution_members=200,
        quorum=5,
        panel_size=7,
        summary_zh="一句话。",
    )

    draft.refresh_from_db()
    assert (draft.admission, draft.min_score, draft.waiting_days) == ("score", 650, 365)
    assert (draft.fee_bp, draft.case_cap_fen, draft.norm) == (0, None, "2020")
    assert draft.diseases == definitions.codes("2020")[:2]
    assert draft.next_plan is not None
    assert (draft.next_plan.code, draft.quorum, draft.panel_size) == ("senior", 5, 7)
    assert (draft.drafted_by, draft.drafted_at) == (by, clock.now())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fee_bp": 1001}, "fee_bp"),
        ({"waiting_days": 91}, "waiting_days"),
        ({"fee_bp": None}, "fee_bp"),
        ({"case_cap_fen": 0}, "case_cap_fen"),
        ({"norm": "1999"}, "norm"),
        ({"diseases": ["malignant_tumour_mild"], "norm": "2007"}, "diseases"),
        ({"diseases": []}, "diseases"),
        ({"max_age_years": 10, "min_age_years": 20}, "max_age_years"),
        ({"quorum": 32, "panel_size": 31}, "quorum"),
        ({"admission": "score"}, "min_score"),
        ({"min_score": 650}, "min_score"),
        ({"waiting_longer_from_age": 40}, "waiting_longer_days"),
        ({"waiting_longer_from_age": 40, "waiting_longer_days": 30}, "waiting_longer_days"),
        ({"version": "../x"}, "version"),
    ],
)
def test_a_term_that_cannot_be_is_refused_at_its_field(
    changes: dict[str, Any], field: str, by: Account
) -> None:
    draft = draft_of(make.plan(), by)
    before = Rules.objects.values(*changes).get(pk=draft.pk)

    with pytest.raises(Invalid) as refused:
        edit(draft, by, **changes)

    assert refused.value.field == field
    assert Rules.objects.values(*changes).get(pk=draft.pk) == before


def test_a_plan_does_not_lead_on_to_itself(by: Account) -> None:
    plan = make.plan()

    with pytest.raises(Invalid) as refused:
        edit(draft_of(plan, by), by, next_plan=plan)

    assert refused.value.field == "next_plan"


def test_bands_and_steps_are_set_whole(by: Account) -> None:
    draft = draft_of(make.plan(), by)

    actions.set_bands(rules_id=draft.pk, bands=BANDS[:1], by=by, at=clock.now())
    actions.set_steps(rules_id=draft.pk, steps=[Step(0, 1, 2)], by=by, at=clock.now())

    assert list(draft.bands.values_list("from_age", "to_age", "benefit_fen")) == [
        (0, 39, 5_000_000)
    ]
    assert list(draft.steps.values_list("from_days", "numerator", "denominator")) == [(0, 1, 2)]


@pytest.mark.parametrize(
    ("bands", "field"),
    [
        ([BANDS[0], BANDS[0]], "bands-1-from_age"),
        ([Band(40, 39, "severe", 1)], "bands-0-to_age"),
        ([Band(0, 59, "grave", 1)], "bands-0-severity"),
        ([Band(0, 59, "severe", 0)], "bands-0-benefit_fen"),
    ],
)
def test_a_band_that_cannot_be_is_refused_at_its_row(
    bands: list[Band], field: str, by: Account
) -> None:
    draft = draft_of(make.plan(), by)

    with pytest.raises(Invalid) as refused, transaction.atomic():
        actions.set_bands(rules_id=draft.pk, bands=bands, by=by, at=clock.now())

    assert refused.value.field == field
    assert draft.bands.count() == 2


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([Step(0, 3, 2)], "steps-0-numerator"),
        ([Step(0, 0, 2)], "steps-0-numerator"),
        ([Step(0, 1, 2), Step(0, 1, 1)], "steps-1-from_days"),
    ],
)
def test_a_step_that_cannot_be_is_refused_at_its_row(
    steps: list[Step], field: str, by: Account
) -> None:
    draft = draft_of(make.plan(), by)

    with pytest.raises(Invalid) as refused, transaction.atomic():
        actions.set_steps(rules_id=draft.pk, steps=steps, by=by, at=clock.now())

    assert refused.value.field == field
    assert not TenureStep.objects.filter(rules=draft).exists()


def test_a_change_that_came_between_is_not_overwritten(by: Account) -> None:
    draft, other = draft_of(make.plan(), by), make.staff("data_officer", "罗敏")
    seen = draft.drafted_at
    clock.move_to(make.NOON + timedelta(minutes=1), frozen=True)
    edit(draft, other, fee_bp=500)

    with pytest.raises(NotNow, match="罗敏"):
        actions.edit_rules(
            rules_id=draft.pk, changes={"fee_bp": 600}, seen_at=seen, by=by, at=clock.now()
        )

    draft.refresh_from_db()
    assert draft.fee_bp == 500


def test_a_draft_is_discarded_and_a_version_is_not(by: Account) -> None:
    plan = make.plan()
    draft, version = draft_of(plan, by), plan.rules.latest("effective_on")

    actions.discard_draft(rules_id=draft.pk, by=by, at=clock.now())

    assert plan.rules.count() == 1
    for gone in (draft.pk, version.pk):
        with pytest.raises(NotNow):
            actions.discard_draft(rules_id=gone or 0, by=by, at=clock.now())


def test_only_the_role_that_drafts_drafts() -> None:
    plan, officer = make.plan(), make.staff("data_officer")
    draft, asked = draft_of(plan, officer), questions_of(officer)

    for by in (make.account(), make.staff("reviewer"), make.staff("finance")):
        for verb in (
            lambda by=by: plan_of(by),
            lambda by=by: draft_of(plan, by, version="x"),
            lambda by=by: edit(draft, by, fee_bp=0),
            lambda by=by: actions.edit_plan(plan_id=plan.pk, by=by, at=clock.now()),
            lambda by=by: actions.discard_draft(rules_id=draft.pk, by=by, at=clock.now()),
            lambda by=by: questions_of(by, "other"),
            lambda by=by: write(asked, by, ONE),
        ):
            with pytest.raises(Forbidden):
                verb()


# --- health questions


def test_questions_are_copied_worded_anew_and_added_to(by: Account) -> None:
    source = make.plan().rules.get().question_set
    draft = draft_of(make.plan(), make.staff("data_officer"))
    asked = questions_of(by, source_id=source.pk)
    edit(draft, make.staff("data_officer"), question_set=asked)
    rows = list(asked.questions.values("code", "text_zh", "text_en", "hint_zh", "hint_en"))

    rows[0]["text_zh"] = "有没有得过癌？"
    write(asked, by, rows[0], rows[2], ONE)

    draft.refresh_from_db()
    assert source.questions.count() == 6
    assert list(asked.questions.values_list("place", "code")) == [
        (1, "cancer"), (2, "hospital"), (3, "question-1"),
    ]  # fmt: skip
    assert asked.questions.get(place=1).text_zh == "有没有得过癌？"
    assert draft.drafted_by == by  # whoever words its questions has changed the draft


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([ONE, ONE | {"text_zh": " "}], "questions-1-text_zh"),
        ([ONE | {"code": "a"}, ONE | {"code": "a"}], "questions-1-code"),
        ([ONE | {"code": "A b"}], "questions-0-code"),
    ],
)
def test_a_question_that_cannot_be_is_refused_at_its_row(
    rows: list[dict[str, str]], field: str, by: Account
) -> None:
    with pytest.raises(Invalid) as refused:
        write(questions_of(by), by, *rows)

    assert refused.value.field == field
    assert not HealthQuestion.objects.exists()


def test_a_set_that_asks_nothing_says_so_and_has_no_questions(by: Account) -> None:
    asked = questions_of(by, asks_nothing=True)

    with pytest.raises(NotNow):
        write(asked, by, ONE)
    with pytest.raises(Invalid) as refused:
        questions_of(by, "other", asks_nothing=True, source_id=asked.pk)

    assert refused.value.field == "asks_nothing"


def test_questions_in_use_never_change(by: Account) -> None:
    used = make.plan().rules.get().question_set

    with pytest.raises(NotNow):
        write(used, by, ONE)
    with pytest.raises(Invalid) as refused:
        questions_of(by, used.code)

    assert refused.value.field == "code"
    assert used.questions.count() == 6


# --- the database says the same


def parts(version: Rules, draft: Rules, other: QuestionSet) -> dict[str, tuple[Any, Any, Any]]:
    """For each table the rows of a published version, a change, and where they could be moved."""
    asked = QuestionSet.objects.filter(pk=version.question_set_id)
    return {
        "rules": (Rules.objects.filter(pk=version.pk), {"fee_bp": 1}, {"version": "moved"}),
        "bands": (version.bands.all(), {"benefit_fen": 1}, {"rules": draft}),
        "steps": (version.steps.all(), {"numerator": 1}, {"rules": draft}),
        "questions": (
            version.question_set.questions.all(),
            {"text_en": ""},
            {"question_set": other},
        ),
        "set": (asked, {"code": "x"}, {"asks_nothing": True}),
    }


def one(rows: Any) -> Any:
    return rows.model.objects.filter(pk=rows.latest("pk").pk)


def add(rows: Any) -> None:
    """One more like the last, at a place of its own."""
    row = rows.latest("pk")
    row.pk = None
    for name in ("from_age", "to_age", "from_days", "place"):
        if hasattr(row, name):
            setattr(row, name, 99)
    if hasattr(row, "code"):
        row.code = "another"
    row.save(force_insert=True)


@pytest.mark.parametrize("table", ["rules", "bands", "steps", "questions", "set"])
@pytest.mark.parametrize("way", ["update", "move", "delete"])
def test_nothing_of_a_published_version_is_ever_changed(table: str, way: str, by: Account) -> None:
    plan = plans_data.ensure("rising")
    other = write(questions_of(by), by, ONE)
    rows, changed, moved = parts(plan.rules.get(), draft_of(plan, by), other)[table]
    ways: dict[str, Callable[[], Any]] = {
        "update": lambda: rows.update(**changed),
        "move": lambda: one(rows).update(**moved),
        "delete": lambda: one(rows)._raw_delete("default"),
    }

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        ways[way]()


@pytest.mark.parametrize("table", ["bands", "steps", "questions"])
def test_nothing_is_added_to_a_published_version(table: str, by: Account) -> None:
    plan = plans_data.ensure("rising")
    rows = parts(plan.rules.get(), draft_of(plan, by), questions_of(by))[table][0]

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        add(rows)


def test_answered_questions_are_closed_although_no_version_uses_them(by: Account) -> None:
    asked = write(questions_of(by), by, ONE)
    declared = make.membership().declaration
    declared.pk, declared.question_set = None, asked
    declared.save(force_insert=True)

    with pytest.raises(NotNow):
        write(asked, by)
    with pytest.raises(DatabaseError, match="in use"), transaction.atomic():
        asked.questions.update(text_en="")


def test_a_draft_of_questions_and_rules_stays_open(by: Account) -> None:
    asked, draft = write(questions_of(by), by, ONE), draft_of(make.plan(), by)

    asked.questions.update(text_en="Changed")
    draft.bands.update(benefit_fen=1)

    assert asked.questions.get().text_en == "Changed"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"drafted_at": None}, "rules_drafted_whole"),
        ({"drafted_by": None}, "rules_drafted_whole"),
        ({"published_by": "drafter"}, "rules_published_by_another"),
        ({"published_by": "other"}, "rules_published_by_another"),  # and not published
        (
            {"published_by": "other", "published_at": make.NOON, "drafted_by": None,
             "drafted_at": None},
            "rules_published_by_another",
        ),
        ({"published_by": "drafter", "published_at": make.NOON}, "rules_published_by_another"),
    ],
)  # fmt: skip
def test_the_database_refuses_what_two_people_did_not_do(
    change: dict[str, Any], constraint: str, by: Account
) -> None:
    draft, people = draft_of(make.plan(), by), {"drafter": by, "other": make.staff("reviewer")}
    change = {k: people.get(v, v) if isinstance(v, str) else v for k, v in change.items()}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Rules.objects.filter(pk=draft.pk).update(**change)


def test_another_may_publish_in_the_database_too(by: Account) -> None:
    draft = draft_of(make.plan(), by)
    signed = {"published_by": make.staff("reviewer"), "published_at": make.NOON}

    assert Rules.objects.filter(pk=draft.pk).update(**signed) == 1
