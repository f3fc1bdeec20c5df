"""The demo world: by the real actions, nobody in it can exist, the same seed gives it again."""

from __future__ import annotations

import io
import json
from datetime import date

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
from members.rules import check_id_number
from mutualaid import clock
from portal import demo

PEOPLE = 320

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


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
                Period.objects.order_by("number").values_list(
                    "stage", "members", "share_fen", "charged_fen", "surplus_out_fen"
                )
            ),
            "verdicts": list(
                Verdict.objects.order_by("pk").values_list("outcome", "support", "against")
            ),
        },
        default=str,
    )


def test_the_demo_world_shows_every_state_and_its_books_balance() -> None:
    demo.build(members_count=PEOPLE)

    stages = list(Period.objects.order_by("number").values_list("stage", flat=True))
    assert stages[:4] == [Stage.COLLECTED, Stage.COLLECTED, Stage.COLLECTED, Stage.DISCLOSED]
    assert set(Claim.objects.values_list("status", flat=True)) == set(Status.values)
    assert Case.objects.filter(status__in=VOTING).count() == 1
    assert Ballot.objects.filter(seat__case__status__in=VOTING).exists()
    assert Disclosure.objects.count() == 4
    assert set(Payout.objects.values_list("state", flat=True)) == {PayoutState.PAID}
    assert Member.objects.count() == PEOPLE
    call_command("check_books", stdout=io.StringIO())


def test_two_worlds_of_one_seed_are_equal_and_those_of_another_are_not(
    django_db_setup: object,
) -> None:
    worlds = []
    for seed in (1, 1, 2):
        demo.build(members_count=PEOPLE, seed=seed)
        worlds.append(digest_of_the_world())
        django_db_setup.fresh()  # type: ignore[attr-defined]

    assert worlds[0] == worlds[1]
    assert worlds[0] != worlds[2]


def test_nobody_in_the_demo_can_exist() -> None:
    demo.build(members_count=PEOPLE)

    assert not Account.objects.exclude(email__endswith=".invalid").exists()
    number = demo.demo_id_number(region="33", birth_on=date(1987, 3, 14), sex="f", serial=1)
    with pytest.raises(ValueError, match=r"."):
        check_id_number(number, allow_demo=False)


def test_the_demo_fills_an_empty_database_only() -> None:
    demo.build(members_count=PEOPLE)

    call_command("demo", "--if-empty")
    with pytest.raises(CommandError, match="fills an empty database only"):
        call_command("demo")

    assert Member.objects.count() == PEOPLE


def test_months_pass_by_the_same_actions_that_beat_calls() -> None:
    demo.build(members_count=PEOPLE)

    call_command("demo", "--until", "2022-01-08", stdout=io.StringIO())

    assert clock.today() == date(2022, 1, 8)
    fourth, fifth, sixth = Period.objects.filter(number__in=[4, 5, 6]).order_by("number")
    assert fourth.stage == Stage.COLLECTED
    assert fifth.stage == Stage.COLLECTED
    assert sixth.stage == Stage.DISCLOSED
    assert not Case.objects.filter(status__in=VOTING).exists()
    with pytest.raises(CommandError, match="time only goes on"):
        call_command("demo", "--until", "2021-12-25")
    call_command("check_books", stdout=io.StringIO())


def test_the_demo_logins_are_printed_and_open() -> None:
    demo.build(members_count=PEOPLE)

    out = io.StringIO()
    call_command("demo", "--logins", stdout=out)

    assert demo.PASSWORD in out.getvalue()
    for _, email in demo.logins():
        assert email in out.getvalue()
        assert Account.objects.get(email=email).check_password(demo.PASSWORD)
