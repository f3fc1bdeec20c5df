"""The members' verbs in the API: the same acts, refusals and records as on the pages."""

from __future__ import annotations

import ast
import io
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from members import actions, quiz, sms
from members.models import (
    AccessRecord,
    Account,
    CalendarFeed,
    DataExport,
    Declaration,
    ErasureRequest,
    FamilyRequest,
    HouseholdLink,
    Mandate,
    Member,
    Membership,
    PreCheck,
    RuleConsent,
)
from mutualaid import clock
from tests import make

ROOT = Path(__file__).resolve().parent.parent.parent
STORY = "去年三月在县医院查出甲状腺结节，医生说半年后复查。"


def signed_in(account: Account, *, fresh: bool = False) -> Client:
    """A program of somebody who has logged in; `fresh`: and has just shown it once more."""
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(account)
    if fresh:
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session["account_authentication_methods_user"] = str(account.pk)
        session.save()
    return client


def send(client: Client, address: str, status: int = 200, **said: Any) -> Any:
    answer = client.post(f"/api/v1/{address}", said, content_type="application/json")
    assert answer.status_code == status, answer.content.decode()
    return answer.json() if answer.content else None


def read(client: Client, address: str) -> Any:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content.decode()
    return answer.json()


# --- every verb has an address

# What no member does: the clock, staff, programs on the server, and readers that others call.
NOT_FOR_MEMBERS = {
    "after_correction_ruling", "announce", "answer_precheck", "answerers", "begin_import",
    "can_reinstate_until", "check_age", "check_may_erase", "check_open", "end_membership",
    "export_until", "first_day_of_cover", "import_for_real", "invite", "keys_by_name",
    "list_kept_until", "masked_contacts", "notify", "open_id_number", "open_sealed", "phone_of",
    "predecessor",
    "problems_file", "replay_erasures", "rotate_keys", "run_import", "seal", "show_person",
    "undo_until", "upload_list",
    # The help line's, and what staff do to make sure who asks for an account.
    "act_in_call", "begin_help_call", "check_confirms", "check_upholds", "close_help_call",
    "code_until", "consent_help_call", "ring_up", "uphold_recovery",
}  # fmt: skip
# Logging in is allauth's alone, by a browser: no second path (members/adapters.py, portal/views).
LOGINS = {
    "account_by_phone", "ask_code", "check_turn", "confirm_fresh", "count_turn", "enter",
    "forget_turns", "network", "phone_number", "set_phone", "ask_recovery", "confirm_recovery",
    "object_to_recovery", "open_recoveries",
}  # fmt: skip
# Plans are set up, published and closed on the desk.
SET_UP = {
    "check_second_person", "close_below", "close_plan", "discard_draft", "draft_plan",
    "draft_questions", "draft_rules", "edit_plan", "edit_questions", "edit_rules", "publish_rules",
    "questions_in_use", "set_bands", "set_steps",
}  # fmt: skip
# Called by a verb of another room, which has the address.
ELSEWHERE = {"reinstate": "assessments/api.py"}


def called(path: Path) -> set[str]:
    """The verbs that a file calls as `actions.verb(…)`."""
    return {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "actions"
    }


def test_every_verb_of_a_member_has_an_address() -> None:
    ours = set[str]().union(*(called(path) for path in (ROOT / "members" / "api").glob("*.py")))
    verbs = {name for name in actions.__all__ if not name.isupper() and not name.endswith("_due")}

    assert sorted(verbs - ours - NOT_FOR_MEMBERS - LOGINS - SET_UP - set(ELSEWHERE)) == []
    assert sorted((NOT_FOR_MEMBERS | LOGINS | SET_UP) - verbs) == []
    assert "come_back" in called(ROOT / ELSEWHERE["reinstate"])


def test_every_view_of_the_api_has_an_address_and_calls_one_verb() -> None:
    def views(resolver: Any) -> set[str]:
        return {
            name
            for found in resolver.url_patterns
            for name in (
                views(found)
                if hasattr(found, "url_patterns")
                else {getattr(getattr(found.callback, "cls", None), "__name__", "")}
            )
        }

    written = {
        node.name
        for path in (ROOT / "members" / "api").glob("*.py")
        if path.name != "base.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("View")
    }

    assert written - views(get_resolver()) == set()


def test_the_schema_is_valid_without_a_warning_and_says_what_a_refusal_is(tmp_path: Path) -> None:
    file = tmp_path / "schema"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))

    text = file.read_text()

    assert "operationId: Leave\n" in text
    assert "#/components/schemas/Refusal" in text


# --- families


@pytest.mark.django_db
def test_a_family_grows_by_the_code_that_an_adult_passes_on() -> None:
    account, number = make.account(), make.id_number(date(1960, 1, 2))
    client = signed_in(account)

    added = send(client, "family/", 201, name="林父", id_number=number, relation="parent")
    with make.sent_at_once():
        sent = send(client, f"family/{added['member']}/consent/ask/", 201, phone="12000000017")
    wrong = send(client, f"family/{added['member']}/consent/answer/", code="000000x")
    code = make.sms_code("12000000017")
    right = send(client, f"family/{added['member']}/consent/answer/", code=code)

    assert (sent["tail"], wrong, right) == ("0017", {"agreed": False}, {"agreed": True})
    assert len(sms.written("12000000017")) == 1
    [link] = read(client, "family/")
    assert (link["name"], link["relation"]) == ("林父", "parent")
    assert link["consented_at"]


@pytest.mark.django_db
def test_who_has_an_account_is_asked_in_it_and_the_answer_ends_with_either() -> None:
    number, own, family = make.id_number(), make.account(), make.account()
    actions.add_member(
        account_id=own.pk, name="林秀梅", id_number=number, relation="self", by=own, at=make.NOON
    )
    asking, asked = signed_in(family), signed_in(own)
    person = {"name": "林秀梅", "relation": "spouse"}

    known = send(asking, "family/ask/", 204, id_number=number, **person)
    unknown = send(asking, "family/ask/", 204, id_number=make.id_number(), **person)
    [request] = read(asked, "family/requests/")
    send(asked, f"family/requests/{request['id']}/answer/", 204, accept=True)
    [link] = read(asking, "family/")
    send(asking, f"family/{link['member']}/end/", 204)

    assert known == unknown
    assert request["name"] == "林**"
    assert FamilyRequest.objects.get().accepted
    assert read(asking, "family/") == []


# --- joining


def on_the_way(client: Client, member: Member, plan: str, **changed: str) -> str:
    way = f"join/{member.pk}/{plan}/"
    send(client, f"{way}rules/")
    right = {question.code: question.right for question in quiz.QUESTIONS}
    assert send(client, f"{way}quiz/", answers=right)["passed"]
    state = send(client, f"{way}payment/")
    for question in state["questions"]:
        answer = changed.get(question["code"], "no")
        send(client, f"{way}answers/", code=question["code"], answer=answer)
    return way


@pytest.mark.django_db
def test_joining_from_the_rules_to_the_receipt() -> None:
    plan, member = make.plan(), make.member()
    client = signed_in(make.guardian(member))

    way = on_the_way(client, member, plan.code)
    state = read(client, way)
    cover = send(client, f"{way}join/", 201)

    assert set(state["answers"].values()) == {"no"}
    assert all(state[step] for step in ("rules_read_at", "quiz_passed_at", "payment_agreed_at"))
    assert cover["status"] == "waiting"
    assert Membership.objects.get().number == cover["number"]
    assert AccessRecord.objects.filter(what="draft", why="own").exists()


@pytest.mark.django_db
def test_the_plans_and_their_terms_of_today_are_open_to_everybody(client: Client) -> None:
    plan = make.plan()

    [shown] = read(client, "plans/")

    terms = plan.rules.get()
    assert (shown["code"], shown["rules"]["version"]) == (plan.code, terms.version)
    assert [band["benefit_fen"] for band in shown["rules"]["bands"]] == [30_000_000, 10_000_000]


@pytest.mark.django_db
def test_a_step_that_is_missing_is_the_sentence_of_the_page() -> None:
    plan, member = make.plan(), make.member()
    client = signed_in(make.guardian(member))

    refused = send(client, f"join/{member.pk}/{plan.code}/join/", 409)

    assert "rules first" in refused["detail"]
    assert not Membership.objects.exists()


@pytest.mark.django_db
def test_a_quiz_that_is_wrong_is_explained() -> None:
    plan, member = make.plan(), make.member()
    client = signed_in(make.guardian(member))
    questions = read(client, "quiz/")
    right = {question.code: question.right for question in quiz.QUESTIONS}
    first = questions[0]["code"]
    right[first] = next(choice for choice in questions[0]["choices"] if choice != right[first])

    result = send(client, f"join/{member.pk}/{plan.code}/quiz/", answers=right)

    assert not result["passed"]
    assert list(result["wrong"]) == [first]


@pytest.mark.django_db
def test_a_question_to_a_reviewer_is_asked_read_and_taken_back() -> None:
    plan, member = make.plan(), make.member()
    client = signed_in(make.guardian(member))
    way = on_the_way(client, member, plan.code, lumps="unsure")

    asked = send(client, f"{way}prechecks/", 201, code="lumps", story=STORY)
    opened = read(client, f"prechecks/{asked['id']}/")
    listed = read(client, f"{way}prechecks/")
    back = send(client, f"prechecks/{asked['id']}/withdraw/")

    assert (opened["story"], opened["reply"]) == (STORY, "")
    assert [each["id"] for each in listed] == [asked["id"]]
    assert "story" not in listed[0]
    assert back["withdrawn_at"]
    assert AccessRecord.objects.filter(what="precheck_story").count() == 1


# --- a membership


@pytest.mark.django_db
def test_leaving_staying_and_undoing() -> None:
    membership = make.membership(joined=make.NOON)
    client = signed_in(membership.payer)
    address = f"cover/{membership.number}/"

    leaving = send(client, f"{address}leave/")
    staying = send(client, f"{address}keep/")
    undone = send(client, f"{address}undo/")
    again = send(client, f"{address}keep/", 409)

    assert leaving["leaving_at"]
    assert staying["leaving_at"] is None
    assert (undone["status"], undone["end_reason"]) == ("ended", "undone")
    assert "already ended" in again["detail"]


@pytest.mark.django_db
def test_rules_are_accepted() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, make.NOON.date() + timedelta(days=40))
    client = signed_in(membership.payer)

    kept = send(client, f"cover/{membership.number}/rules/", version=rules.version)
    send(client, f"cover/{membership.number}/rules/", 404, version="no such")

    assert kept["kind"] == RuleConsent.Kind.ACCEPTED
    assert len(read(client, f"cover/{membership.number}/rules/")) == 2


@pytest.mark.django_db
def test_a_declaration_is_corrected_judged_and_objected_to() -> None:
    membership = make.membership()
    client, address = signed_in(membership.payer), f"cover/{membership.number}/declarations/"
    said = {"code": "lumps", "answer": "yes", "since": "before", "story": STORY}

    kept = send(client, address, 201, **said)
    review = PreCheck.objects.get()
    actions.answer_precheck(
        precheck_id=review.pk, ruling="yes", reply="结节在加入之前就查出来了，按这一题算有。",
        by=make.staff("reviewer"), at=clock.now(),
    )  # fmt: skip
    again = send(client, f"prechecks/{review.pk}/object/", 201, story="当时没有人告诉过我。")

    assert (kept["corrected"], kept["story"]) == ("lumps", STORY)
    assert [each["kind"] for each in read(client, address)] == ["joining", "correction"]
    assert Declaration.objects.count() == 2
    assert again["kind"] == "correction"


@pytest.mark.django_db
def test_the_payer_changes_by_the_word_of_both() -> None:
    membership, other = make.membership(), make.account()
    HouseholdLink.objects.create(
        account=other, member=membership.member, relation="child", made_at=make.NOON,
        consented_at=make.NOON, consent_way="account",
    )  # fmt: skip
    payer, taker = signed_in(membership.payer), signed_in(other)
    address = f"cover/{membership.number}/payer/"

    first = send(payer, address, 201, to_account=other.pk)
    send(payer, f"payer-changes/{first['id']}/withdraw/")
    second = send(payer, address, 201, to_account=other.pk)
    done = send(taker, f"payer-changes/{second['id']}/answer/", agree=True)

    membership.refresh_from_db()
    assert membership.payer == other
    assert done["closed_at"]
    assert len(read(taker, address)) == 2


@pytest.mark.django_db
def test_coming_back_is_refused_to_who_did_not_end_in_arrears() -> None:
    membership = make.membership()
    client = signed_in(membership.payer)
    send(client, f"cover/{membership.number}/leave/")

    send(client, f"cover/{membership.number}/come-back/", 409)


# --- the login


@pytest.mark.django_db
def test_a_payment_agreement_is_given_and_revoked() -> None:
    membership = make.membership()
    client = signed_in(membership.payer)

    given = send(client, "mandates/", 201, plan=membership.plan.code, anew=True)
    revoked = send(client, f"mandates/{given['id']}/revoke/")

    assert revoked["revoked_at"]
    assert len(read(client, "mandates/")) == 2
    assert not Mandate.objects.live(clock.today()).exists()


@pytest.mark.django_db
def test_messages_are_read_by_key_and_those_of_others_are_not() -> None:
    membership = make.membership()
    make.membership()

    found = read(signed_in(membership.payer), "notices/")["results"]

    assert {notice["code"] for notice in found} == {"joined"}
    assert membership.number in found[0]["text"]
    assert len(found) == 1


@pytest.mark.django_db
def test_the_link_of_the_calendar_works_until_it_is_removed() -> None:
    client = signed_in(make.membership().payer)

    link = send(client, "calendar/make/", 201)["url"]
    works = client.get(link.removeprefix("http://testserver")).status_code
    send(client, "calendar/remove/", 204)

    assert works == 200
    assert not CalendarFeed.objects.exists()


@pytest.mark.django_db
def test_the_copy_is_downloaded_by_who_has_shown_who_they_are() -> None:
    account = make.membership().payer
    asked = send(signed_in(account), "exports/", 202)
    actions.exports_due(at=clock.now())
    address = f"/api/v1/exports/{asked['id']}/file/"

    stale = signed_in(account).get(address)
    fresh: Any = signed_in(account, fresh=True).get(address)
    data = b"".join(fresh.streaming_content)

    assert stale.status_code == 403
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    [shown] = read(signed_in(account), "exports/")
    assert shown["size"] == len(data) == DataExport.objects.get().size


@pytest.mark.django_db
def test_being_forgotten_is_asked_for_and_taken_back() -> None:
    member = make.member()
    account = make.guardian(member)
    client = signed_in(account, fresh=True)

    send(signed_in(account), "erasures/", 403, member=member.pk)
    wish = send(client, "erasures/", 202, member=member.pk)
    back = send(client, f"erasures/{wish['id']}/withdraw/")

    assert back["withdrawn_at"]
    assert ErasureRequest.objects.count() == 1


# --- nobody else


@pytest.mark.django_db
def test_what_is_anothers_is_as_missing_as_nothing() -> None:
    own = make.membership()
    _kept, review = make.correction(own)
    mandate = Mandate.objects.get()
    stranger = signed_in(make.account())
    code = own.plan.code

    for there, nowhere in (
        (f"cover/{own.number}/leave/", "cover/M999999999/leave/"),
        (f"cover/{own.number}/declarations/", "cover/M999999999/declarations/"),
        (f"join/{own.member_id}/{code}/join/", f"join/999999/{code}/join/"),
        (f"prechecks/{review.pk}/withdraw/", "prechecks/999999/withdraw/"),
        (f"mandates/{mandate.pk}/revoke/", "mandates/999999/revoke/"),
        (f"family/{own.member_id}/end/", "family/999999/end/"),
    ):
        said = {"code": "lumps", "answer": "yes", "since": "before", "story": STORY}
        assert send(stranger, there, 404, **said) == send(stranger, nowhere, 404, **said)


@pytest.mark.django_db
def test_a_write_from_another_site_is_refused() -> None:
    membership = make.membership()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(membership.payer)

    answer = strict.post(f"/api/v1/cover/{membership.number}/leave/")

    assert answer.status_code == 403
    membership.refresh_from_db()
    assert membership.leaving_at is None


@pytest.mark.django_db
def test_without_a_login_there_is_nothing(client: Client) -> None:
    for address in ("family/", "mandates/", "exports/", "erasures/", "notices/"):
        assert client.get(f"/api/v1/{address}").status_code == 403
