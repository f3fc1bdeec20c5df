"""The plans side by side, one plan, and joining one by invitation."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from members import actions, plans_data
from members.models import Plan
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def reader() -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    return client


def test_each_plan_says_for_whom_it_is_and_what_it_asks() -> None:
    make.plan()
    for code in ("senior", "transport", "score", "rising", "village"):
        plans_data.ensure(code)
    Plan.objects.filter(code="village").update(closed_on=clock.today())

    page = reader().get(reverse("portal:plans")).content.decode()

    for words in (
        "Cancer Plan for the Old", "None; this plan is for accidents alone", "650 points",
        "365 days from 40 years on", "at most 5,000 members", "Closed",
    ):  # fmt: skip
        assert words in page
    assert page.index("Plan by Invitation") > page.index("Plan that Rises")  # closed ones last


def test_a_plan_shows_its_sums_and_the_way_in() -> None:
    plans_data.ensure("senior")
    rising = plans_data.ensure("rising")

    old = reader().get(reverse("portal:plan", args=["senior"])).content.decode()
    page = reader().get(reverse("portal:plan", args=["rising"])).content.decode()

    assert "100,000.00 yuan" in old
    assert "50,000.00 yuan" in old
    assert "Malignant tumour, mild" in old
    assert "1/3" in page
    assert f"{reverse('portal:join')}?plan={rising.code}" in page
    assert reader().get(reverse("portal:plan", args=["none"])).status_code == 404


def test_a_closed_plan_says_so_before_the_first_step() -> None:
    plan, account = plans_data.ensure("long_wait"), make.account()
    make.member(account)
    Plan.objects.filter(pk=plan.pk).update(closed_on=clock.today())
    client = reader()
    client.force_login(account)

    shown = reader().get(reverse("portal:plan", args=[plan.code])).content.decode()
    page = client.get(reverse("portal:join") + f"?plan={plan.code}").content.decode()

    assert "Join this plan" not in shown
    assert "takes nobody any more" in page


def test_an_invitation_is_the_first_step_where_it_is_asked() -> None:
    plan, account = plans_data.ensure("village"), make.account()
    make.member(account)
    code = actions.invite(
        plan_id=plan.pk, uses_allowed=1, by=make.staff("data_officer"), at=clock.now()
    )[1]
    client, url = reader(), reverse("portal:join_invitation")
    client.force_login(account)

    listed = client.get(reverse("portal:join") + "?plan=village").content.decode()
    wrong = client.post(url, {"code": "WRONGCODE2"})
    right = client.post(url, {"code": code.lower()})

    assert "1. Your invitation" in listed
    assert "does not count" in wrong.content.decode()
    assert 'value="WRONGCODE2"' in wrong.content.decode()
    assert right["Location"] == reverse("portal:join_rules")


def test_a_plan_without_questions_goes_straight_to_the_payment() -> None:
    plans_data.ensure("transport")
    account, client = make.account(), reader()
    make.member(account)
    client.force_login(account)

    page = client.get(reverse("portal:join") + "?plan=transport").content.decode()

    assert "Health questions" not in page
    assert "4. How shares are paid" in page
