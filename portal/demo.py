"""The demo world: people who cannot exist, played through the same actions as everybody's.

Each person with a story is a generator that yields the instants at which something happens to it;
`play` puts all of them, and one pass over what falls due, into one order of time. The crowd is
written in sets by members.bulk. ID numbers carry a county that is assigned to nobody, e-mail
addresses end in .invalid. The same seed gives the same people, amounts and outcomes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.db import connections

from assessments import actions as assessments
from jury import reference as exam
from jury.models import Seat
from members import bulk, plans_data, reference
from members.models import Account, HealthQuestion, Member, Plan
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.roles import ensure_roles
from portal import cast, due
from portal.stories import DOMAIN, Story, World, at, juror, open_account, people

SEED = 20211207
MEMBERS = 71_177  # a thousandth of the real plan on 2021-12-07 (domain.md §2a)
OPENED = date(2021, 6, 1)
SHARES_FROM = date(2021, 10, 16)  # the first period: disclosed 21 October, split 28 October
OTHERS_FROM = date(2022, 1, 16)  # the other plans: disclosed 21 January
SHOWN = datetime(2021, 12, 9, 14, tzinfo=SHANGHAI)
PASSWORD = "xiangzhu-demo"  # noqa: S105 - printed by `manage.py demo --logins`
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of the demo's staff


def build(*, members_count: int = MEMBERS, seed: int = SEED) -> World:
    """Fill an empty database and leave the clock running from SHOWN."""
    make_movable()
    hurry()
    clock.move_to(at("2021-06-01 08:00"), frozen=True)
    world = prepare()
    stories = [
        *people(world),
        *(juror(world, who, certified) for who, certified in cast.jurors(SEED)),
        cashier(world.staff["finance"], at("2021-10-28 15:00")),
        clockwork(at("2021-10-01 00:01")),
    ]
    bulk.crowd(
        plan_id=world.plan.pk,
        joined_on=list(joining_days()),
        people=members_count - cast.JOINING,
        seed=seed,
    )
    know_the_crowd()
    play(stories, until=SHOWN)
    clock.move_to(SHOWN)
    return world


def joining_days() -> Iterator[date]:
    """From June to early December, half of them in the first weeks."""
    day, most = OPENED, clock.day(SHOWN) - timedelta(days=2)
    while day <= most:
        yield from [day] * (8 if day < date(2021, 7, 1) else 1)
        day += timedelta(days=1)


def make_movable() -> None:
    """The owner marks this database as one whose clock may be moved. Never in production."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE mutualaid_clock SET movable = true")


def hurry() -> None:
    """An invented world need not survive a power cut: this session's commits do not wait."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")


def know_the_crowd() -> None:
    """Count what was copied in, at once: the planner would believe the tables empty until the
    next vacuum, and read all of them for each question."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")


def prepare() -> World:
    """Plans, rules, exam, roles and staff."""
    plan = plans()
    exam.ensure_questions()
    password = make_password(PASSWORD)
    return World(
        plan=plan,
        staff=hire(password),
        password=password,
        questions={each.pk: list(questions_of(each)) for each in Plan.objects.published()},
    )


def plans() -> Plan:
    """The main plan, whose members go on in the one for the old, and the others of 相互宝, which
    share from the new year."""
    others: dict[str, Any] = {
        "opened_on": OPENED, "shares_from": OTHERS_FROM, "case_cap_fen": None,
        "dissolution_members": None, "panel_size": 3, "quorum": 2,
    }  # fmt: skip
    preset = plans_data.PRESETS[reference.MAIN]
    main = reference.ensure_plan(
        demo=True,
        intro_zh=preset["intro_zh"],
        intro_en=preset["intro_en"],
        shares_from=SHARES_FROM,
        next_plan=plans_data.ensure("senior", **others),
        next_plan_waits=False,
    )
    for code in ("chronic", "transport"):
        plans_data.ensure(code, **others)
    return main


def questions_of(plan: Plan) -> Iterable[str]:
    """The codes of the health questions that are asked on joining."""
    rules = plan.rules.published().latest("effective_on")
    asked = HealthQuestion.objects.filter(question_set=rules.question_set_id)
    return asked.values_list("code", flat=True)


def hire(password: str) -> dict[str, list[Account]]:
    """Two of each role where two must agree (three reviewers), each with a second factor."""
    groups, hired = ensure_roles(), dict[str, list[Account]]()
    for role, names in cast.STAFF.items():
        hired[role] = [
            open_account(
                f"{role.replace('_', '')}{n}",
                password,
                display_name=name,
                staff_number=f"D{len(hired)}{n:03d}",
                is_staff=True,
            )
            for n, name in enumerate(names, start=1)
        ]
        for account in hired[role]:
            account.groups.add(groups[role])
            TOTP.activate(account, TOTP_SECRET)
    return hired


# --- time


def play(stories: Iterable[Story], *, until: datetime) -> None:
    """Let every story go on at its instants, in order of time, the clock standing at each."""
    waiting = [(next(story), place, story) for place, story in enumerate(stories)]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] <= until:
        instant, place, story = heapq.heappop(waiting)
        clock.move_to(instant, frozen=True)
        following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (following, place, story))


def clockwork(start: datetime) -> Story:
    """What beat does all day, done at one past midnight and at nine, for ever."""
    day = start
    while True:
        for hour, minute in ((0, 1), (9, 1)):
            yield day.replace(hour=hour, minute=minute)
            due.run_due(clock.now(), files=False)
        day += timedelta(days=1)


def go_on(until: datetime) -> None:
    """Play the months from where the clock stands, by the same `_due` actions that beat calls.

    Payouts that two people must make are made by the demo's finance staff.
    """
    now = clock.now()
    finance = list(
        Account.objects.filter(groups__name="finance", email__endswith=DOMAIN).order_by("pk")
    )
    stories = [clockwork(now + timedelta(minutes=1))]
    if len(finance) > 1:
        stories.append(cashier(finance, now))
    play([_after(story, now) for story in stories], until=until)
    clock.move_to(until)


def _after(story: Story, now: datetime) -> Story:
    """The part of a story that lies ahead."""
    for instant in story:
        if instant > now:
            yield instant


def cashier(finance: list[Account], start: datetime) -> Story:
    """Every afternoon finance prepares and releases what can be paid out."""
    day = start.replace(hour=15, minute=0, second=0, microsecond=0)
    while True:
        yield day
        for claim_id in assessments.payable_claims():
            payout = assessments.prepare_payout(claim_id=claim_id, by=finance[0], at=clock.now())
            assessments.release_payout(payout_id=payout.pk, by=finance[1], at=clock.now())
        day += timedelta(days=1)


def logins() -> list[tuple[str, str]]:
    """(who, e-mail) for whoever opens the demo. Every password is PASSWORD."""
    seat = (
        Seat.objects.filter(case__closed_at__isnull=True, declined_at__isnull=True)
        .filter(ballot__isnull=True)
        .select_related("juror__account")
        .order_by("drawn")
        .first()
    )
    found = [
        ("member: herself, her mother with a claim, her son in the wait", f"lin@{DOMAIN}"),
        ("member: granted, in the period now in disclosure", f"granted10@{DOMAIN}"),
        ("member: refused, may appeal", f"heart@{DOMAIN}"),
        ("member: before the jury", f"coma@{DOMAIN}"),
    ]
    if seat:
        found.append(("juror with an open case", seat.juror.account.email or ""))
    for role, names in cast.STAFF.items():
        found += [
            (f"staff, {role}", f"{role.replace('_', '')}{n}@{DOMAIN}")
            for n in range(1, len(names) + 1)
        ]
    return found


def is_empty() -> bool:
    """Nobody has ever joined here."""
    return not Member.objects.exists() and not Authenticator.objects.exists()
