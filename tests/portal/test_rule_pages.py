"""Versions of the rules on pages: listed, whole, compared; and a member's answer to a change."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from claims import criteria
from members import actions, rulebook
from members.models import Membership, Plan, QuestionSet, RuleConsent, Rules
from mutualaid import clock
from mutualaid.clock import midnight
from tests import make

pytestmark = pytest.mark.django_db
BEGINS = date(2022, 1, 1)


@pytest.fixture
def plan() -> Plan:
    """Two versions: the second is announced."""
    plan = make.plan()
    make.new_rules(plan, BEGINS, max_age_years=65, fee_bp=850, change_en="You stay to 65.")
    return plan


def browser(membership: Membership | None = None, language: str = "en") -> Client:
    client = Client()
    client.cookies["django_language"] = language
    if membership:
        client.force_login(membership.payer)
    return client


def page(client: Client, name: str, *args: object) -> str:
    answer = client.get(reverse(f"portal:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def about(membership: Membership) -> tuple[str, str]:
    return membership.number, f"{BEGINS:%Y-%m}"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("version", ["2019-01", "2022-01"])
@pytest.mark.parametrize("name", ["rules_version", "rules_changes"])
def test_every_version_can_be_read_in_both_languages(
    name: str, version: str, language: str, plan: Plan
) -> None:
    text = page(browser(language=language), name, plan.code, version)

    assert version in text
    assert "%(" not in text


def test_all_versions_are_listed_with_their_state(plan: Plan) -> None:
    text = page(browser(), "rules_versions", plan.code)

    assert text.index("Version 2022-01") < text.index("Version 2019-01")
    assert "Announced" in text
    assert "In force" in text
    assert reverse("portal:rules_versions", args=[plan.code]) in page(browser(), "rules")


def test_a_draft_is_shown_to_nobody(plan: Plan) -> None:
    draft = Rules.objects.create(
        plan=plan,
        version="draft",
        effective_on=date(2023, 1, 1),
        question_set=QuestionSet.objects.get(),
    )

    for name in ("rules_version", "rules_changes"):
        url = reverse(f"portal:{name}", args=[plan.code, draft.version])
        assert browser().get(url).status_code == 404
    assert "draft" not in page(browser(), "rules_versions", plan.code)


def test_the_comparison_stands_beside_the_plain_words(plan: Plan) -> None:
    text = page(browser(), "rules_changes", plan.code, "2022-01")

    assert "You stay to 65." in text
    assert "<del>59 years</del>" in text
    assert "<ins>65 years</ins>" in text
    assert "<ins>8.5 %</ins>" in text
    assert text.index("Terms of cover") < text.index("Terms of money")


def test_a_whole_version_says_every_term(plan: Plan) -> None:
    text = page(browser(), "rules_version", plan.code, "2022-01")

    for term in rulebook.TERMS.values():
        assert str(term.label) in text


def test_illnesses_are_named_on_the_page() -> None:
    plan = make.plan()
    code = criteria.codes("2007")[0]
    make.new_rules(plan, BEGINS, diseases=[code])

    text = page(browser(), "rules_changes", plan.code, "2022-01")

    assert code not in text
    assert criteria.words(criteria.load("2007", code), "name", "en") in text


# --- a member's answer


def test_a_change_is_to_do_for_each_person_of_the_family_until_answered(plan: Plan) -> None:
    membership = make.membership(plan)
    mother = make.membership(
        plan, member=make.member(membership.payer, "陈桂香", date(1965, 4, 4), "parent")
    )
    client = browser(membership)
    mine, hers = (reverse("portal:rule_change", args=about(m)) for m in (membership, mother))

    before = page(client, "me")
    client.post(mine)
    after = page(client, "me")

    assert mine in before
    assert hers in before
    assert mine not in after
    assert hers in after


def test_accepting_and_leaving_are_two_equal_buttons(plan: Plan) -> None:
    membership = make.membership(plan)

    text = page(browser(membership), "rule_change", *about(membership))

    assert '<button class="btn btn-plain" form="accept">Accept</button>' in text
    leave = reverse("portal:leave", args=[membership.number])
    assert f'<a class="btn btn-plain" href="{leave}">Leave</a>' in text
    assert "No answer: cover goes on." in text
    assert "checked" not in text


def test_accepting_is_kept_and_confirmed(plan: Plan) -> None:
    membership = make.membership(plan)
    client = browser(membership)

    answer = client.post(reverse("portal:rule_change", args=about(membership)), follow=True)

    assert "Version 2022-01 is accepted" in answer.content.decode()
    consent = RuleConsent.objects.get(rules__version="2022-01")
    assert (consent.kind, consent.by) == ("accepted", membership.payer)
    assert "Accepted on" in page(client, "rule_change", *about(membership))


def test_the_confirmation_is_not_shown_before(plan: Plan) -> None:
    membership = make.membership(plan)

    answer = browser(membership).get(reverse("portal:rule_accepted", args=about(membership)))

    assert answer.status_code == 302


def test_a_refusal_is_said_on_the_page(plan: Plan) -> None:
    membership = make.membership(plan)
    Membership.objects.filter(pk=membership.pk).update(ended_at=make.NOON, end_reason="left")

    answer = browser(membership).post(reverse("portal:rule_change", args=about(membership)))

    assert answer.status_code == 409
    assert "This membership has ended" in answer.content.decode()


def test_who_was_silent_sees_it_and_may_still_accept(plan: Plan) -> None:
    membership = make.membership(plan)
    clock.move_to(midnight(BEGINS), frozen=True)
    actions.rules_due(at=clock.now())
    client = browser(membership)

    text = page(client, "rule_change", *about(membership))

    assert "There was no answer" in text
    assert "The rules have changed on" in text
    assert "Accept</button>" in text


def test_another_familys_answer_is_not_shown(plan: Plan) -> None:
    membership, other = make.membership(plan), make.membership(plan)

    answer = browser(other).post(reverse("portal:rule_change", args=about(membership)))

    assert answer.status_code == 404
    assert not RuleConsent.objects.filter(rules__version="2022-01").exists()
