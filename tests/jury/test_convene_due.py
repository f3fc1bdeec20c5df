"""A panel is drawn by lot from a frozen roster, without anybody who is involved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from claims import actions as claim_actions
from claims.states import Status as ClaimStatus
from jury import actions, draw, pack, policies
from jury.models import Case, Juror, Seat
from jury.states import Status
from members import actions as member_actions
from members.models import Notice
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def test_an_appeal_gets_a_case_with_a_panel_told_until_when() -> None:
    case = make.case(spare=2)

    assert case.status == Status.OPEN
    assert case.closes_at == make.NOON + timedelta(hours=72)
    seats = list(case.seats.order_by("drawn"))
    assert [seat.drawn for seat in seats] == [1, 2, 3]
    told = Notice.objects.filter(code="jury_seated", facts__number=case.number)
    assert {notice.account_id for notice in told} == {seat.juror.account_id for seat in seats}
    claim = case.appeal.claim
    claim.refresh_from_db()
    assert claim.due_at == case.closes_at


def test_the_draw_can_be_repeated_from_what_was_frozen() -> None:
    case = make.case(spare=4)

    assert case.roster == sorted(Juror.objects.values_list("pk", flat=True))
    assert bytes(case.roster_digest) == draw.roster_digest(case.roster)
    assert bytes(case.seed_commitment) == draw.commitment(bytes(case.seed))
    order = draw.draw(case.roster, seed=bytes(case.seed), case=case.number, panel=3)
    assert order[:3] == list(case.seats.order_by("drawn").values_list("juror_id", flat=True))


def test_an_appeal_gets_one_case_only() -> None:
    make.case()

    assert actions.convene_due(at=make.NOON) == []
    assert Case.objects.count() == 1


def test_the_panel_shrinks_to_the_jurors_there_are() -> None:
    plan = make.plan(panel_size=31, quorum=2)
    for _juror in range(4):
        make.juror(plan)

    case = make.case(claim=make.claim(ClaimStatus.APPEALED, plan=plan), panel=0)

    assert (case.panel_size, case.quorum, case.seats.count()) == (4, 2, 4)


def test_with_fewer_jurors_than_a_quorum_the_appeal_waits_named_and_dated() -> None:
    plan = make.plan()
    make.juror(plan)
    claim = make.claim(ClaimStatus.APPEALED, plan=plan)

    assert actions.convene_due(at=make.NOON) == []

    [waiting] = actions.waiting_for_jurors(at=make.NOON)
    assert (waiting.claim, waiting.found, waiting.quorum) == (claim, 1, 2)
    first_date = claim.due_at
    assert first_date is not None
    clock.move_to(first_date, frozen=True)
    actions.convene_due(at=first_date)
    claim.refresh_from_db()
    assert claim.due_at is not None
    assert claim.due_at > first_date
    assert claim.events.filter(code="jury_waits").count() == 1


def test_a_waiting_appeal_is_convened_once_there_are_jurors() -> None:
    plan = make.plan()
    claim = make.claim(ClaimStatus.APPEALED, plan=plan)
    actions.convene_due(at=make.NOON)
    make.juror(plan)
    make.juror(plan)

    [case] = actions.convene_due(at=make.NOON)

    assert case.appeal.claim == claim
    assert actions.waiting_for_jurors(at=make.NOON) == []


def test_one_wrong_case_never_stops_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make.plan()
    for _juror in range(3):
        make.juror(plan)
    wrong, right = (make.claim(ClaimStatus.APPEALED, plan=plan) for _claim in range(2))
    freeze = pack.freeze

    def broken(appeal: Any, **given: Any) -> dict[str, Any]:
        if appeal.claim_id == wrong.pk:
            raise LookupError("no such definition")
        return freeze(appeal, **given)

    monkeypatch.setattr(pack, "freeze", broken)
    with pytest.raises(LookupError, match="no such definition"):
        actions.convene_due(at=make.NOON)

    assert [case.appeal.claim for case in Case.objects.all()] == [right]


def test_only_jurors_of_the_plan_in_office_and_of_thirty_days_are_on_the_roster() -> None:
    plan = make.plan()
    fit = {make.juror(plan).pk, make.juror(plan).pk}
    young = make.juror(plan)
    young.member.memberships.update(joined_at=make.NOON - timedelta(days=29))
    gone = make.juror(plan)
    actions.resign(by=gone.account, at=make.NOON)
    left = make.juror(plan)
    member_actions.end_membership(
        membership_id=left.member.memberships.get().pk, reason="left", by=None, at=make.NOON
    )
    make.juror(make.plan(panel_size=5))
    hired = make.juror(plan)
    hired.account.is_staff = True
    hired.account.save(update_fields=["is_staff"])

    case = make.case(claim=make.claim(ClaimStatus.APPEALED, plan=plan), panel=0)

    assert set(case.roster) == fit


def _family(claim: Any, juror: Juror) -> None:
    make.guardian(claim.member).household.create(
        member=juror.member, relation="parent", made_at=make.NOON
    )


def _payer(claim: Any, juror: Juror) -> None:
    claim.membership.payer = juror.account
    claim.membership.save(update_fields=["payer"])


def _payee_name(claim: Any, juror: Juror) -> None:
    _give_payee(claim, holder=juror.member.name)


def _give_payee(claim: Any, holder: str) -> None:
    claim_actions.give_payee(
        claim_id=claim.pk,
        relation="heir",
        holder=holder,
        bank="中国银行",
        account="6216600000000000001",
        reason="儿子",
        by=make.guardian(claim.member),
        at=make.NOON,
    )


def _gave_payee(claim: Any, juror: Juror) -> None:
    _give_payee(claim, holder="别人")
    claim.payee.given_by = juror.account
    claim.payee.save(update_fields=["given_by"])


def _adjuster(claim: Any, juror: Juror) -> None:
    claim.investigation.adjuster = juror.account
    claim.investigation.save(update_fields=["adjuster"])


def _reviewer(claim: Any, juror: Juror) -> None:
    claim.decisions.update(proposed_by=juror.account)


@pytest.mark.parametrize(
    "involve", [_family, _payer, _payee_name, _gave_payee, _adjuster, _reviewer]
)
def test_who_is_involved_is_not_drawn(involve: Any) -> None:
    plan = make.plan()
    jurors = [make.juror(plan) for _juror in range(4)]
    claim = make.claim(ClaimStatus.APPEALED, plan=plan)
    involve(claim, jurors[0])

    [case] = actions.convene_due(at=make.NOON)

    assert case.excluded == [jurors[0].pk]
    assert {seat.juror for seat in case.seats.all()} == set(jurors[1:])


def test_the_claimant_is_no_juror_of_the_own_case() -> None:
    plan = make.plan()
    others = {make.juror(plan).pk for _juror in range(3)}
    juror = make.juror(plan)
    claim = make.claim(
        ClaimStatus.APPEALED, membership=juror.member.memberships.select_related("plan").get()
    )

    [case] = actions.convene_due(at=make.NOON)

    assert juror.pk in policies.conflicted(claim)
    assert set(Seat.objects.values_list("juror_id", flat=True)) == others
    assert case.excluded == [juror.pk]


def test_the_pack_holds_both_sides_and_no_name_number_or_hospital() -> None:
    case = make.case()

    text = str(case.pack)
    claim = case.appeal.claim
    assert case.appeal.statement in text
    assert claim.decisions.get().reason in text
    for secret in (claim.member.name, claim.number, "第一人民医院", "病理报告.pdf", make.STORY):
        assert secret not in text
    assert [row["disputed"] for row in case.pack["table"]].count(True) == 1
    assert case.pack["clauses"][0]["code"] == make.first_condition(claim)
