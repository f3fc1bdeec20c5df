"""A plan comes to its end: too few members, or a reason that staff give. Nobody joins any more,
cover goes on for the days of the rules, then every membership ends (domain.md §1a, termination)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from members import bulk, policies
from members.actions.notifying import notify
from members.models import Account, Plan, Rules
from mutualaid import clock
from mutualaid.clock import day, midnight
from mutualaid.errors import Invalid, NotNow

PERMISSION = "members.close_plan"
PART = 50_000  # memberships, one transaction


@transaction.atomic
def close_plan(*, plan_id: int, why: str, typed: str, by: Account, at: datetime) -> Plan:
    """Close a plan for a reason that every member reads. It is never opened again. Locks the plan.

    `typed`: its code, typed once more. Raises Invalid with the field, NotNow for a plan that is
    closed or was never published.
    """
    policies.check_staff(by, PERMISSION)
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if plan.closed_on is not None:
        raise NotNow(_("This plan is closed already. It cannot be opened again."))
    if not why.strip():
        raise Invalid(_("Say why the plan closes. Every member reads it."), field="why")
    if typed.strip() != plan.code:
        raise Invalid(
            _("Type the code of the plan as it stands above: %(code)s.") % {"code": plan.code},
            field="typed",
        )
    terms = _terms(plan, at)
    plan.closed_by, plan.closed_why = by, why.strip()
    _close(plan, terms, at)
    notify(
        code="plan_closes", facts=_facts(plan) | {"why": plan.closed_why}, at=at, plan_id=plan.pk
    )
    return plan


def _terms(plan: Plan, at: datetime) -> Rules:
    published = Rules.objects.published().filter(plan=plan).order_by("effective_on")
    terms = published.filter(effective_on__lte=day(at)).last() or published.first()
    if terms is None:
        raise NotNow(_("No rules of this plan were published. There is nothing to close."))
    return terms


@transaction.atomic
def close_below(*, plan_id: int, terms: Rules, members: int, at: datetime) -> bool:
    """Close the plan if the members counted at a roster lock are fewer than the rules of that lock
    ask for; returns whether it was closed now. Locks the plan. For assessments, in whose
    transaction the count is fixed."""
    threshold = terms.dissolution_members
    if threshold is None or members >= threshold:
        return False
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    counts_from = plan.opened_on + timedelta(days=terms.dissolution_after_days)
    if plan.closed_on is not None or day(at) < counts_from:
        return False
    _close(plan, terms, at)
    facts = _facts(plan) | {"members": members, "threshold": threshold}
    notify(code="plan_closes_below", facts=facts, at=at, plan_id=plan.pk)
    return True


def _close(plan: Plan, terms: Rules, at: datetime) -> None:
    """The only place that closes a plan; the caller holds its lock."""
    plan.closed_on = day(at)
    plan.ends_on = plan.closed_on + timedelta(days=terms.dissolution_days)
    plan.save(update_fields=["closed_on", "ends_on", "closed_by", "closed_why"])


def _facts(plan: Plan) -> dict[str, object]:
    assert plan.closed_on is not None  # noqa: S101 - just set
    assert plan.ends_on is not None  # noqa: S101
    return {
        "plan_zh": plan.name_zh,
        "plan_en": plan.name_en,
        "closed_on": plan.closed_on.isoformat(),
        "ends_on": plan.ends_on.isoformat(),
    }


def dissolve_due(*, at: datetime) -> int:
    """End the memberships of every plan whose last day has come, as of its 00:00, and tell all of
    them in one notice; returns how many ended. Whoever had left before left.

    Part by part, each its own transaction: killed, it goes on where it stopped, and the notice
    comes once, after the last part.
    """
    ended = Plan.objects.filter(ends_on__lte=day(clock.now()), dissolved_at__isnull=True)
    plans = list(ended.order_by("pk"))
    if plans:
        with transaction.atomic():
            bulk.leave(at=at)
    return sum(_dissolve(plan, at) for plan in plans)


def _dissolve(plan: Plan, at: datetime) -> int:
    assert plan.ends_on is not None  # noqa: S101 - so it was found
    after, count = 0, 0
    while True:
        with transaction.atomic():
            last, part = bulk.dissolve(
                plan_id=plan.pk, ends_at=midnight(plan.ends_on), after=after, size=PART
            )
            count += part
            if last is None:
                _tell_end(plan.pk, at)
                return count
            after = last


def _tell_end(plan_id: int, at: datetime) -> None:
    """Once: of two who come here together the second finds it done."""
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if plan.dissolved_at is not None:
        return
    plan.dissolved_at = at
    plan.save(update_fields=["dissolved_at"])
    notify(code="plan_ended", facts=_facts(plan), at=at, plan_id=plan.pk)
