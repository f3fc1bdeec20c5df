"""From an empty account to the receipt, by the pages."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from members import actions, quiz
from members.models import (
    Account,
    HealthQuestion,
    HouseholdLink,
    Member,
    Membership,
    PreCheck,
    QuestionSet,
)
from tests import make

pytestmark = pytest.mark.django_db


def signed_in(account: Account | None = None) -> tuple[Client, Account]:
    client, account = Client(), account or make.account()
    client.force_login(account)
    client.cookies["django_language"] = "en"
    return client, account


RIGHT = {question.code: question.right for question in quiz.QUESTIONS}


def answer_all(client: Client, answer: str = "no") -> None:
    """Every step but the last: the plan, the quiz, the questions, the payment."""
    client.post(reverse("portal:join_rules"))
    client.post(reverse("portal:quiz"), RIGHT)
    for place in range(1, HealthQuestion.objects.count() + 1):
        client.post(reverse("portal:question", args=[place]), {"answer": answer})
    client.post(reverse("portal:join_payment"), {"agree": "on"})


@pytest.mark.parametrize(
    "name",
    ["me", "inbox", "family", "family_add", "payment", "join", "join_rules", "quiz", "check"],
)
def test_a_members_page_asks_a_stranger_to_sign_in(name: str, client: Client) -> None:
    response = client.get(reverse(f"portal:{name}"))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_a_person_adds_herself_answers_and_joins() -> None:
    make.plan()
    client, account = signed_in()
    number = make.id_number()

    added = client.post(
        reverse("portal:family_add"), {"relation": "self", "name": "林秀梅", "id_number": number}
    )
    answer_all(client)
    response = client.post(reverse("portal:check"), {"agree": "on"}, follow=True)

    assert added["Location"].startswith(reverse("portal:join_next"))
    membership = Membership.objects.get(payer=account)
    page = response.content.decode()
    assert membership.number in page
    assert "1 March 2022" in page  # illness covered
    assert "14 December 2021" in page  # first share


def test_a_refused_person_is_shown_at_the_field_and_the_input_is_kept() -> None:
    make.plan()
    client, _account = signed_in()

    response = client.post(
        reverse("portal:family_add"),
        {"relation": "self", "name": "林秀梅", "id_number": "330106198505050021"},
    )

    assert list(response.context["form"].errors) == ["id_number"]
    page = response.content.decode()
    assert 'value="330106198505050021"' in page
    assert 'value="林秀梅"' in page
    assert 'href="#id_id_number"' in page
    assert not Member.objects.exists()


def test_an_empty_answer_is_asked_for_again() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)

    response = client.post(reverse("portal:question", args=[2]), {})

    assert response.status_code == 200
    assert 'href="#id_answer_0"' in response.content.decode()
    assert response.content.decode().count("<title>Error:") == 1


def test_a_question_remembers_its_answer_and_leads_to_the_next() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)

    response = client.post(reverse("portal:question", args=[1]), {"answer": "yes"})

    assert response["Location"] == reverse("portal:question", args=[2])
    page = client.get(reverse("portal:question", args=[1])).content.decode()
    assert "checked" in page.split('value="yes"')[1][:60]


def test_with_a_yes_the_list_says_where_to_look_and_nobody_joins() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    answer_all(client)
    client.post(reverse("portal:question", args=[3]) + "?check", {"answer": "yes"})

    page = client.get(reverse("portal:join")).content.decode()
    forced = client.post(reverse("portal:check"), {"agree": "on"})

    assert "Please look again" in page
    assert forced["Location"] == reverse("portal:join")
    assert not Membership.objects.exists()


def test_not_sure_goes_to_a_reviewer_and_the_answer_lets_them_join() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    answer_all(client)

    asked = client.post(reverse("portal:question", args=[5]) + "?check", {"answer": "unsure"})
    described = client.post(asked["Location"], {"story": "体检说有结节，医生让复查。"}, follow=True)
    waiting = client.get(reverse("portal:join")).content.decode()
    actions.answer_precheck(
        precheck_id=PreCheck.objects.get().pk, ruling="no", by=make.staff("reviewer"),
        reply="二级结节、一年复查，不影响加入；复查结果请保存好。", at=make.NOON,
    )  # fmt: skip
    answered = client.get(asked["Location"]).content.decode()
    client.post(reverse("portal:check"), {"agree": "on"})

    assert asked["Location"] == reverse("portal:precheck", args=[5])
    assert "You will have an answer in writing by 6 December 2021" in described.content.decode()
    assert "Answer by 6 December 2021" in waiting
    assert "二级结节、一年复查" in answered
    assert Membership.objects.get().payer == account


def test_a_story_is_asked_for_before_it_goes_to_a_reviewer() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)

    response = client.post(reverse("portal:precheck", args=[5]), {"story": " "})

    assert list(response.context["form"].errors) == ["story"]
    assert not PreCheck.objects.exists()


def test_the_quiz_explains_every_answer_and_lets_one_try_again() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)

    missed = client.post(reverse("portal:quiz"), RIGHT | {"leave": "fee"})
    passed = client.post(reverse("portal:quiz"), RIGHT)

    assert missed.context["wrong"] == ["leave"]
    assert missed.content.decode().count("Right:") == 4
    assert "Two taps on your page" in missed.content.decode()
    assert passed.context["passed"]
    assert passed.content.decode().count("<section") == 5


def test_nothing_on_the_way_is_ticked_before() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    answer_all(client)
    pages = [reverse("portal:join_payment"), reverse("portal:check"), reverse("portal:quiz")]

    ticked = [
        url for url in pages if re.search(r"<input[^>]* checked", client.get(url).content.decode())
    ]

    assert ticked == []


def test_the_plan_is_shown_with_the_numbers_of_its_last_period() -> None:
    plan = make.plan()
    make.disclosure(plan=plan, members=3, cases=1, benefit_fen=100_00)
    client, account = signed_in()
    make.member(account)

    page = client.get(reverse("portal:join_rules")).content.decode()

    assert "36.00" in page


def test_a_plan_without_health_questions_does_not_ask_any() -> None:
    make.plan()
    nothing = QuestionSet.objects.create(code="none")
    plan = make.plan(code="accident", question_set=nothing, accidents_only=True, waiting_days=0)
    client, account = signed_in()
    make.member(account)
    client.get(reverse("portal:join") + f"?plan={plan.code}")
    client.post(reverse("portal:join_rules"))
    client.post(reverse("portal:quiz"), RIGHT)
    client.post(reverse("portal:join_payment"), {"agree": "on"})

    page = client.get(reverse("portal:join")).content.decode()
    client.post(reverse("portal:check"), {"agree": "on"})

    assert "Health questions" not in page
    assert Membership.objects.get().plan == plan


def test_the_tick_is_asked_for() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    answer_all(client)

    response = client.post(reverse("portal:check"), {})

    assert list(response.context["form"].errors) == ["agree"]
    assert not Membership.objects.exists()


def test_the_check_page_sends_back_who_is_not_ready() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)

    assert client.get(reverse("portal:check"))["Location"] == reverse("portal:join")


def test_who_is_too_old_is_told_on_the_list() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account, born=date(1950, 1, 1))

    page = client.get(reverse("portal:join")).content.decode()

    assert "up to 59 years" in page
    assert "bottom-bar" not in page


def test_one_joins_for_a_parent_and_the_pages_say_for_whom() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    mother = make.member(account, name="陈桂香", born=date(1965, 4, 4), relation="parent")

    page = client.get(reverse("portal:join") + f"?as={mother.pk}").content.decode()
    answer_all(client)
    kept_back = client.post(reverse("portal:check"), {"agree": "on"})
    phone = {"step": "phone", "phone": "120 1234 5678"}
    with make.sent_at_once():
        client.post(reverse("portal:consent", args=[mother.pk]), phone)
    code = {"step": "code", "code": make.sms_code("12012345678")}
    client.post(reverse("portal:consent", args=[mother.pk]), code)
    client.post(reverse("portal:check"), {"agree": "on"})

    assert "You are acting for <strong>陈桂香</strong>" in page
    assert kept_back["Location"] == reverse("portal:join")
    assert Membership.objects.get().member == mother


def test_nobody_acts_for_a_stranger() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    stranger = make.member()

    response = client.get(reverse("portal:join") + f"?as={stranger.pk}")

    assert response.status_code == 403
    assert not HouseholdLink.objects.filter(account=account, member=stranger).exists()


def test_a_receipt_is_for_the_family_alone() -> None:
    membership = make.membership()
    client, _account = signed_in()

    assert client.get(reverse("portal:joined", args=[membership.number])).status_code == 404
