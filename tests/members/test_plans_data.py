"""Plans as data: every preset can be joined, and each option of the rules has its effect."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.core.management import call_command
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from members import actions, benefits, identity, plans_data, reference
from members.models import (
    AccessRecord,
    Account,
    BenefitBand,
    Invitation,
    Member,
    Membership,
    Plan,
    Rules,
    TenureStep,
)
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

AGES = {"senior": date(1958, 1, 1)}


def ensure(code: str) -> Plan:
    return plans_data.ensure(code, case_cap_fen=None, dissolution_members=None)


def ready(plan: Plan, *, born: date = make.BORN, name: str = "林秀梅") -> tuple[Member, Account]:
    """Everything on the way but the last step."""
    account = make.account()
    member = make.member(account, born=born, name=name)
    make.answers(member, plan)
    return member, account


def join(member: Member, plan: Plan, by: Account) -> Membership:
    return actions.join(member_id=member.pk, plan_id=plan.pk, by=by, at=clock.now())


def invitation(plan: Plan, uses: int = 1) -> str:
    by = make.staff("data_officer")
    return actions.invite(plan_id=plan.pk, uses_allowed=uses, by=by, at=clock.now())[1]


def enter(code: str, member: Member, plan: Plan, by: Account) -> None:
    actions.use_invitation(
        member_id=member.pk, plan_id=plan.pk, code=code, by=by, at=clock.now()
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("code", sorted(plans_data.PRESETS))
def test_every_preset_takes_a_member(code: str) -> None:
    plan = ensure(code)
    member, by = ready(plan, born=AGES.get(code, make.BORN))
    if code == "village":
        enter(invitation(plan), member, plan, by)

    membership = join(member, plan, by)

    terms = membership.rules
    assert benefits.benefit_fen(terms, membership, membership.covered_from) > 0
    assert membership.covered_from == clock.today() + timedelta(days=terms.waiting_days)
    assert terms.fee_bp <= 1000


@pytest.fixture(autouse=True)
def _plenty_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider gives everybody 650 points, but where a test says otherwise."""
    monkeypatch.setattr(identity, "score", lambda name, number: 650)


@pytest.mark.django_db
def test_a_preset_is_made_once_and_by_the_command() -> None:
    call_command("add_plan", "senior", "--opens", "2021-11-01")
    again = plans_data.ensure("senior")

    assert Plan.objects.get() == again
    assert (again.opened_on, again.rules.get().version) == (date(2021, 11, 1), "2021-11")


@pytest.mark.django_db
def test_the_main_plan_leads_on_to_the_one_for_the_old_without_a_new_wait() -> None:
    terms = ensure("critical").rules.get()

    assert terms.next_plan is not None
    assert (terms.next_plan.code, terms.next_plan_waits) == ("senior", False)


@pytest.mark.django_db
def test_a_plan_without_health_requirement_asks_nothing() -> None:
    plan = ensure("transport")
    member, by = ready(plan)

    assert plan.rules.get().question_set.questions.count() == 0
    assert join(member, plan, by).declaration is not None


@pytest.mark.django_db
def test_who_is_forty_waits_longer_where_the_rules_say_so() -> None:
    plan = ensure("rising")
    young, old = ready(plan, born=date(1990, 1, 1)), ready(plan, born=date(1981, 12, 1))

    days = [(join(who, plan, by).covered_from - clock.today()).days for who, by in (young, old)]

    assert days == [180, 365]


# --- who may join


@pytest.mark.django_db
def test_a_plan_by_invitation_takes_whoever_has_one_and_as_many() -> None:
    plan = ensure("village")
    code = invitation(plan, uses=1)
    (first, by), (second, other) = ready(plan), ready(plan)

    with pytest.raises(NotNow, match=r"."):
        join(first, plan, by)
    with pytest.raises(Invalid):
        enter("NOTACODE22", first, plan, by)
    enter(f" {code[:5]}-{code[5:].lower()} ", first, plan, by)
    enter(code, second, plan, other)
    join(first, plan, by)
    with pytest.raises(NotNow):
        join(second, plan, other)

    assert Invitation.objects.get().uses == 1
    assert code.encode() not in bytes(Invitation.objects.get().code_hash)


@pytest.mark.django_db
def test_an_invitation_counts_in_its_plan_until_its_day() -> None:
    plan, other = ensure("village"), make.plan(admission="invitation")
    member, by = ready(plan)
    _made, code = actions.invite(
        plan_id=plan.pk, uses_allowed=5, expires_on=date(2021, 12, 2),
        by=make.staff("data_officer"), at=clock.now(),
    )  # fmt: skip

    with pytest.raises(Invalid):
        enter(code, member, other, by)
    enter(code, member, plan, by)
    clock.move_to(datetime(2021, 12, 3, tzinfo=SHANGHAI), frozen=True)
    with pytest.raises(NotNow):
        join(member, plan, by)


@pytest.mark.django_db
def test_only_staff_who_may_invite_invite() -> None:
    plan = ensure("village")

    for by in (make.account(), make.staff("adjuster")):
        with pytest.raises(Forbidden):
            actions.invite(plan_id=plan.pk, uses_allowed=1, by=by, at=clock.now())


@pytest.mark.django_db(transaction=True)
def test_the_last_place_goes_to_one_of_two_who_join_at_once() -> None:
    plan = make.plan(ceiling_members=1)
    people, together = [ready(plan), ready(plan)], Barrier(2)
    outcomes: list[bool] = []

    def run(member: Member, by: Account) -> None:
        together.wait()
        try:
            join(member, plan, by)
            outcomes.append(True)
        except NotNow:
            outcomes.append(False)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=each) for each in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [False, True]
    assert Membership.objects.open().count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("points", "refusal"), [(649, Invalid), (None, NotNow), (650, None)]
)  # fmt: skip
def test_a_score_is_asked_of_the_provider_and_not_kept(
    points: int | None, refusal: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "score", lambda name, number: points)
    plan = ensure("score")
    member, by = ready(plan)

    if refusal:
        with pytest.raises(refusal):
            join(member, plan, by)
    else:
        join(member, plan, by)

    assert Membership.objects.count() == (refusal is None)
    asked = AccessRecord.objects.filter(member=member, what="id_number", by=by)
    assert asked.exists() == (refusal is None)  # what is refused leaves nothing, nor the number


@pytest.mark.django_db
def test_nobody_joins_before_a_plan_opens_or_after_it_closed() -> None:
    soon = plans_data.ensure("chronic")
    Plan.objects.filter(pk=soon.pk).update(opened_on=date(2022, 1, 1))
    closed = make.plan()
    member, by = ready(closed)
    Plan.objects.filter(pk=closed.pk).update(closed_on=clock.today())

    for plan in (soon, closed):
        with pytest.raises(NotNow):
            join(member, plan, by)


# --- what is granted


@pytest.mark.django_db
@given(days=st.integers(0, 1500), age=st.integers(0, 59))
def test_the_part_by_length_of_membership_is_a_third_two_thirds_the_whole(
    days: int, age: int
) -> None:
    terms = _rules(reference.BANDS, ((0, 1, 3), (365, 2, 3), (730, 1, 1)))

    numerator, denominator = benefits.part(terms, days)
    whole = benefits.band_fen(terms, age, "severe")

    assert (numerator, denominator) == ((1, 3) if days < 365 else (2, 3) if days < 730 else (1, 1))
    assert whole == (30_000_000 if age < 40 else 10_000_000)
    assert whole * numerator // denominator <= whole


class _Rows(list[object]):
    """What a loaded relation gives."""

    def all(self) -> list[object]:
        return self


class _Terms:
    def __init__(self, bands: _Rows, steps: _Rows) -> None:
        self.bands, self.steps = bands, steps


def _rules(bands: object, steps: object) -> Rules:
    made = [BenefitBand(**reference.Band(*band)._asdict()) for band in bands]  # type: ignore[attr-defined]
    steps = [
        TenureStep(from_days=days, numerator=part, denominator=whole)
        for days, part, whole in steps  # type: ignore[attr-defined]
    ]
    return _Terms(_Rows(made), _Rows(steps))  # type: ignore[return-value]


@pytest.mark.django_db
def test_tenure_counts_from_the_first_day_of_cover_also_before_the_next_plan() -> None:
    plan = ensure("rising")
    membership = make.membership(plan, joined=make.JOINED)
    first = membership.covered_from

    sums = [
        benefits.benefit_fen(membership.rules, membership, first + timedelta(days=days))
        for days in (0, 364, 365, 729, 730)
    ]

    assert sums == [10_000_000, 10_000_000, 20_000_000, 20_000_000, 30_000_000]


@pytest.mark.django_db
def test_mild_and_severe_differ_in_the_plan_for_the_old() -> None:
    plan = ensure("senior")
    membership = make.membership(plan, born=date(1958, 1, 1))
    on = membership.covered_from

    sums = {
        severity: benefits.benefit_fen(membership.rules, membership, on, severity)
        for severity in ("severe", "mild", "moderate")
    }

    assert sums == {"severe": 10_000_000, "mild": 5_000_000, "moderate": 0}
