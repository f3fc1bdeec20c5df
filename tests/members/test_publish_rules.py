"""A draft becomes a version: complete, by a second person, once; a change is announced."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from members import actions, plans_data, ready
from members.models import Account, Notice, Plan, Rules
from members.terms import Band, Step
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow, Refused
from mutualaid.roles import ensure_roles
from portal.desk import my_tasks
from tests import make

TODAY = date(2021, 12, 1)
BEGINS = date(2022, 1, 1)  # 31 days after NOON
BANDS = [Band(0, 39, "severe", 5_000_000), Band(40, 59, "severe", 3_000_000)]


@pytest.fixture
def drafter(db: None) -> Account:
    return make.staff("data_officer")


@pytest.fixture
def publisher(db: None) -> Account:
    return make.staff("reviewer")


def first(by: Account, **changes: Any) -> Rules:
    """The complete draft of a new plan's first version, but for `changes`."""
    plan = actions.draft_plan(
        code="valley", name_zh="山谷互助计划", name_en="Valley Plan", opened_on=TODAY,
        by=by, at=clock.now(),
    )  # fmt: skip
    draft = actions.draft_rules(
        plan_id=plan.pk, version="2021-12", effective_on=TODAY, by=by, at=clock.now()
    )
    texts = {"summary_zh": "这是互相帮助。", "summary_en": "This is help among members."}
    return edited(draft, by, **(texts | {"bands": BANDS} | changes))


def change(by: Account, **changes: Any) -> Rules:
    """The complete draft of the next version of the main plan, but for `changes`."""
    draft = actions.draft_rules(
        plan_id=make.plan().pk, version="2022-01", effective_on=BEGINS, by=by, at=clock.now()
    )
    words = {"change_zh": "管理费降到 5%。", "change_en": "The fee falls to 5 %.", "fee_bp": 500}
    return edited(draft, by, **(words | changes))


def edited(draft: Rules, by: Account, **changes: Any) -> Rules:
    parts = {name: changes.pop(name) for name in ("bands", "steps") if name in changes}
    return actions.edit_rules(rules_id=draft.pk, changes=changes, **parts, by=by, at=clock.now())


def publish(draft: Rules, by: Account, **changed: Any) -> Rules:
    given: dict[str, Any] = {"typed": draft.version} | changed
    return actions.publish_rules(rules_id=draft.pk, **given, by=by, at=clock.now())


# --- on the desk's front page


def test_a_draft_that_lacks_nothing_waits_for_every_other_publisher(
    drafter: Account, publisher: Account
) -> None:
    draft = change(drafter)
    for person in (drafter, publisher):
        person.groups.add(*ensure_roles().values())  # may draft and publish, both
    at_work = {person: my_tasks(person, clock.now()) for person in (drafter, publisher)}

    assert [task.number for task in at_work[publisher]] == [draft.version]
    assert at_work[publisher][0].due_at == clock.midnight(TODAY + timedelta(days=2))
    assert at_work[drafter] == []
    page = make.desk_client(publisher).get("/staff/").content.decode()
    assert reverse("admin:members_rules_check", args=[draft.pk]) in page


def test_a_draft_that_lacks_something_waits_for_nobody(
    drafter: Account, publisher: Account
) -> None:
    change(drafter, change_en="")

    assert my_tasks(publisher, clock.now()) == []


# --- publishing


def test_a_first_version_holds_from_today_and_is_told_to_nobody(
    drafter: Account, publisher: Account
) -> None:
    draft = first(drafter)

    publish(draft, publisher)

    draft.refresh_from_db()
    assert (draft.published_by, draft.published_at) == (publisher, clock.now())
    assert Rules.objects.in_force(draft.plan, TODAY) == draft
    assert list(Plan.objects.published()) == [draft.plan]
    assert not Notice.objects.filter(code="rules_announced").exists()


def test_a_change_is_announced_to_everybody_with_its_publication(
    drafter: Account, publisher: Account
) -> None:
    draft = change(drafter)

    publish(draft, publisher)

    assert Rules.objects.in_force(draft.plan, BEGINS) == draft
    assert Notice.objects.get(code="rules_announced").facts["version"] == "2022-01"


def test_who_changed_a_draft_last_does_not_publish_it(drafter: Account, publisher: Account) -> None:
    draft = first(drafter)
    publisher.groups.add(*drafter.groups.all())
    publisher = Account.objects.get(pk=publisher.pk)  # rights are kept with the object
    edited(draft, publisher, fee_bp=0)

    with pytest.raises(Forbidden):
        publish(draft, publisher)

    draft.refresh_from_db()
    assert draft.published_at is None


def test_only_the_role_that_publishes_publishes(drafter: Account) -> None:
    draft = first(drafter)

    for by in (make.account(), make.staff("data_officer"), make.staff("finance")):
        with pytest.raises(Forbidden):
            publish(draft, by)


def test_the_version_is_typed_once_more(drafter: Account, publisher: Account) -> None:
    with pytest.raises(Invalid) as refused:
        publish(first(drafter), publisher, typed="2021-11")

    assert refused.value.field == "typed"


def test_what_is_published_is_what_was_seen(drafter: Account, publisher: Account) -> None:
    draft = first(drafter)
    seen = draft.drafted_at
    clock.move_to(make.NOON + timedelta(minutes=1), frozen=True)
    edited(draft, drafter, fee_bp=1000)

    with pytest.raises(NotNow):
        publish(draft, publisher, seen_at=seen)


def test_a_version_is_published_once(drafter: Account, publisher: Account) -> None:
    draft = change(drafter)
    publish(draft, publisher)

    with pytest.raises(NotNow):
        publish(draft, publisher)
    with pytest.raises(NotNow):
        edited(draft, drafter, fee_bp=0)

    assert Notice.objects.filter(code="rules_announced").count() == 1


# --- what is missing


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"summary_zh": ""}, "summary_zh"),
        ({"summary_en": " "}, "summary_en"),
        ({"effective_on": TODAY - timedelta(days=1)}, "effective_on"),
        ({"effective_on": TODAY + timedelta(days=1)}, "effective_on"),  # after the plan opens
        ({"bands": []}, "bands"),
        ({"bands": BANDS[:1]}, "bands"),
        ({"bands": BANDS[1:]}, "bands"),
        ({"bands": [BANDS[0], Band(41, 59, "severe", 1)]}, "bands"),
        ({"bands": [BANDS[0], Band(39, 59, "severe", 1)]}, "bands"),
        ({"bands": [*BANDS, Band(0, 10, "mild", 1)]}, "bands"),
        ({"norm": "2020"}, "bands"),  # it knows milder illnesses, and none is granted anything
        ({"steps": [Step(1, 1, 1)]}, "steps"),
        ({"steps": [Step(0, 1, 1), Step(365, 1, 2)]}, "steps"),
        ({"steps": [Step(0, 1, 2), Step(365, 2, 4)]}, "steps"),
    ],
)
def test_a_draft_with_a_gap_is_not_published(
    changes: dict[str, Any], field: str, drafter: Account, publisher: Account
) -> None:
    draft = first(drafter, **changes)

    with pytest.raises(Invalid) as refused:
        publish(draft, publisher)

    assert refused.value.field == field
    assert [lack.field for lack in ready.missing(draft, TODAY)] == [field] * len(
        ready.missing(draft, TODAY)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"bands": [*BANDS, Band(0, 59, "mild", 1)], "norm": "2020"},
        {"bands": [Band(0, 70, "severe", 1)]},  # more than the ages of the plan
        {"steps": [Step(0, 1, 3), Step(365, 2, 3), Step(730, 1, 1)]},
        {"norm": "2020", "diseases": ["malignant_tumour"]},
    ],
)
def test_a_complete_draft_lacks_nothing(changes: dict[str, Any], drafter: Account) -> None:
    assert ready.missing(first(drafter, **changes), TODAY) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"change_zh": ""}, "change_zh"),
        ({"change_en": ""}, "change_en"),
        ({"effective_on": TODAY + timedelta(days=29)}, "effective_on"),
    ],
)
def test_a_change_says_what_changes_thirty_days_ahead(
    changes: dict[str, Any], field: str, drafter: Account, publisher: Account
) -> None:
    draft = change(drafter, **changes)

    with pytest.raises(Invalid) as refused:
        publish(draft, publisher)

    assert refused.value.field == field
    assert ready.missing(change_on_time(draft, drafter), TODAY) == []


def change_on_time(draft: Rules, by: Account) -> Rules:
    texts = {"change_zh": "改了。", "change_en": "Changed."}
    return edited(draft, by, effective_on=TODAY + timedelta(days=30), **texts)


def test_questions_are_there_in_both_languages_or_none_on_purpose(drafter: Account) -> None:
    draft = first(drafter)
    asked = actions.draft_questions(code="newer", by=drafter, at=clock.now())
    edited(draft, drafter, question_set=asked)
    (empty,) = ready.missing(reload(draft), TODAY)
    rows = [{"text_zh": "有没有？", "text_en": ""}]
    actions.edit_questions(question_set_id=asked.pk, questions=rows, by=drafter, at=clock.now())
    (half,) = ready.missing(reload(draft), TODAY)
    nothing = actions.draft_questions(code="nothing", asks_nothing=True, by=drafter, at=clock.now())
    edited(draft, drafter, question_set=nothing)

    assert {empty.field, half.field} == {"question_set"}
    assert empty.sentence != half.sentence
    assert ready.missing(reload(draft), TODAY) == []


def reload(draft: Rules) -> Rules:
    return Rules.objects.select_related("plan", "question_set").get(pk=draft.pk)


def test_the_plan_that_is_offered_next_is_one_that_people_can_join(drafter: Account) -> None:
    coming = actions.draft_plan(
        code="old", name_zh="老人计划", name_en="Old", opened_on=TODAY, by=drafter, at=clock.now()
    )
    draft = first(drafter, next_plan=coming)

    (lack,) = ready.missing(draft, TODAY)

    assert lack.field == "next_plan"


def test_every_preset_could_have_been_published_from_a_draft(drafter: Account) -> None:
    for code in plans_data.PRESETS:
        version = plans_data.ensure(code, opened_on=TODAY).rules.get()
        lacks = ready.missing(version, TODAY)
        assert [(code, lack.field, lack.sentence) for lack in lacks] == []


# --- two at once


@pytest.mark.django_db(transaction=True)
def test_two_publishers_at_once_publish_once() -> None:
    draft = change(make.staff("data_officer"))
    people, together = [make.staff("reviewer"), make.staff("reviewer")], Barrier(2)
    outcomes: list[str] = []

    def run(by: Account) -> None:
        together.wait()
        try:
            publish(draft, by)
            outcomes.append("published")
        except Refused as refused:
            outcomes.append(type(refused).__name__)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[by]) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["NotNow", "published"]
    assert Notice.objects.filter(code="rules_announced").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_draft_changed_while_it_is_published_is_published_as_it_was_or_not_changed() -> None:
    officer, reviewer = make.staff("data_officer"), make.staff("reviewer")
    draft, together = change(officer), Barrier(2)
    seen, outcomes = draft.drafted_at, []

    def run(verb: Any) -> None:
        together.wait()
        try:
            verb()
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(type(refused).__name__)
        finally:
            connections.close_all()

    later = clock.now() + timedelta(seconds=1)
    verbs = [
        lambda: publish(draft, reviewer, seen_at=seen),
        lambda: actions.set_bands(rules_id=draft.pk, bands=BANDS, by=officer, at=later),
    ]
    threads = [Thread(target=run, args=[verb]) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    draft.refresh_from_db()
    assert sorted(outcomes) == ["NotNow", "done"]
    assert draft.bands.filter(benefit_fen=5_000_000).exists() == (draft.published_at is None)
