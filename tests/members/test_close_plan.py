"""The end of a plan: closed by staff or below its threshold, dissolved on its last day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils.translation import override

from members import actions, notices
from members.models import Account, Membership, Notice, Plan
from mutualaid import clock
from mutualaid.clock import midnight
from mutualaid.errors import Forbidden, Invalid, NotNow
from portal.due import ORDER
from tests import make

pytestmark = pytest.mark.django_db
TODAY = date(2021, 12, 1)
WHY = "办不下去了。"


def close(plan: Plan, by: Account | None = None, **changed: Any) -> Plan:
    given: dict[str, Any] = {"why": WHY, "typed": plan.code} | changed
    return actions.close_plan(
        plan_id=plan.pk, **given, by=by or make.staff("reviewer"), at=clock.now()
    )


def below(plan: Plan, members: int) -> bool:
    """What a roster lock does with its count."""
    return actions.close_below(
        plan_id=plan.pk, terms=plan.rules.get(), members=members, at=clock.now()
    )


# --- closing


def test_a_plan_is_closed_with_a_reason_that_everybody_reads() -> None:
    plan, by = make.plan(dissolution_days=100), make.staff("reviewer")

    close(plan, by)

    plan.refresh_from_db()
    assert (plan.closed_on, plan.ends_on) == (TODAY, TODAY + timedelta(days=100))
    assert (plan.closed_by, plan.closed_why) == (by, WHY)
    notice = Notice.objects.get(code="plan_closes")
    assert (notice.plan, notice.account) == (plan, None)
    assert WHY in notices.render(notice.code, notice.facts)[1]


def test_nobody_joins_a_plan_that_is_closed() -> None:
    plan = make.plan()
    member = make.member()
    make.answers(member, plan)
    close(plan)

    with pytest.raises(NotNow):
        actions.join(member_id=member.pk, plan_id=plan.pk, by=make.guardian(member), at=clock.now())


@pytest.mark.parametrize(
    ("changed", "field"), [({"why": " "}, "why"), ({"typed": "other"}, "typed")]
)
def test_closing_asks_for_a_reason_and_the_code(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        close(make.plan(), **changed)

    assert refused.value.field == field


def test_only_the_role_that_closes_closes() -> None:
    for by in (make.account(), make.staff("data_officer"), make.staff("finance")):
        with pytest.raises(Forbidden):
            close(make.plan(), by)


def test_a_plan_is_closed_once_and_never_opened_again() -> None:
    plan = close(make.plan())

    with pytest.raises(NotNow):
        close(plan)
    for changed in ({"closed_on": None, "ends_on": None}, {"ends_on": date(2030, 1, 1)}):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(**changed)

    assert Notice.objects.filter(code="plan_closes").count() == 1


def test_a_plan_that_was_never_published_is_not_closed() -> None:
    plan = Plan.objects.create(code="x", name_zh="甲", name_en="X", opened_on=TODAY)

    with pytest.raises(NotNow):
        close(plan)


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"closed_why": WHY}, "plan_closed_by_with_reason"),
        ({"closed_by": 0}, "plan_closed_by_with_reason"),
        ({"closed_by": 0, "closed_why": WHY}, "plan_closed_by_with_reason"),
        ({"closed_by": 0, "closed_on": TODAY}, "plan_closed_by_with_reason"),
        ({"dissolved_at": make.NOON}, "plan_dissolved_only_at_its_end"),
        ({"closed_on": TODAY, "ends_on": TODAY - timedelta(days=1)}, "plan_ends_after_it_closes"),
    ],
)
def test_the_database_refuses_an_end_by_halves(changed: dict[str, Any], constraint: str) -> None:
    plan, by = make.plan(), make.staff("reviewer")
    changed = changed | ({"closed_by": by} if "closed_by" in changed else {})

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(**changed)


# --- too few members


@pytest.mark.parametrize(("members", "closed"), [(200, False), (199, True)])
def test_a_plan_below_its_threshold_closes(members: int, *, closed: bool) -> None:
    plan = make.plan(dissolution_members=200, dissolution_days=365)

    assert below(plan, members) == closed

    plan.refresh_from_db()
    assert (plan.closed_on == TODAY) == closed
    assert plan.ends_on == (TODAY + timedelta(days=365) if closed else None)
    assert Notice.objects.filter(code="plan_closes_below", plan=plan).count() == closed


def test_everybody_is_told_how_many_there_were_in_their_language() -> None:
    below(make.plan(dissolution_members=200), 199)
    notice = Notice.objects.get(code="plan_closes_below")

    with override("en"):
        title, text = notices.render(notice.code, notice.facts)

    assert "Critical Illness Plan closes" in title
    assert "199 members" in text
    assert "at least 200" in text


def test_a_plan_closes_once() -> None:
    plan = make.plan(dissolution_members=200)

    assert [below(plan, 1), below(plan, 1)] == [True, False]
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(("age_days", "closed"), [(89, False), (90, True)])
def test_a_plan_that_begins_is_allowed_to_be_small(age_days: int, *, closed: bool) -> None:
    plan = make.plan(dissolution_members=200, dissolution_after_days=90)
    Plan.objects.filter(pk=plan.pk).update(opened_on=TODAY - timedelta(days=age_days))

    assert below(plan, 1) == closed


def test_a_small_plan_without_a_threshold_lives() -> None:
    assert not below(make.plan(), 1)


# --- the last day


def test_on_the_last_day_every_membership_ends_and_one_notice_says_so() -> None:
    plan, other = make.plan(dissolution_days=30), make.plan(dissolution_members=1)
    inside = [make.membership(plan) for _more in range(3)]
    outside = make.membership(other)
    close(plan)
    last = TODAY + timedelta(days=30)
    clock.move_to(midnight(last) - timedelta(seconds=1), frozen=True)
    early = actions.dissolve_due(at=clock.now())
    clock.move_to(midnight(last) + timedelta(days=2), frozen=True)  # however late it comes

    ended = [actions.dissolve_due(at=clock.now()), actions.dissolve_due(at=clock.now())]

    assert (early, ended) == (0, [3, 0])
    found = Membership.objects.filter(pk__in=[m.pk for m in inside])
    assert set(found.values_list("end_reason", "ended_at")) == {("dissolved", midnight(last))}
    outside.refresh_from_db()
    assert outside.ended_at is None
    assert Notice.objects.filter(code="plan_ended", plan=plan, account=None).count() == 1
    plan.refresh_from_db()
    assert plan.dissolved_at == clock.now()


def test_whoever_had_left_before_left_and_who_joined_that_day_ends_not_before() -> None:
    plan = make.plan(dissolution_days=0, leave_undo_days=3)
    left, late = make.membership(plan), make.membership(plan, joined=make.NOON)
    actions.leave(membership_id=left.pk, by=left.payer, at=make.NOON - timedelta(days=4))
    close(plan)

    actions.dissolve_due(at=clock.now())

    left.refresh_from_db()
    late.refresh_from_db()
    assert left.end_reason == "left"
    assert (late.end_reason, late.ended_at) == ("dissolved", make.NOON)


def test_nobody_comes_back_into_a_plan_that_has_ended() -> None:
    plan = make.plan(dissolution_days=10, reinstatement_days=30)
    membership = make.membership(plan)
    actions.end_membership(membership_id=membership.pk, reason="arrears", by=None, at=clock.now())
    close(plan)
    ended = Membership.objects.get(pk=membership.pk)
    last = TODAY + timedelta(days=9)

    assert actions.can_reinstate_until(ended) == last
    clock.move_to(midnight(last + timedelta(days=1)), frozen=True)
    with pytest.raises(NotNow):
        actions.reinstate(membership_id=ended.pk, by=ended.payer, at=clock.now())


def test_parts_that_were_killed_go_on_where_they_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make.plan(dissolution_days=30)
    for _more in range(5):
        make.membership(plan)
    close(plan)
    clock.move_to(midnight(TODAY + timedelta(days=30)), frozen=True)
    monkeypatch.setattr("members.actions.closing.PART", 2)
    with monkeypatch.context() as patch:
        patch.setattr("members.actions.closing._tell_end", _die)
        with pytest.raises(KeyboardInterrupt):
            actions.dissolve_due(at=clock.now())
        assert not Notice.objects.filter(code="plan_ended").exists()

    actions.dissolve_due(at=clock.now())

    assert Membership.objects.filter(plan=plan, end_reason="dissolved").count() == 5
    assert Notice.objects.filter(code="plan_ended").count() == 1


def _die(*_: Any) -> None:
    raise KeyboardInterrupt


def test_the_clock_calls_it() -> None:
    assert actions.dissolve_due in ORDER
