"""The demo world: by the real actions, nobody in it can exist, the same seed gives it again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from assessments.models import Payout, Period
from assessments.states import PayoutState, Stage
from claims.models import Claim
from claims.states import Status
from disclosures.models import Disclosure
from jury.models import Ballot, Case, Verdict
from jury.states import VOTING
from members.models import Account, Member, Membership
from members.rules import check_id_number, demo_id_number
from mutualaid import clock
from portal import demo

PEOPLE = 120


def digest_of_the_world() -> str:
    """What must be equal between two builds: people, amounts, outcomes, days. Not keys and lots."""
    return json.dumps(
        {
            "people": list(Member.objects.order_by("pk").values_list("name", "birth_on", "region")),
            "joined": list(Membership.objects.order_by("pk").values_list("joined_at", flat=True)),
            "claims": list(
                Claim.objects.order_by("number").values_list("number", "status", "decided_at")
            ),
            "periods": list(
                Period.objects.order_by("plan__code", "number").values_list(
                    "stage", "members", "share_fen", "charged_fen", "surplus_out_fen"
                )
            ),
            "verdicts": list(
                Verdict.objects.order_by("pk").values_list("outcome", "support", "against")
            ),
        },
        default=str,
    )


@pytest.fixture(scope="module")
def world(django_db_setup: Any, django_db_blocker: Any) -> Iterator[str]:
    """One world for this file, and the digest of it as it was when new. Building takes seconds."""
    with django_db_blocker.unblock():
        django_db_setup.fresh()  # a rolled-back test leaves its sequences advanced
        demo.build(members_count=PEOPLE, seed=1)
        yield digest_of_the_world()
        django_db_setup.fresh()


@pytest.fixture(autouse=True)
def let_in(world: str, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def test_the_demo_world_shows_every_state_and_its_books_balance() -> None:
    main = Period.objects.filter(plan__code="critical")
    stages = list(main.order_by("number").values_list("stage", flat=True))

    assert stages[:4] == [Stage.COLLECTED, Stage.COLLECTED, Stage.COLLECTED, Stage.DISCLOSED]
    assert set(Claim.objects.values_list("status", flat=True)) == set(Status.values)
    assert Case.objects.filter(status__in=VOTING).count() == 1
    assert Ballot.objects.filter(seat__case__status__in=VOTING).exists()
    assert Disclosure.objects.count() == 4
    assert set(Payout.objects.values_list("state", flat=True)) == {PayoutState.PAID}
    assert Member.objects.count() == PEOPLE
    call_command("check_books", stdout=io.StringIO())


def test_the_juries_of_the_demo_decided_as_after_life() -> None:
    counts = Verdict.objects.order_by("pk").values_list("outcome", "support", "against")

    assert list(counts) == [("overturned", 24, 7), ("upheld", 13, 18)]


def test_nobody_in_the_demo_can_exist() -> None:
    number = demo_id_number(region="33", birth_on=date(1987, 3, 14), sex="f", serial=1)

    assert not Account.objects.exclude(email__endswith=".invalid").exists()
    with pytest.raises(ValueError, match=r"."):
        check_id_number(number, allow_demo=False)


def test_the_demo_fills_an_empty_database_only() -> None:
    call_command("demo", "--if-empty")
    with pytest.raises(CommandError, match="fills an empty database only"):
        call_command("demo")

    assert Member.objects.count() == PEOPLE


def test_the_demo_logins_are_printed_and_open() -> None:
    out = io.StringIO()
    call_command("demo", "--logins", stdout=out)

    assert demo.PASSWORD in out.getvalue()
    for _, email in demo.logins():
        assert email in out.getvalue()
        assert Account.objects.get(email=email).check_password(demo.PASSWORD)


def test_months_pass_by_the_same_actions_that_beat_calls() -> None:
    call_command("demo", "--until", "2021-12-22", stdout=io.StringIO())

    assert clock.today() == date(2021, 12, 22)
    fourth, fifth = Period.objects.filter(number__in=[4, 5]).order_by("number")
    assert (fourth.stage, fifth.stage) == (Stage.COLLECTED, Stage.DISCLOSED)
    assert not Case.objects.filter(status__in=VOTING).exists()
    with pytest.raises(CommandError, match="time only goes on"):
        call_command("demo", "--until", "2021-12-10")
    call_command("check_books", stdout=io.StringIO())


def test_the_same_seed_gives_the_same_world(world: str, django_db_setup: Any) -> None:
    django_db_setup.fresh()

    demo.build(members_count=PEOPLE, seed=1)

    assert digest_of_the_world() == world
