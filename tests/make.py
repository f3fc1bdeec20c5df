"""The world in one call: each maker brings its object to a state by the real actions.

Makers that need a time take `at`; the default is NOON, where every test's clock stands.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import count
from typing import Any

from members import actions as member_actions
from members import bulk, reference
from members.models import Account, HealthQuestion, HouseholdLink, Member, Membership, Plan
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.roles import ensure_roles

NOON = datetime(2021, 12, 1, 12, tzinfo=SHANGHAI)
PASSWORD = "correct-horse-battery"
_numbers = count(1)


def account(email: str = "", **fields: object) -> Account:
    """A login, as signing up leaves it."""
    email = email or f"person{next(_numbers)}@example.org"
    return Account.objects.create_user(email, PASSWORD, **fields)


_account = account  # for makers whose parameter has the same name


def staff(role: str, name: str = "") -> Account:
    """A member of staff with one role of mutualaid/roles.py."""
    number = next(_numbers)
    person = account(
        f"{role}{number}@example.org",
        is_staff=True,
        display_name=name or f"{role} {number}",
        staff_number=f"D{number:04d}",
    )
    person.groups.add(ensure_roles()[role])
    return person


# --- members ---------------------------------------------------------------------------------

JOINED = datetime(2021, 6, 1, 9, tzinfo=SHANGHAI)  # cover began long before NOON
BORN = date(1985, 5, 5)


def plan(**overrides: Any) -> Plan:
    """The plan 大病互助计划 as a village would run it: no case cap, a panel of three.

    With `overrides` (fields of Rules, or `code`) after the first, another plan with those rules.
    """
    known = Plan.objects.filter(code="critical").exists()
    if known and not overrides:
        return Plan.objects.get(code="critical")
    overrides = {"demo": True, "panel_size": 3, "quorum": 2} | overrides
    if known:
        overrides = {"code": f"plan-{next(_numbers)}"} | overrides
    return reference.ensure_plan(**overrides)


_plan = plan


def id_number(born: date = BORN, sex: str = "f") -> str:
    """An ID number of nobody, never the same twice: only the sandbox accepts its region."""
    return bulk.demo_number("33", born, sex, next(_numbers) % 500)


def member(
    account: Account | None = None,
    name: str = "林秀梅",
    born: date = BORN,
    relation: str = "self",
    sex: str = "f",
) -> Member:
    """A person in the family of `account` (a new one by default), not yet in a plan."""
    by = account or _account()
    return member_actions.add_member(
        account_id=by.pk,
        name=name,
        id_number=id_number(born, sex),
        relation=relation,
        by=by,
        at=clock.now(),
    )


_member = member


def guardian(person: Member) -> Account:
    """The account that acts for this member."""
    return HouseholdLink.objects.filter(member=person).order_by("pk")[0].account


def answers(person: Member, plan: Plan, **changed: str) -> None:
    """Read the rules and answer every health question with "no", but for `changed`."""
    by, at = guardian(person), clock.now()
    member_actions.read_rules(member_id=person.pk, plan_id=plan.pk, by=by, at=at)
    asked = HealthQuestion.objects.filter(
        question_set__rules__plan=plan, question_set__rules__effective_on__lte=clock.day(at)
    ).distinct()
    for code in asked.values_list("code", flat=True):
        member_actions.save_answer(
            member_id=person.pk,
            plan_id=plan.pk,
            code=code,
            answer=changed.get(code, "no"),
            by=by,
            at=at,
        )


def membership(
    plan: Plan | None = None,
    joined: datetime = JOINED,
    member: Member | None = None,
    **person: Any,
) -> Membership:
    """An open membership: the clock goes to `joined` and back to where it stood. `person` goes to
    make.member; make.guardian(membership.member) is the account that pays."""
    then = clock.now()
    clock.move_to(joined, frozen=True)
    plan = plan or _plan()
    member = member or _member(**person)
    answers(member, plan)
    made = member_actions.join(member_id=member.pk, plan_id=plan.pk, by=guardian(member), at=joined)
    clock.move_to(then, frozen=True)
    return made


# --- claims ----------------------------------------------------------------------------------

# --- jury ------------------------------------------------------------------------------------

# --- assessments -----------------------------------------------------------------------------

# --- disclosures -----------------------------------------------------------------------------
