"""A member's years in a browser: joined, covered, corrected, left and stayed, with a mother to act
for. Taps are counted: who is old or ill gets there with few.

The story is told once in each look, and twice without script. Every page that it meets is looked
at (tests/browser.py); what is not a member's doing (new rules, the desk) is done by the actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from members import actions, quiz
from members.models import (
    Account,
    DataExport,
    Declaration,
    Member,
    Membership,
    Plan,
    Recovery,
    RuleConsent,
)
from mutualaid import clock
from portal import due
from tests import make
from tests.browser import DESK, LOOKS, NARROW, PHONE, Look, Person, World

pytestmark = pytest.mark.django_db(transaction=True)

SELF, MOTHER = "林秀梅", "陈桂香"
NUMBER, MOTHERS, NEW = "12011110001", "12011110002", "12011110003"
QUESTIONS = 6
JOIN, RESUME, COVER, LEAVE, STAY = 11, 1, 1, 2, 1  # taps


@pytest.fixture
def plan(settings: Any, browser: Any) -> Plan:
    settings.ACCOUNT_RATE_LIMITS = False
    cache.clear()
    return make.plan()


def later(**time: int) -> None:
    """The clock goes on, and what has fallen due meanwhile is done."""
    clock.move_to(clock.now() + timedelta(**time), frozen=True)
    due.run_due(clock.now())


@contextmanager
def questions(person: Person) -> Iterator[None]:
    """What is tapped here belongs to the questions and is not counted."""
    before = person.taps
    yield
    person.taps = before


# --- in, and joined


def signs_up(person: Person) -> None:
    """From the front page: the number, the code, and on to where they wanted to go."""
    person.goes("/")
    person.sends(".action-main")
    person.fills(phone=NUMBER)
    person.presses("Send me a code")
    person.fills(code=make.sms_code(NUMBER))
    person.presses("Go on")


def writes(person: Person, name: str, id_number: str) -> None:
    """Who is to be covered."""
    assert person.path == "/me/family/add/"
    person.fills(name=name, id_number=id_number)
    person.presses("Save and go on")


def reads_and_answers_the_quiz(person: Person) -> None:
    assert person.path.startswith("/join/rules/"), person.path
    person.presses("I have read this")
    with questions(person):
        for asked in quiz.QUESTIONS:
            person.ticks(asked.code, asked.right)
    person.presses("Send the answers")
    person.follows("Go on")


def answers(person: Person, count: int) -> None:
    """So many of the health questions, each on its page; nothing is ticked before."""
    with questions(person):
        for _each in range(count):
            assert person.page.locator("input:checked").count() == 0
            person.ticks("answer", "no")
            person.presses("Save, next question")


def agrees_and_joins(person: Person, name: str) -> Membership:
    assert person.path == "/join/payment/"
    person.ticks("agree")
    person.presses("Agree and go on")
    assert person.path == "/join/check/"
    person.ticks("agree")
    person.presses("Join now")
    membership = Membership.objects.get(member__name=name)
    person.sees(membership.number)
    return membership


def joins(person: Person) -> Membership:
    """All of it, with a night between the third question and the fourth."""
    signs_up(person)
    writes(person, SELF, make.id_number())
    reads_and_answers_the_quiz(person)
    answers(person, 3)
    before = person.taps

    later(hours=9)
    person.goes("/")
    person.follows("%(name)s: go on with joining", name=SELF)

    assert (person.path, person.taps - before) == ("/join/questions/4/", RESUME)
    answers(person, QUESTIONS - 3)
    membership = agrees_and_joins(person, SELF)
    assert person.taps == JOIN + RESUME <= 12
    return membership


# --- the cover, and the way out


def finds_the_cover(person: Person, membership: Membership) -> None:
    person.goes("/")
    person.taps = 0
    person.sends("main .task a")
    assert person.path == f"/me/cover/{membership.number}/"
    assert person.taps == COVER <= 1


def leaves_and_stays(person: Person, membership: Membership) -> None:
    person.goes("/me/")
    person.taps = 0
    person.follows("Leave the plan", within="main")
    person.presses("Leave the plan")
    assert person.taps == LEAVE <= 3
    membership.refresh_from_db()
    assert membership.leaving_at

    person.presses("Take it back and stay")
    assert person.taps == LEAVE + STAY
    membership.refresh_from_db()
    assert membership.leaving_at is None


def reads_what_undoing_means(person: Person, membership: Membership) -> None:
    person.goes(f"/join/{membership.number}/")
    person.follows("Undo joining")
    person.follows("Stay", within="main")


def corrects_an_answer(person: Person, membership: Membership) -> None:
    """Nothing is kept before the page has said what it changes."""
    person.goes(f"/me/cover/{membership.number}/")
    person.follows("Everything that was declared")
    person.follows("Correct an answer", within="main")
    person.sends("main .task a")
    person.presses("What does it change?")
    assert person.page.locator(".error-summary").count() == 1
    person.ticks("answer", "yes")
    person.ticks("since", "after")
    person.fills(story="十二月在县医院查出甲状腺结节，医生说半年后复查。")
    person.presses("What does it change?")
    person.reads("The cover stays as it is.")
    corrections = Declaration.objects.filter(kind=Declaration.Kind.CORRECTION)
    assert not corrections.exists()
    person.presses("Confirm the correction")
    assert corrections.count() == 1
    person.follows("Everything that was declared")
    person.sees("甲状腺结节")


def accepts_new_rules(person: Person, plan: Plan, membership: Membership) -> None:
    begins = clock.today() + timedelta(days=31)
    rules = make.new_rules(
        plan, begins, max_age_years=65, change_zh="可以一直留到 65 周岁。", change_en="Until 65."
    )
    person.goes("/me/")
    person.sends("section[aria-labelledby='h-todo'] a[href*='/me/rules/']")
    person.presses("Accept")
    person.sees(membership.number)
    assert RuleConsent.objects.filter(rules=rules, kind=RuleConsent.Kind.ACCEPTED).exists()
    for path in ("", f"{rules.version}/", f"{rules.version}/changes/"):
        person.goes(f"/plans/{plan.code}/rules/{path}")


# --- the family


def adds_the_mother(person: Person, id_number: str) -> Membership:
    """She agrees by the code on her own phone; from then on each page says for whom it is."""
    person.goes("/me/")
    person.follows("Add somebody of the family")
    person.ticks("relation", "parent")
    writes(person, MOTHER, id_number)
    person.acts_for = MOTHER
    person.fills(phone=MOTHERS)
    person.presses("Send the code")
    person.fills(code=make.sms_code(MOTHERS))
    person.presses("They agree")
    reads_and_answers_the_quiz(person)
    with questions(person):
        person.ticks("answer", "unsure")
        person.presses("Save, next question")
    person.fills(story="去年三月体检说血压有点高，医生没有让吃药。")
    person.presses("Send to a reviewer")
    person.follows("Change the answer")
    with questions(person):
        person.ticks("answer", "no")
        person.presses("Save, next question")
    answers(person, QUESTIONS - 1)
    person.goes("/join/")
    person.follows("Go on")
    membership = agrees_and_joins(person, MOTHER)
    for page in ("cover", "declared", "correct"):
        person.goes(reverse(f"portal:{page}", args=[membership.number]))
    for path in ("/me/access/", f"/leave/{membership.number}/", "/me/"):
        person.goes(path)
    person.acts_for = ""
    person.follows("Back to myself")
    return membership


def the_mother_signs_in_herself(person: Person, world: World, id_number: str) -> Person:
    """She asks for a login of her own; the daughter says yes on the page of the family."""
    later(minutes=2)
    mother = world.person(MOTHER)
    mother.goes("/accounts/login/?next=/me/family/ask/")
    mother.fills(phone=MOTHERS)
    mother.presses("Send me a code")
    mother.fills(code=make.sms_code(MOTHERS))
    mother.presses("Go on")
    mother.ticks("relation", "self")
    mother.fills(name=MOTHER, id_number=id_number)
    mother.presses("Ask them")
    person.goes("/me/family/")
    person.presses("I agree")
    return mother


def pays_for_herself(person: Person, mother: Person, membership: Membership) -> None:
    """Asked by the daughter, agreed to by the mother."""
    person.goes("/me/payment/")
    person.sends(f"a[href$='/payer/{membership.number}/']")
    her_account = Account.objects.get(phone__tail=MOTHERS[-4:])
    person.ticks("to_account", str(her_account.pk))
    person.presses("Ask them")
    mother.goes("/me/payment/")
    mother.presses("I agree")
    membership.refresh_from_db()
    assert membership.payer == her_account


# --- what is one's own


def subscribes_to_the_dates(person: Person) -> None:
    person.goes("/me/")
    person.follows("Dates in my calendar")
    person.presses("Make the link")
    link = person.page.locator("#link").input_value()
    assert "BEGIN:VCALENDAR" in person.context.request.get(link).text()


def takes_a_copy(person: Person) -> None:
    person.goes("/me/")
    person.follows("My data")
    person.presses("Make the copy")
    due.run_due(clock.now())
    person.goes("/me/data/")
    link = reverse("portal:data_copy", args=[DataExport.objects.get().pk])
    assert person.context.request.get(person.world.url + link).body().startswith(b"PK")
    person.sends("main a[href*='/me/data/forget/']")


def looks_around(person: Person, plan: Plan) -> None:
    for path in (
        *("/me/security/", "/me/phone/", "/me/inbox/", "/me/family/", "/me/family/ask/"),
        *("/me/family/add/", "/me/payment/", "/me/access/", "/shares/", "/claims/"),
        *("/plans/", f"/plans/{plan.code}/", "/rules/"),
    ):
        person.goes(path)


def gets_the_account_back(person: Person) -> None:
    """The number is lost: name, ID number, a new one; a person of ours; three days."""
    account = Account.objects.get(phone__tail=NUMBER[-4:])
    own = Member.objects.get(name=SELF)
    id_number = actions.open_id_number(member_id=own.pk, by=account, why="test", at=clock.now())
    person.goes("/accounts/recover/")
    person.fills(phone=NEW)
    person.sends("main .btn-primary")
    person.fills(name=SELF, id_number=id_number, code=make.sms_code(NEW))
    person.sends("main .btn-primary")
    later(minutes=1)  # every contact is told, and the hold begins
    asked = Recovery.objects.get(account=account)
    officer = make.staff("data_officer")
    actions.confirm_recovery(recovery_id=asked.pk, by=officer, at=clock.now())
    later(days=actions.RECOVERY_HOLD_DAYS, minutes=1)

    person.goes("/accounts/phone/?next=/me/")
    person.fills(phone=NEW)
    person.presses("Send me a code")
    person.fills(code=make.sms_code(NEW))
    person.presses("Go on")
    assert person.path == "/me/"
    person.sees(SELF)


# --- the whole way


def tells(world: World, plan: Plan) -> None:
    person = world.person(SELF)
    membership = joins(person)
    finds_the_cover(person, membership)
    reads_what_undoing_means(person, membership)
    leaves_and_stays(person, membership)
    corrects_an_answer(person, membership)
    accepts_new_rules(person, plan, membership)
    mothers_id = make.id_number(date(1965, 4, 4))
    mothers = adds_the_mother(person, mothers_id)
    mother = the_mother_signs_in_herself(person, world, mothers_id)
    pays_for_herself(person, mother, mothers)
    subscribes_to_the_dates(person)
    takes_a_copy(person)
    looks_around(person, plan)
    gets_the_account_back(world.person("somebody"))


DAILY = (PHONE, DESK)
LOOKS_IN_TURN = [
    pytest.param(each, id=str(each), marks=[] if each in DAILY else [pytest.mark.soak])
    for each in LOOKS + NARROW
]


@pytest.mark.parametrize("look", LOOKS_IN_TURN)
def test_a_member_joins_and_lives_with_few_taps(
    plan: Plan, live_server: Any, browser: Any, look: Look
) -> None:
    world = World(browser, live_server.url, look)

    tells(world, plan)

    assert world.faults == []


@pytest.mark.parametrize(
    "look", [pytest.param(PHONE, id="phone"), pytest.param(DESK, id="desk", marks=pytest.mark.soak)]
)
def test_all_of_it_works_without_javascript(
    plan: Plan, live_server: Any, browser: Any, look: Look
) -> None:
    world = World(browser, live_server.url, look, script=False)

    tells(world, plan)

    assert world.faults == []
