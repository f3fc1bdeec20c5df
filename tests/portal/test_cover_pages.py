"""My cover: what holds now and later; what was declared and its corrections; who read it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from members import actions, places
from members.models import AccessRecord, Declaration, Member, Membership, PreCheck
from members.rules import age_on
from mutualaid import clock
from mutualaid.clock import SHANGHAI, midnight
from portal.cover import CoverOf, birthday
from tests import make

pytestmark = pytest.mark.django_db
TODAY = clock.day(make.NOON)


def browser(membership: Membership, language: str = "en") -> Client:
    client = Client()
    client.force_login(membership.payer)
    client.cookies["django_language"] = language
    return client


def page(client: Client, name: str, *args: object, query: str = "") -> str:
    answer = client.get(reverse(f"portal:{name}", args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


# --- today and later


def test_the_home_page_of_who_signed_in_leads_to_every_cover_in_one_tap() -> None:
    membership = make.membership()
    child = make.membership(
        member=make.member(membership.payer, "林小宝", date(2015, 1, 1), "child")
    )

    text = page(browser(membership), "home")

    for each in (membership, child):
        assert reverse("portal:cover", args=[each.number]) in text


def test_the_home_page_of_nobody_asks_for_no_cover(client: Client) -> None:
    make.membership()

    assert "/me/cover/" not in page(client, "home")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_cover_says_what_when_and_how_much(language: str) -> None:
    membership = make.membership()  # born 5 May 1985, joined 1 June 2021

    text = page(browser(membership, language), "cover", membership.number)

    assert "300,000.00" in text
    assert "100,000.00" in text
    assert 'datetime="2025-05-05"' in text
    assert ("5 May 2045" if language == "en" else "2045 年 5 月 5 日") in text
    assert membership.number in text
    assert "2019-01" in text


def test_the_waiting_period_counts_down_to_its_day(english: None) -> None:
    membership = make.membership(joined=make.NOON)

    text = page(browser(membership), "cover", membership.number)

    assert "Illness is covered in 90 days, from 1 March 2022" in text
    clock.move_to(midnight(membership.covered_from) - timedelta(seconds=1), frozen=True)
    text = page(browser(membership), "cover", membership.number)
    assert "Illness is covered in 1 day, from 1 March 2022" in text
    clock.move_to(midnight(membership.covered_from), frozen=True)
    text = page(browser(membership), "cover", membership.number)
    assert "Accidents and illness are covered today." in text


def test_a_plan_for_accidents_alone_says_so() -> None:
    membership = make.membership(make.plan(code="transport", accidents_only=True, waiting_days=0))

    text = page(browser(membership), "cover", membership.number)

    assert "Illness is not part of this plan" in text


def test_every_plan_a_person_is_in_is_shown() -> None:
    first = make.membership()
    second = make.membership(make.plan(code="second", annual_cap_fen=5_000), member=first.member)

    text = page(browser(first), "me")

    for each in (first, second):
        assert reverse("portal:cover", args=[each.number]) in text
    assert "50.00 yuan a year" in text


def test_what_is_shown_follows_the_rules_in_force() -> None:
    membership = make.membership()
    make.new_rules(membership.plan, date(2022, 1, 1), bands=[(0, 59, 20_000_000)])
    client = browser(membership)

    before = page(client, "cover", membership.number)
    clock.move_to(midnight(date(2022, 1, 1)), frozen=True)
    after = page(client, "cover", membership.number)
    mine = page(client, "me")

    assert "From 1 January 2022" in before
    assert "version 2022-01" in before
    assert "Today version 2022-01 holds" in after
    assert "200,000.00 yuan (age 36)" in mine
    assert "300,000.00" not in after


def test_an_ended_cover_can_still_be_read() -> None:
    membership = make.membership()
    Membership.objects.filter(pk=membership.pk).update(ended_at=make.NOON, end_reason="left")

    text = page(browser(membership), "cover", membership.number)

    assert "It ended on 1 December 2021" in text
    assert reverse("portal:leave", args=[membership.number]) not in text


def test_silence_and_acceptance_stand_on_the_page() -> None:
    membership = make.membership()
    rules = make.new_rules(membership.plan, date(2022, 1, 1))
    clock.move_to(midnight(date(2022, 1, 1)), frozen=True)
    actions.rules_due(at=clock.now())

    text = page(browser(membership), "cover", membership.number)

    assert f"Version {rules.version}" in text
    assert "did not answer" in text
    assert "accepted" in text


def test_strangers_see_nothing() -> None:
    membership, other = make.membership(), make.membership()
    client = browser(other)

    for name in ("cover", "declared", "correct"):
        assert client.get(reverse(f"portal:{name}", args=[membership.number])).status_code == 404


def test_pages_of_another_person_say_for_whom_one_acts() -> None:
    membership = make.membership()
    child = make.membership(
        member=make.member(membership.payer, "林小宝", date(2015, 1, 1), "child")
    )
    client = browser(membership)

    for name in ("cover", "declared", "correct"):
        text = page(client, name, child.number)
        assert "You are acting for <strong>林小宝</strong>" in text


# --- amounts: one table, then any birth


def of(born: date, on: date = TODAY, **rules: Any) -> CoverOf:
    """A cover joined long ago, not written anywhere."""
    plan = make.plan(**rules) if rules else make.plan()
    membership = Membership(
        pk=1,
        member=Member(name="林秀梅", birth_on=born),
        plan=plan,
        joined_at=datetime(2019, 1, 1, tzinfo=SHANGHAI),
        covered_from=date(2019, 4, 1),
    )
    return CoverOf(membership, on)


@pytest.mark.parametrize(
    ("born", "changes_on", "ends_on"),
    [
        (date(1985, 5, 5), date(2025, 5, 5), date(2045, 5, 5)),
        (date(1984, 2, 29), date(2024, 2, 29), date(2044, 2, 29)),
        (date(1992, 2, 29), date(2032, 2, 29), date(2052, 2, 29)),
        (date(1981, 12, 2), date(2021, 12, 2), date(2041, 12, 2)),
        (date(1962, 1, 1), None, date(2022, 1, 1)),
        (date(1988, 2, 29), date(2028, 2, 29), date(2048, 2, 29)),
    ],
)
def test_the_amount_changes_at_forty_and_ends_at_sixty(
    born: date, changes_on: date | None, ends_on: date
) -> None:
    cover = of(born)

    assert cover.until == ends_on
    assert [step.on for step in cover.steps()[1:]] == ([changes_on] if changes_on else [])


def test_somebody_born_on_a_leap_day_is_older_on_the_first_of_march() -> None:
    assert birthday(date(1984, 2, 29), 41) == date(2025, 3, 1)
    assert birthday(date(1984, 2, 29), 40) == date(2024, 2, 29)


def test_a_benefit_that_rises_with_tenure_has_its_dates() -> None:
    plan = make.plan()
    make.new_rules(plan, date(2022, 1, 1), steps=[(0, 1, 3), (1200, 2, 3), (1500, 1, 1)])

    steps = of(date(1985, 5, 5)).steps()

    assert [(step.on, step.fen) for step in steps] == [
        (TODAY, 30_000_000),
        (date(2022, 1, 1), 10_000_000),
        (date(2022, 7, 14), 20_000_000),
        (date(2023, 5, 10), 30_000_000),
        (date(2025, 5, 5), 10_000_000),
    ]


def test_a_version_that_raises_the_age_moves_the_end() -> None:
    make.new_rules(make.plan(), date(2022, 6, 1), max_age_years=65)

    assert of(date(1962, 8, 1)).until == date(2028, 8, 1)
    assert of(date(1962, 3, 1)).until == date(2022, 3, 1)


@given(born=st.dates(date(1962, 12, 3), TODAY - timedelta(days=40)))
def test_between_two_steps_the_amount_is_that_of_the_earlier(born: date) -> None:
    cover = of(born)
    steps = cover.steps()

    for step in steps:
        assert step.fen == cover.benefit_fen(step.on)
    for earlier, later in pairwise(steps):
        assert cover.benefit_fen(later.on - timedelta(days=1)) == earlier.fen
    last = cover.until - timedelta(days=1)
    assert cover.benefit_fen(last) == steps[-1].fen
    assert cover.benefit_fen(cover.until) == 0
    assert age_on(born, last) == 59
    assert age_on(born, cover.until) == 60


# --- what was declared


def test_what_was_declared_is_shown_whole_and_its_opening_recorded() -> None:
    membership = make.membership()
    client = browser(membership)

    text = page(client, "declared", membership.number)

    for question in membership.declaration.question_set.questions.all():
        assert question.text_en in text
    assert text.count("Your answer: No") == 6
    assert bytes(membership.declaration.digest).hex() in text
    assert AccessRecord.objects.filter(what="declaration", why="own").count() == 1


def filled(**changed: str) -> dict[str, str]:
    return {
        "answer": "yes",
        "since": "before",
        "story": "去年三月查出结节。",
        "step": "check",
    } | changed


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("after", "The cover stays as it is."),
        ("before", "A reviewer decides whether the cover stays."),
    ],
)
def test_the_page_says_what_a_correction_changes_before_anything_is_kept(
    since: str, said: str
) -> None:
    membership = make.membership()
    url = reverse("portal:correct_one", args=[membership.number, "lumps"])

    text = browser(membership).post(url, filled(since=since)).content.decode()

    assert said in text
    assert "去年三月查出结节。" in text
    assert not Declaration.objects.filter(kind="correction").exists()


def test_a_correction_is_kept_confirmed_and_shown() -> None:
    membership = make.membership()
    client = browser(membership)
    url = reverse("portal:correct_one", args=[membership.number, "lumps"])

    done = client.post(url, filled(step="keep"), follow=True).content.decode()
    shown = page(client, "declared", membership.number)

    assert "The correction is kept" in done
    assert "A reviewer answers in writing before" in done
    assert "Corrected on" in shown
    assert "去年三月查出结节。" in shown
    assert "Not answered yet" in shown


def test_going_back_keeps_what_was_written() -> None:
    membership = make.membership()
    url = reverse("portal:correct_one", args=[membership.number, "lumps"])

    text = browser(membership).post(url, filled(step="change")).content.decode()

    assert "去年三月查出结节。" in text
    assert 'role="alert"' not in text


def test_an_empty_correction_is_led_back_to_its_fields() -> None:
    membership = make.membership()
    url = reverse("portal:correct_one", args=[membership.number, "lumps"])

    text = browser(membership).post(url, {"step": "keep"}).content.decode()

    assert 'class="error-summary"' in text
    assert 'href="#id_answer_0"' in text
    assert 'href="#id_since_0"' in text
    assert 'href="#id_story"' in text


def test_the_same_correction_twice_is_refused_on_the_page() -> None:
    membership = make.membership()
    client = browser(membership)
    url = reverse("portal:correct_one", args=[membership.number, "lumps"])
    client.post(url, filled(step="keep"))

    text = client.post(url, filled(step="keep")).content.decode()

    assert "A reviewer has this question already" in text
    assert "去年三月查出结节。" in text


def answered(review: PreCheck, ruling: str) -> None:
    by = make.staff("reviewer", "吴敏")
    where = places.precheck_reply(review.pk)
    review.reply_sealed = actions.seal(
        member_id=review.member_id, text="病历写明入会前已确诊。", where=where
    )
    review.ruling, review.answered_by, review.answered_at = ruling, by, clock.now()
    review.save()
    actions.after_correction_ruling(precheck=review, by=by, at=clock.now())


def test_the_reviewers_answer_is_shown_with_the_way_to_object() -> None:
    membership = make.membership()
    _kept, review = make.correction(membership)
    answered(review, "yes")
    client = browser(membership)

    shown = page(client, "declared", membership.number)
    url = reverse("portal:objection", args=[membership.number, review.pk])
    client.post(url, {"story": "病历抄错了日期。"})
    again = page(client, "declared", membership.number)

    assert "病历写明入会前已确诊。" in shown
    assert "吴敏" in shown
    assert url in shown
    assert url not in again
    assert "病历抄错了日期。" in again


def test_an_objection_needs_words() -> None:
    membership = make.membership()
    _kept, review = make.correction(membership)
    answered(review, "yes")

    url = reverse("portal:objection", args=[membership.number, review.pk])
    text = browser(membership).post(url, {}).content.decode()

    assert 'class="error-summary"' in text
    assert PreCheck.objects.count() == 1


# --- who read it


def test_readers_are_named_with_role_reason_and_time() -> None:
    membership = make.membership()
    staff = make.staff("adjuster", "吴敏")
    actions.open_id_number(member_id=membership.member_id, by=staff, why="work", at=make.NOON)

    text = page(browser(membership), "access")

    assert f"吴敏 {staff.staff_number}" in text
    assert "adjuster" in text
    assert "ID number" in text
    assert "works on the claim" in text
    assert "1 December 2021, 12:00" in text


def test_jurors_are_not_named() -> None:
    membership, juror = make.membership(), make.account("juror@example.org")
    actions.open_id_number(member_id=membership.member_id, by=juror, why="jury", at=make.NOON)

    text = page(browser(membership), "access")

    assert "a juror, drawn by lot" in text
    assert "juror@example.org" not in text


def test_a_long_list_goes_on_by_key_and_a_wrong_key_is_nowhere() -> None:
    membership = make.membership()
    for minute in range(65):
        at = make.NOON + timedelta(minutes=minute)
        actions.open_id_number(
            member_id=membership.member_id, by=membership.payer, why="own", at=at
        )
    client, url = browser(membership), reverse("portal:access")

    first = client.get(url)
    second = client.get(url + first.context["next"])
    back = client.get(url + second.context["previous"])

    assert [len(answer.context["rows"]) for answer in (first, second, back)] == [30, 30, 30]
    assert first.context["rows"][0]["record"].at == make.NOON + timedelta(minutes=64)
    assert back.context["rows"][0] == first.context["rows"][0]
    assert client.get(url + "?page=after.nonsense").status_code == 404


def test_each_person_of_the_family_has_their_own_list() -> None:
    membership = make.membership()
    child = make.member(membership.payer, "林小宝", date(2015, 1, 1), "child")
    staff = make.staff("adjuster", "吴敏")
    actions.open_id_number(member_id=child.pk, by=staff, why="work", at=make.NOON)
    client = browser(membership)

    assert "吴敏" not in page(client, "access")
    assert "吴敏" in page(client, "access", query=f"?as={child.pk}")


def test_who_has_no_family_yet_is_led_to_begin() -> None:
    client = Client()
    client.force_login(make.account())

    assert client.get(reverse("portal:access")).status_code == 302
