"""The pages that anybody may read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import make

pytestmark = pytest.mark.django_db
PAGES = ["home", "how", "rules", "help", "privacy", "accessibility"]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_a_public_page_opens_in_both_languages(name: str, language: str, client: Client) -> None:
    make.plan()
    client.cookies["django_language"] = language

    response = client.get(reverse(f"portal:{name}"))

    assert response.status_code == 200
    assert f'lang="{"en" if language == "en" else "zh-Hans"}"' in response.content.decode()


@pytest.mark.parametrize("name", ["home", "how", "help"])
def test_a_house_without_a_plan_still_opens(name: str, client: Client) -> None:
    assert client.get(reverse(f"portal:{name}")).status_code == 200


def test_the_rules_page_says_the_numbers_of_the_rules(client: Client) -> None:
    make.plan(waiting_days=77, fee_bp=850, annual_cap_fen=12_345)
    client.cookies["django_language"] = "en"

    page = client.get(reverse("portal:rules")).content.decode()

    assert "77 days for illness" in page
    assert "8.5 % of the benefits" in page
    assert "123.45 yuan" in page
    assert "300,000.00 yuan" in page


def test_the_calculator_uses_the_arithmetic_of_the_split(client: Client) -> None:
    make.plan()
    asked = {"members": "71177000", "people_0": "800", "people_40": "2226", "surplus": "0"}

    response = client.get(reverse("portal:how"), asked)

    rows = response.context["answer"]
    assert rows[-1]["value"] == "7.02"


def test_a_nonsense_question_is_answered_at_its_field_and_kept(client: Client) -> None:
    make.plan()
    asked = {"members": "0", "people_0": "1", "people_40": "1", "surplus": "abc"}

    response = client.get(reverse("portal:how"), asked)

    assert set(response.context["form"].errors) == {"members", "surplus"}
    assert 'value="abc"' in response.content.decode()
    assert response.context["answer"] == []


def test_the_front_page_shows_the_published_numbers_with_their_proof(client: Client) -> None:
    period = make.disclosure(members=3, cases=1, benefit_fen=100_00).period

    page = client.get(reverse("portal:home")).content.decode()

    assert "36.00" in page  # (100 + 8) yuan over 3
    assert reverse("disclosures:period", args=[period.plan.code, period.number]) in page
    assert reverse("disclosures:money") in page


def test_the_front_page_counts_no_members(
    client: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    make.disclosure(members=3, cases=1)

    with django_assert_max_num_queries(16) as queries:
        client.get(reverse("portal:home"))

    assert not [q for q in queries.captured_queries if "members_membership" in q["sql"]]
