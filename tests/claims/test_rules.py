"""Dates and sums of a claim, by table."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from claims import actions, rules
from claims.models import Claim, ClaimEvent, Payee
from claims.states import Status
from claims.timeline import now_sentence, timeline, who
from members.models import AccessRecord, Notice
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize(
    ("decided", "disclosed", "split"),
    [
        ("2021-12-01T00:00", date(2021, 12, 21), date(2021, 12, 28)),
        ("2021-12-15T23:59", date(2021, 12, 21), date(2021, 12, 28)),
        ("2021-12-16T00:00", date(2022, 1, 7), date(2022, 1, 14)),
        ("2021-12-31T23:59", date(2022, 1, 7), date(2022, 1, 14)),
        ("2022-01-30T12:00", date(2022, 2, 7), date(2022, 2, 14)),
    ],
)
def test_a_granted_claim_enters_the_period_whose_cut_off_comes_next(
    decided: str, disclosed: date, split: date
) -> None:
    instant = datetime.fromisoformat(f"{decided}+08:00")

    assert rules.period_dates(instant) == (disclosed, split)


def test_the_clock_of_the_decision_stands_while_the_claimant_looks_for_papers() -> None:
    noon = make.NOON
    events = [
        ClaimEvent(new=Status.INVESTIGATING, at=noon),
        ClaimEvent(new=Status.PAPERS_WANTED, at=noon + timedelta(days=1)),
        ClaimEvent(new="", code="paper_added", at=noon + timedelta(days=3)),
        ClaimEvent(new=Status.INVESTIGATING, at=noon + timedelta(days=5)),
        ClaimEvent(new=Status.WAITING, at=noon + timedelta(days=9)),
    ]

    assert rules.stood_still(events, noon + timedelta(days=6)) == timedelta(days=4)
    assert rules.stood_still(events, noon + timedelta(days=10)) == timedelta(days=5)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("diagnosed_on", "benefit_fen"),
    [(date(2021, 10, 7), 30_000_000), (date(2021, 10, 8), 10_000_000)],
)
def test_the_band_is_that_of_whole_years_on_the_day_of_first_diagnosis(
    diagnosed_on: date, benefit_fen: int
) -> None:
    membership = make.membership(born=date(1981, 10, 8))  # 40 on 8 October 2021

    claim = make.claim(membership=membership, diagnosed_on=diagnosed_on)

    assert rules.benefit_fen(claim) == benefit_fen


@pytest.mark.django_db
def test_the_report_names_the_last_day_for_papers_and_stops_the_window() -> None:
    claim = make.claim()

    assert claim.due_at == datetime(2022, 1, 1, tzinfo=SHANGHAI)
    assert claim.number == f"HZ-2021-{claim.pk:06d}"
    assert Notice.objects.get(account=claim.filed_by, code="claim_reported").facts["due_on"] == (
        "2021-12-31"
    )


@pytest.mark.django_db
def test_what_was_written_of_the_illness_is_sealed_and_its_reading_recorded() -> None:
    claim = make.claim()

    words = actions.read_report(claim_id=claim.pk, by=claim.filed_by, at=clock.now())

    assert words["story"] == make.STORY
    assert make.STORY.encode() not in bytes(claim.story_sealed)
    assert AccessRecord.objects.filter(what="illness", object_id=claim.pk, why="own").count() == 2


@pytest.mark.django_db
def test_a_second_claim_beside_an_open_or_granted_one_is_refused() -> None:
    for status in (Status.SUBMITTED, Status.GRANTED):
        claim = make.claim(status)

        with pytest.raises(NotNow, match="already"):
            make.claim(membership=claim.membership)


@pytest.mark.django_db
def test_a_new_claim_is_possible_after_a_refusal_or_a_withdrawal() -> None:
    for status in (Status.REFUSED, Status.WITHDRAWN):
        claim = make.claim(status)

        assert make.claim(membership=claim.membership).status == Status.REPORTED


@pytest.mark.django_db
def test_only_the_family_reports() -> None:
    membership = make.membership()

    with pytest.raises(Forbidden):
        actions.report(
            membership_id=membership.pk,
            disease="ami",
            diagnosed_on=make.DIAGNOSED,
            accident=False,
            story="…",
            hospital="…",
            call_back="",
            publish_consent=False,
            by=make.account(),
            at=clock.now(),
        )


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status)
def test_a_claim_that_waits_says_for_whom_and_until_when(status: Status) -> None:
    claim = make.claim(status)

    steps = timeline(claim)
    now = [step for step in steps if step.status == "now"]

    if status in (Status.UPHELD, Status.WITHDRAWN):
        assert now == []
        assert now_sentence(claim) == ""
    else:
        assert len(now) == 1
        assert now[0].on is not None
        assert status == Status.WAITING or who(claim) in now[0].when
        assert "2021" in now_sentence(claim) or "2022" in now_sentence(claim)
    assert all(step.on for step in steps if step.status != "done")


@pytest.mark.django_db
def test_a_name_stands_there_once_somebody_has_taken_it() -> None:
    claim = make.claim(Status.SUBMITTED)
    assert "an adjuster" in timeline(claim)[2].when

    adjuster = make.staff("adjuster", name="吴晓")
    claim = actions.take(claim_id=claim.pk, by=adjuster, at=clock.now())

    assert f"吴** ({adjuster.staff_number})" in timeline(claim)[2].when


@pytest.mark.django_db
def test_an_appeal_is_possible_until_the_last_day_is_over() -> None:
    claim = make.claim(Status.REFUSED)
    last = datetime(2022, 1, 1, tzinfo=SHANGHAI)
    assert claim.due_at == last

    clock.move_to(last, frozen=True)
    with pytest.raises(NotNow, match="last day"):
        appeal(claim.pk)
    clock.move_to(last - timedelta(seconds=1), frozen=True)
    appeal(claim.pk)

    claim.refresh_from_db()
    assert claim.status == Status.APPEALED


def appeal(
    claim_id: int, statement: str = "请大家看一看，病历里写得很清楚，日期也对得上。"
) -> None:
    claim = Claim.objects.get(pk=claim_id)
    actions.appeal(
        claim_id=claim_id,
        statement=statement,
        publish_consent=False,
        by=claim.filed_by,
        at=clock.now(),
    )


@pytest.mark.django_db
def test_an_appeal_taken_back_cannot_be_made_again() -> None:
    claim = make.claim(Status.APPEALED)

    back = actions.withdraw_appeal(claim_id=claim.pk, by=claim.filed_by, at=clock.now())

    assert back.status == Status.REFUSED
    assert back.due_at is None
    with pytest.raises(NotNow, match="possible once"):
        appeal(claim.pk)


@pytest.mark.django_db
def test_a_jury_can_grant_and_the_benefit_is_that_of_the_band() -> None:
    claim = make.claim(Status.APPEALED)

    granted = actions.overturn(
        claim_id=claim.pk, verdict={"support": 20, "against": 11}, at=clock.now()
    )

    assert granted.status == Status.GRANTED
    assert rules.benefit_fen(granted) == 30_000_000
    assert Notice.objects.filter(account=claim.filed_by, code="claim_overturned").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"relation": "self", "holder": "别人"}, "holder"),
        ({"account": "1234"}, "account"),
        ({"relation": "heir", "holder": "林小梅"}, "reason"),
    ],
)
def test_an_account_that_will_not_do_is_refused_at_its_field(
    changed: dict[str, str], field: str
) -> None:
    claim = make.claim(Status.GRANTED)

    with pytest.raises(Invalid) as refused:
        give_account(claim, **changed)

    assert refused.value.field == field


def give_account(claim: Claim, **changed: str) -> Payee:
    fields = {
        "relation": "self",
        "holder": claim.member.name,
        "bank": "农业银行",
        "account": "6228 4800 1234 5678 901",
        "reason": "",
    } | changed
    return actions.give_payee(claim_id=claim.pk, by=claim.filed_by, at=clock.now(), **fields)


@pytest.mark.django_db
def test_an_account_is_sealed_confirmed_once_and_read_on_record() -> None:
    claim = make.claim(Status.GRANTED)
    payee = give_account(claim)

    confirmed = actions.confirm_payee(claim_id=claim.pk, by=claim.filed_by, at=clock.now())
    finance = make.staff("finance")
    number = actions.read_account(claim_id=claim.pk, by=finance, why="payout", at=clock.now())

    assert number == "6228480012345678901"
    assert number.encode() not in bytes(payee.account_sealed)
    assert (confirmed.account_tail, confirmed.confirmed_at) == ("8901", clock.now())
    assert AccessRecord.objects.get(what="payee").by == finance
    with pytest.raises(NotNow, match="confirmed this account"):
        give_account(claim)
