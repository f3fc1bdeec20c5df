"""Health questions at the desk: who finds them, how one is answered, and who is kept out."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from members import actions
from members.models import AccessRecord, Account, Membership, Notice, PreCheck
from mutualaid import clock
from mutualaid.errors import NotNow, Refused
from tests import make

pytestmark = pytest.mark.django_db
STORY = "体检说甲状腺有结节，二级，医生让一年后复查。"
REPLY = "二级结节、一年复查，不影响加入；复查结果请保存好。"


def asked(account: Account | None = None) -> PreCheck:
    """Somebody on the way to joining is not sure of one question."""
    member, plan = make.member(account), make.plan()
    make.answers(member, plan, lumps="unsure")
    return actions.ask_precheck(
        member_id=member.pk, plan_id=plan.pk, code="lumps", story=STORY,
        by=make.guardian(member), at=clock.now(),
    )  # fmt: skip


def page(precheck: PreCheck) -> str:
    return reverse("admin:members_precheck_answer", args=[precheck.pk])


def work(client: Client) -> list[str]:
    return [task.url for task in client.get("/staff/").context["queue"]]


def send(client: Client, precheck: PreCheck, ruling: str, **more: str) -> Any:
    said = {"ruling": ruling, "reply": REPLY, "step": "keep"} | more
    return client.post(page(precheck), said)


def ruled(precheck: PreCheck, ruling: str, by: Account) -> PreCheck:
    return actions.answer_precheck(
        precheck_id=precheck.pk, ruling=ruling, reply=REPLY, by=by, at=clock.now()
    )


# --- the queue


def test_it_waits_for_every_reviewer_by_its_date_and_for_nobody_else() -> None:
    precheck = asked()

    for role, there in (("reviewer", True), ("adjuster", False), ("finance", False)):
        client = make.desk_client(make.staff(role))
        assert (page(precheck) in work(client)) is there, role

    task = make.desk_client(make.staff("reviewer")).get("/staff/").context["queue"][0]
    assert (task.due_at, task.number) == (precheck.due_at, str(precheck.pk))
    assert task.who


def test_the_queue_names_nobody_and_opens_nothing() -> None:
    precheck = asked()
    read = AccessRecord.objects.count()

    shown = make.desk_client(make.staff("reviewer")).get("/staff/").content.decode()

    assert precheck.member.name not in shown
    assert STORY not in shown
    assert AccessRecord.objects.count() == read


def test_a_question_of_the_own_family_is_not_in_the_queue_and_its_page_is_closed() -> None:
    reviewer = make.staff("reviewer")
    precheck = asked(reviewer)
    client = make.desk_client(reviewer)
    read = AccessRecord.objects.count()

    assert page(precheck) not in work(client)
    assert client.get(page(precheck)).status_code == 403
    assert send(client, precheck, "no").status_code == 403
    assert AccessRecord.objects.count() == read


def test_an_objection_is_not_for_whoever_answered_first() -> None:
    _kept, review = make.correction(make.membership())
    first, second = make.staff("reviewer"), make.staff("reviewer")
    ruled(review, "yes", first)
    objection = actions.object_to_ruling(
        precheck_id=review.pk, story=STORY, by=review.asked_by, at=clock.now()
    )

    assert page(objection) not in work(make.desk_client(first))
    assert page(objection) in work(make.desk_client(second))
    answer = make.desk_client(first).get(page(objection))
    assert answer.context["closed"]
    assert answer.context["first_reply"] == REPLY
    assert send(make.desk_client(first), objection, "no").status_code == 403
    assert PreCheck.objects.get(pk=objection.pk).answered_at is None


# --- the page


def test_the_story_is_opened_with_the_page_and_that_is_recorded_as_work() -> None:
    precheck, reviewer = asked(), make.staff("reviewer")
    client = make.desk_client(reviewer)

    shown = client.get(page(precheck))

    assert STORY in shown.content.decode()
    assert precheck.question.text in shown.content.decode()
    assert precheck.member.name not in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    record = AccessRecord.objects.get(by=reviewer)
    assert (record.what, record.why, record.object_id) == ("precheck_story", "work", precheck.pk)


def test_of_a_correction_what_was_declared_on_joining_is_shown() -> None:
    membership = make.membership()
    _kept, review = make.correction(membership)
    reviewer = make.staff("reviewer")

    shown = make.desk_client(reviewer).get(page(review))

    marked = [(answer, mark) for _question, answer, mark in shown.context["declared"]]
    assert len(marked) == membership.declaration.question_set.questions.count()
    assert [answer for answer, mark in marked if mark] == ["没有"]
    assert shown.context["corrected"] == "有"
    opened = AccessRecord.objects.filter(by=reviewer, what="declaration", why="work")
    assert membership.declaration_id in opened.values_list("object_id", flat=True)


def test_what_was_typed_survives_an_error_and_a_second_look() -> None:
    precheck = asked()
    client = make.desk_client(make.staff("reviewer"))

    short = client.post(page(precheck), {"ruling": "no", "reply": "可以加入。"})
    none = client.post(page(precheck), {"reply": REPLY})
    look = client.post(page(precheck), {"ruling": "yes", "reply": REPLY})
    back = client.post(page(precheck), {"ruling": "yes", "reply": REPLY, "step": "change"})

    assert short.context["problems"][0][0] == "id_reply"
    assert "可以加入。</textarea>" in short.content.decode()
    assert none.context["problems"][0][0] == "id_ruling_0"
    assert REPLY in none.content.decode()
    assert look.templates[0].name == "admin/members/precheck/check.html"
    assert look.context["effect"] in look.content.decode()
    assert f"{REPLY}</textarea>" in back.content.decode()
    assert not back.context["problems"]
    assert PreCheck.objects.get().answered_at is None


def test_sent_it_binds_and_the_family_reads_it() -> None:
    precheck, reviewer = asked(), make.staff("reviewer")
    client = make.desk_client(reviewer)

    answer = send(client, precheck, "no")

    precheck.refresh_from_db()
    assert answer["Location"] == page(precheck)
    assert (precheck.ruling, precheck.answered_by) == ("no", reviewer)
    told = Notice.objects.filter(account=precheck.asked_by).values_list("code", flat=True)
    assert "precheck_counts_as_no" in told
    assert page(precheck) not in work(client)
    assert REPLY in client.get(page(precheck)).content.decode()
    family = Client()
    family.force_login(precheck.asked_by)
    path = reverse("portal:precheck", args=[precheck.question.place])
    assert REPLY in family.get(path).content.decode()


def test_who_comes_second_is_told_and_loses_nothing_that_was_typed() -> None:
    precheck = asked()
    client = make.desk_client(make.staff("reviewer"))
    client.post(page(precheck), {"ruling": "yes", "reply": REPLY})
    ruled(precheck, "no", make.staff("reviewer"))

    late = send(
        client, precheck, "yes", reply="这是第二位审核员写的理由，一个字也没有丢掉，还在这里。"
    )

    assert late.status_code == 409
    assert "一个字也没有丢掉" in late.content.decode()
    assert late.context["problems"]
    assert PreCheck.objects.get().ruling == "no"


def test_the_family_takes_a_question_back_on_its_page_while_it_waits() -> None:
    waiting, answered = asked(), asked()
    ruled(answered, "yes", make.staff("reviewer"))
    for precheck in (waiting, answered):
        family = Client()
        family.force_login(precheck.asked_by)
        path = reverse("portal:precheck", args=[precheck.question.place])
        shown = family.get(path).content.decode()
        answer = family.post(path, {"do": "withdraw"})
        precheck.refresh_from_db()
        assert ('value="withdraw"' in shown) is (precheck is waiting)
        assert answer.status_code == (302 if precheck is waiting else 409)
        assert (precheck.withdrawn_at is None) is (precheck is answered)
        assert (reverse("portal:plans") in shown.split("<main")[1].split("</main")[0]) is (
            precheck is answered
        )


@pytest.mark.usefixtures("english")
def test_the_page_says_what_each_answer_brings_as_it_then_comes() -> None:
    membership = make.membership()
    _kept, review = make.correction(membership)
    client = make.desk_client(make.staff("reviewer"))
    client.cookies["django_language"] = "en"

    said = client.get(page(review)).content.decode()
    send(client, review, "yes")

    assert "The membership ends at once" in said
    membership.refresh_from_db()
    assert membership.end_reason == Membership.End.NOT_MET


def test_without_the_right_to_answer_the_page_is_for_reading() -> None:
    precheck, reviewer = asked(), make.staff("reviewer")
    group = reviewer.groups.get()
    group.permissions.remove(group.permissions.get(codename="change_precheck"))
    client = make.desk_client(reviewer)

    assert client.get(page(precheck)).context["closed"]
    assert send(client, precheck, "no").status_code == 403
    assert PreCheck.objects.get().answered_at is None


@pytest.mark.parametrize("state", ["waiting", "answered", "withdrawn"])
def test_the_list_has_a_filter_for_each_state(state: str) -> None:
    waiting, answered, back = asked(), asked(), asked()
    ruled(answered, "no", make.staff("reviewer"))
    actions.withdraw_precheck(precheck_id=back.pk, by=back.asked_by, at=clock.now())
    wanted = {"waiting": waiting, "answered": answered, "withdrawn": back}[state]
    client = make.desk_client(make.staff("reviewer"))

    shown = client.get(reverse("admin:members_precheck_changelist"), {"state": state})

    assert [row.pk for row in shown.context["cl"].result_list] == [wanted.pk]
    assert wanted.member.name not in shown.content.decode()


# --- two at once


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_one_answers_and_the_other_is_told() -> None:
    precheck = asked()
    reviewers = [make.staff("reviewer"), make.staff("reviewer")]
    together, said = Barrier(2), list[str]()

    def answer(by: Account, ruling: str) -> None:
        together.wait()
        try:
            ruled(precheck, ruling, by)
            said.append(ruling)
        except NotNow as refusal:
            said.append(str(refusal))
        except Refused as refusal:
            said.append(f"wrong: {refusal!r}")
        connections.close_all()

    threads = [
        Thread(target=answer, args=pair) for pair in zip(reviewers, ("no", "yes"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    precheck.refresh_from_db()
    assert precheck.ruling in said
    [other] = [each for each in said if each != precheck.ruling]
    assert other not in {"no", "yes"}
    assert not other.startswith("wrong")
    assert Notice.objects.filter(code__startswith="precheck_counts_as").count() == 1
