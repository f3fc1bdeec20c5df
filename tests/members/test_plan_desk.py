"""Plans set up on the desk: every page, by the people whose role it is, without code."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from members import actions, plans_data
from members.models import Account, Invitation, JoinDraft, Membership, Plan, QuestionSet, Rules
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db
TODAY = date(2021, 12, 1)
BEGINS = date(2022, 1, 1)  # 31 days after NOON


@pytest.fixture
def officer() -> Account:
    return make.staff("data_officer", "罗敏")


@pytest.fixture
def reviewer() -> Account:
    return make.staff("reviewer", "方正")


def desk(account: Account, *, fresh: bool = True, language: str = "en") -> Client:
    client = make.desk_client(account, at=time.time() if fresh else None)
    client.cookies["django_language"] = language
    return client


def page(name: str, *args: object) -> str:
    return reverse(f"admin:members_{name}", args=args)


def filled(client: Client, path: str, **changed: Any) -> dict[str, Any]:
    """What a browser would send from the form of that page, with `changed`."""
    form = client.get(path).context["form"]
    data: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if value is True:
            data[field.html_name] = "on"
        elif value is not None and value is not False and value != "":
            data[field.html_name] = value
    return {name: value for name, value in (data | changed).items() if value is not None}


def send(
    client: Client, path: str, status: int = 302, rows: dict[str, Any] | None = None, **changed: Any
) -> Any:
    """Send the form of that page with what is given; `rows` have dashes in their names."""
    answer = client.post(path, filled(client, path, **(rows or {}), **changed))
    assert answer.status_code == status, answer.context and answer.context["form"].errors
    return answer


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def new_plan(client: Client, **changed: Any) -> Plan:
    given = {
        "code": "valley",
        "name_zh": "山谷互助计划",
        "name_en": "Valley Plan",
        "opened_on": TODAY.isoformat(),
    }
    send(client, page("plan_new"), **(given | changed))
    return Plan.objects.get(code="valley")


def new_draft(client: Client, plan: Plan, **changed: Any) -> Rules:
    given = {"version": "2021-12", "effective_on": TODAY.isoformat()}
    send(client, page("plan_next", plan.pk), **(given | changed))
    return plan.rules.latest("pk")


# --- a whole plan


def test_two_people_set_up_a_plan_and_a_member_joins_it_by_its_own_terms(
    officer: Account, reviewer: Account
) -> None:
    one, other = desk(officer), desk(reviewer)
    plan = new_plan(one)
    send(one, page("questionset_new"), code="valley-1")
    asked = QuestionSet.objects.get(code="valley-1")
    send(one, page("questionset_questions", asked.pk), rows={
        "questions-0-text_zh": "有没有得过癌症？", "questions-0-text_en": "Any cancer?",
    })  # fmt: skip
    draft = new_draft(one, plan)
    send(one, page("rules_draft", draft.pk), rows={
        "summary_zh": "这是互相帮助。", "summary_en": "Help among members.",
        "waiting_days": "180", "waiting_longer_from_age": "36", "waiting_longer_days": "365",
        "fee_bp": "2.5", "case_cap_fen": "1.00", "annual_cap_fen": "", "dissolution_members": "",
        "question_set": str(asked.pk), "max_age_years": "65",
        "bands-0-from_age": "0", "bands-0-to_age": "30", "bands-0-benefit_fen": "120,000",
        "bands-0-severity": "severe",
        "bands-1-from_age": "31", "bands-1-to_age": "65", "bands-1-benefit_fen": "80,000.50",
        "bands-1-severity": "severe",
        "steps-0-from_days": "0", "steps-0-numerator": "1/2",
        "steps-1-from_days": "365", "steps-1-numerator": "1/1",
    })  # fmt: skip
    assert "Nothing is missing" in text(other.get(page("rules_check", draft.pk)))
    send(other, page("rules_publish", draft.pk), typed="2021-12")

    member = make.member()  # 36 years old
    make.answers(member, plan)
    joined = actions.join(
        member_id=member.pk, plan_id=plan.pk, by=make.guardian(member), at=clock.now()
    )

    terms = joined.rules
    assert (terms.drafted_by, terms.published_by) == (officer, reviewer)
    assert (terms.fee_bp, terms.case_cap_fen, terms.annual_cap_fen) == (250, 100, None)
    assert joined.covered_from == TODAY + timedelta(days=365)
    assert joined.declaration.question_set == asked
    assert list(terms.bands.values_list("to_age", "benefit_fen")) == [
        (30, 12_000_000), (65, 8_000_050),
    ]  # fmt: skip
    assert list(terms.steps.values_list("from_days", "numerator", "denominator")) == [
        (0, 1, 2), (365, 1, 1),
    ]  # fmt: skip


def test_a_change_is_drafted_compared_and_announced(officer: Account, reviewer: Account) -> None:
    plan = make.plan()
    one, other = desk(officer), desk(reviewer)
    draft = new_draft(one, plan, version="2022-01", effective_on=BEGINS.isoformat())
    send(one, page("rules_draft", draft.pk), fee_bp="5", change_zh="降了。", change_en="Less.")

    check = text(other.get(page("rules_check", draft.pk)))
    send(other, page("rules_publish", draft.pk), typed="2022-01")

    assert "a fee of 5 % instead of 8 %" in check
    assert "Less." in check
    assert Rules.objects.in_force(plan, BEGINS).fee_bp == 500


# --- lists and the plan's page


def test_the_list_says_where_each_plan_stands(officer: Account) -> None:
    client = desk(officer)
    new_plan(client)
    plans_data.ensure("senior", opened_on=BEGINS)
    Plan.objects.filter(pk=plans_data.ensure("village").pk).update(closed_on=TODAY)
    make.plan()

    words = text(client.get(page("plan_changelist")))

    for state in ("being set up", "opens on", "closed", "takes people"):
        assert state in words
    assert page("plan_new") in client.get(page("plan_changelist")).content.decode()


def test_whoever_may_not_add_is_not_shown_the_way(reviewer: Account) -> None:
    make.plan()
    client = desk(reviewer)

    assert page("plan_new") not in client.get(page("plan_changelist")).content.decode()
    assert page("questionset_new") not in client.get(
        page("questionset_changelist")
    ).content.decode()  # fmt: skip


def test_a_plan_shows_its_versions_and_the_ways_on(officer: Account, reviewer: Account) -> None:
    plan = make.plan()
    draft = new_draft(desk(officer), plan, version="2022-01", effective_on=BEGINS.isoformat())
    path = page("plan_change", plan.pk)

    drafts, closes = desk(officer).get(path), desk(reviewer).get(path)

    assert "in force" in text(drafts)
    assert "draft" in text(drafts)
    assert "罗敏" in text(drafts)
    assert page("rules_check", draft.pk) in drafts.content.decode()
    assert page("plan_next", plan.pk) in drafts.content.decode()
    assert page("plan_close", plan.pk) not in drafts.content.decode()
    assert page("plan_close", plan.pk) in closes.content.decode()
    assert page("plan_next", plan.pk) not in closes.content.decode()


def test_what_cannot_be_stands_at_its_field_with_what_was_typed(officer: Account) -> None:
    client = desk(officer)

    answer = client.post(page("plan_new"), {
        "code": "Valley!", "name_zh": "山谷互助计划", "name_en": "Valley Plan",
        "opened_on": TODAY.isoformat(),
    })  # fmt: skip

    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["code"]
    assert '<a href="#id_code">' in answer.content.decode()
    assert "山谷互助计划" in answer.content.decode()
    assert not Plan.objects.exists()


def test_names_are_changed_while_nothing_is_published(officer: Account) -> None:
    client = desk(officer)
    plan, published = new_plan(client), make.plan()

    send(client, page("plan_names", plan.pk), name_en="Hill Plan")
    send(client, page("plan_names", published.pk), 409, name_en="Hill Plan",
         opened_on=TODAY.isoformat())  # fmt: skip

    plan.refresh_from_db()
    assert plan.name_en == "Hill Plan"


# --- the draft


def test_a_saved_draft_keeps_every_term_as_it_was(officer: Account) -> None:
    """The form shows and reads back all of it: saving without a change changes nothing."""
    client = desk(officer)
    for code in plans_data.PRESETS:
        plan = plans_data.ensure(code)
        draft = new_draft(client, plan, version="next", effective_on=BEGINS.isoformat())
        before = Rules.objects.values().get(pk=draft.pk)
        parts = (
            list(draft.bands.values_list("from_age", "severity", "benefit_fen")),
            list(draft.steps.values_list("from_days", "numerator", "denominator")),
        )

        send(client, page("rules_draft", draft.pk))

        assert Rules.objects.values().get(pk=draft.pk) == before
        assert parts == (
            list(draft.bands.values_list("from_age", "severity", "benefit_fen")),
            list(draft.steps.values_list("from_days", "numerator", "denominator")),
        )


def test_rows_are_added_three_at_a_time_and_emptied_ones_go(officer: Account) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))
    path = page("rules_draft", draft.pk)
    send(client, path, rows={"bands-2-from_age": "0", "bands-2-to_age": "9",
                          "bands-2-benefit_fen": "1", "bands-2-severity": "mild"})  # fmt: skip

    form = client.get(path).context["form"]
    assert form.rows["bands"] == 4
    send(client, path, rows={"bands-0-from_age": None, "bands-0-to_age": None,
                          "bands-0-benefit_fen": None})  # fmt: skip

    assert draft.bands.count() == 0


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"fee_bp": "11"}, 400, "fee_bp"),
        ({"fee_bp": "8.555"}, 200, "fee_bp"),
        ({"annual_cap_fen": "much"}, 200, "annual_cap_fen"),
        ({"max_age_years": ""}, 200, "max_age_years"),
        ({"waiting_days": "91"}, 200, "waiting_days"),
        ({"version": "a b"}, 400, "version"),
        ({"admission": "score"}, 400, "min_score"),
        ({"bands-1-from_age": "5"}, 200, "bands-1-to_age"),
        (
            {"bands-1-from_age": "5", "bands-1-to_age": "4", "bands-1-benefit_fen": "1",
             "bands-1-severity": "severe"},
            400,
            "bands-1-to_age",
        ),
        ({"steps-2-from_days": "0", "steps-2-numerator": "2"}, 200, "steps-2-numerator"),
        ({"steps-2-from_days": "0", "steps-2-numerator": "3/2"}, 400, "steps-2-numerator"),
    ],
)  # fmt: skip
def test_a_term_that_cannot_be_is_told_at_its_field(
    changed: dict[str, str], status: int, field: str, officer: Account
) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))

    answer = send(client, page("rules_draft", draft.pk), status, rows=changed)

    assert field in answer.context["form"].errors
    assert f'href="#id_{field}"' in answer.content.decode()


def test_two_who_edit_at_once_do_not_overwrite_each_other(officer: Account) -> None:
    client, other = desk(officer), desk(make.staff("data_officer", "何敏"))
    draft = new_draft(client, new_plan(client))
    path = page("rules_draft", draft.pk)
    typed = filled(client, path, fee_bp="1")
    clock.move_to(make.NOON + timedelta(minutes=1), frozen=True)
    send(other, path, fee_bp="2")

    answer = client.post(path, typed)

    assert answer.status_code == 409
    assert "何敏" in text(answer)
    assert Rules.objects.get(pk=draft.pk).fee_bp == 200


def test_another_norm_takes_all_of_its_illnesses(officer: Account) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))
    path = page("rules_draft", draft.pk)
    send(client, path, diseases=["malignant_tumour"])
    assert Rules.objects.get(pk=draft.pk).diseases == ["malignant_tumour"]

    send(client, path, norm="2020")

    found = Rules.objects.get(pk=draft.pk)
    assert (found.norm, found.diseases) == ("2020", None)


def test_a_draft_says_what_it_lacks_and_cannot_be_published_before(
    officer: Account, reviewer: Account
) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))
    other = desk(reviewer)

    check = other.get(page("rules_check", draft.pk))
    answer = send(other, page("rules_publish", draft.pk), 400, typed="2021-12")

    assert "No benefit is set." in text(check)
    assert page("rules_publish", draft.pk) not in check.content.decode()
    assert "The summary in Chinese is missing." in text(answer)
    assert Rules.objects.get().published_at is None


def test_a_draft_is_shown_as_members_will_see_it(officer: Account) -> None:
    client = desk(officer)
    plan = make.plan()
    draft = new_draft(client, plan, version="2022-01", effective_on=BEGINS.isoformat())
    send(client, page("rules_draft", draft.pk), fee_bp="5", change_en="Less.")
    path = page("rules_preview", draft.pk)

    whole, changes = client.get(path), client.get(path, {"show": "changes"})

    assert "Time to undo joining" in text(whole)
    assert "Less." in text(changes)
    assert "Draft" in text(whole)
    public = reverse("portal:rules_version", args=[plan.code, "2022-01"])
    assert client.get(public).status_code == 404


def test_a_draft_is_discarded(officer: Account) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))

    answer = client.post(page("rules_discard", draft.pk))

    assert answer.status_code == 302
    assert not Rules.objects.exists()
    assert client.get(page("rules_discard", draft.pk)).status_code == 405


def test_a_published_version_has_no_form(officer: Account) -> None:
    rules = make.plan().rules.get()
    client = desk(officer)

    assert client.get(page("rules_draft", rules.pk)).status_code == 302
    assert client.post(page("rules_draft", rules.pk), {"fee_bp": "1"}).status_code == 302
    shown = client.get(page("rules_change", rules.pk))
    assert page("rules_draft", rules.pk) not in shown.content.decode()
    assert "188.00 yuan" in text(shown)


def test_who_drafted_is_told_that_another_publishes(officer: Account, reviewer: Account) -> None:
    client = desk(officer)
    draft = new_draft(client, new_plan(client))
    Rules.objects.filter(pk=draft.pk).update(drafted_by=reviewer)
    path = page("rules_publish", draft.pk)

    assert "You changed this draft last" in text(desk(reviewer).get(path))
    assert send(desk(reviewer), path, 403, typed="2021-12")
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("name", ["rules_publish", "plan_close", "invitation_new"])
def test_what_cannot_be_taken_back_asks_for_the_login_again(
    name: str, officer: Account, reviewer: Account
) -> None:
    plan = make.plan(admission="invitation")
    draft = new_draft(desk(officer), plan, version="2022-01", effective_on=BEGINS.isoformat())
    by, args = {
        "rules_publish": (reviewer, [draft.pk]),
        "plan_close": (reviewer, [plan.pk]),
        "invitation_new": (officer, []),
    }[name]
    data = {"typed": "critical", "why": "x", "plan": plan.pk, "uses_allowed": 1, "seen": ""}

    for answer in (
        desk(by, fresh=False).get(page(name, *args)),
        desk(by, fresh=False).post(page(name, *args), data),
    ):
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer["Location"]

    plan.refresh_from_db()
    assert plan.closed_on is None
    assert not Invitation.objects.exists()


# --- the end


def test_a_plan_is_closed_on_the_desk(reviewer: Account) -> None:
    plan = make.plan()
    client = desk(reviewer)
    path = page("plan_close", plan.pk)

    refused = send(client, path, 400, typed="other", why="办不下去了。")
    send(client, path, typed=plan.code, why="办不下去了。")

    plan.refresh_from_db()
    assert list(refused.context["form"].errors) == ["typed"]
    assert (plan.closed_on, plan.closed_by) == (TODAY, reviewer)
    assert "办不下去了。" in text(client.get(page("plan_change", plan.pk)))
    assert send(client, path, 409, typed=plan.code, why="又一次。")


# --- health questions


def test_questions_in_use_are_read_and_copied(officer: Account) -> None:
    used = make.plan().rules.get().question_set
    client = desk(officer)

    shown = client.get(page("questionset_change", used.pk))
    send(client, page("questionset_new"), code="newer", source=str(used.pk))

    assert "<textarea" not in shown.content.decode()
    assert "never change" in text(shown)
    newer = QuestionSet.objects.get(code="newer")
    path = page("questionset_questions", newer.pk)
    send(client, path, rows={"questions-0-text_en": "Ever any cancer?",
                          "questions-6-text_zh": "新问题？", "questions-6-text_en": "New?",
                          "questions-1-text_zh": None, "questions-1-text_en": None,
                          "questions-1-hint_zh": None, "questions-1-hint_en": None})  # fmt: skip
    assert newer.questions.get(place=1).text_en == "Ever any cancer?"
    assert newer.questions.count() == 6
    assert used.questions.get(place=1).text_en == "Has there ever been a cancer?"


def test_a_question_without_chinese_is_told_at_its_row(officer: Account) -> None:
    client = desk(officer)
    send(client, page("questionset_new"), code="newer")
    path = page("questionset_questions", QuestionSet.objects.get(code="newer").pk)

    answer = send(client, path, 400, rows={"questions-2-text_en": "English alone?"})

    assert list(answer.context["form"].errors) == ["questions-2-text_zh"]


def test_whoever_may_not_change_questions_reads_them(reviewer: Account) -> None:
    used = make.plan().rules.get().question_set
    path = page("questionset_questions", used.pk)

    assert desk(reviewer).get(path).status_code == 200
    assert desk(reviewer).post(path).status_code == 403


# --- invitations


def test_an_invitation_shows_its_code_this_once(officer: Account) -> None:
    plan = make.plan(admission="invitation")
    client = desk(officer)
    path = page("invitation_new")

    answer = send(client, path, 200, plan=str(plan.pk), uses_allowed="2", note="给山谷里的人")
    code = re.search(r"<strong>([A-Z2-9]{10})</strong>", answer.content.decode())

    assert code is not None
    assert "no-store" in answer["Cache-Control"]
    assert code[1] not in client.get(page("invitation_changelist")).content.decode()
    assert "0 of 2" in text(client.get(page("invitation_changelist")))
    assert code[1] not in client.get(
        page("invitation_change", Invitation.objects.get().pk)
    ).content.decode()  # fmt: skip
    member = make.member()
    make.answers(member, plan)
    by = make.guardian(member)
    given: dict[str, Any] = {"member_id": member.pk, "plan_id": plan.pk, "by": by}
    actions.use_invitation(code=code[1], at=clock.now(), **given)
    actions.join(at=clock.now(), **given)
    assert Membership.objects.open().filter(plan=plan).exists()
    assert "1 of 2" in text(client.get(page("invitation_changelist")))


def test_an_invitation_is_for_at_least_one(officer: Account) -> None:
    plan = make.plan(admission="invitation")

    answer = send(desk(officer), page("invitation_new"), 200, plan=str(plan.pk), uses_allowed="0")

    assert list(answer.context["form"].errors) == ["uses_allowed"]
    assert not Invitation.objects.exists()


# --- what is not published is nobody's business


def test_a_plan_that_is_being_set_up_is_seen_by_nobody(officer: Account) -> None:
    make.plan()
    client = desk(officer)
    plan = new_plan(client)
    new_draft(client, plan)
    make.member(account := make.account())
    reader = Client()
    reader.force_login(account)

    assert "山谷" not in reader.get(reverse("portal:plans")).content.decode()
    for path in (
        reverse("portal:plan", args=["valley"]),
        reverse("portal:rules_versions", args=["valley"]),
        reverse("portal:join") + "?plan=valley",
    ):
        assert reader.get(path).status_code == 404
    assert "valley" not in reader.get("/api/v1/plans/").content.decode()


def test_a_plan_that_opens_later_says_so_and_takes_no_answers() -> None:
    plan = plans_data.ensure("critical", opened_on=BEGINS)
    make.member(account := make.account())
    reader = Client()
    reader.force_login(account)

    assert reader.get("/").status_code == 200
    way = reader.get(reverse("portal:join") + f"?plan={plan.code}")
    assert way.status_code == 200
    reader.post(reverse("portal:question", args=[1]), {"answer": "no"})
    assert not JoinDraft.objects.filter(answers_sealed__isnull=False).exists()
