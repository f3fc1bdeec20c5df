"""From an empty account to the receipt, by the pages."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from members.models import Account, HealthQuestion, HouseholdLink, Member, Membership
from tests import make

pytestmark = pytest.mark.django_db


def signed_in(account: Account | None = None) -> tuple[Client, Account]:
    client, account = Client(), account or make.account()
    client.force_login(account)
    client.cookies["django_language"] = "en"
    return client, account


def answer_all(client: Client, answer: str = "no") -> None:
    for place in range(1, HealthQuestion.objects.count() + 1):
        client.post(reverse("portal:question", args=[place]), {"answer": answer})


@pytest.mark.parametrize("name", ["me", "inbox", "family_add", "join", "join_rules", "check"])
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
    client.post(reverse("portal:join_rules"))
    answer_all(client)
    response = client.post(reverse("portal:check"), {"agree": "on"}, follow=True)

    assert added["Location"].startswith(reverse("portal:join"))
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

    response = client.post(reverse("portal:question", args=[1]), {"answer": "unsure"})

    assert response["Location"] == reverse("portal:question", args=[2])
    page = client.get(reverse("portal:question", args=[1])).content.decode()
    assert 'value="unsure" id="id_answer_2" required checked' in page.replace("\n", "") or (
        "checked" in page.split('value="unsure"')[1][:60]
    )


@pytest.mark.parametrize("answer", ["yes", "unsure"])
def test_with_another_answer_than_no_the_check_page_says_so_and_has_no_button(answer: str) -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    client.post(reverse("portal:join_rules"))
    answer_all(client)
    client.post(reverse("portal:question", args=[3]) + "?check", {"answer": answer})

    page = client.get(reverse("portal:check")).content.decode()
    forced = client.post(reverse("portal:check"), {"agree": "on"})

    assert 'name="agree"' not in page
    assert "notice-wait" in page
    assert forced.status_code == 200
    assert forced.context["form"].non_field_errors()
    assert not Membership.objects.exists()


def test_the_tick_is_asked_for() -> None:
    make.plan()
    client, account = signed_in()
    make.member(account)
    client.post(reverse("portal:join_rules"))
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
    client.post(reverse("portal:join_rules"))
    answer_all(client)
    client.post(reverse("portal:check"), {"agree": "on"})

    assert "You are acting for <strong>陈桂香</strong>" in page
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
