"""How a membership ends, and how it goes on: leaving and staying, age, arrears, the benefit."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from members import bulk, policies, rules
from members.actions.notifying import facts_of, notify
from members.models import Account, Member, Membership, Plan, RuleConsent, Rules
from mutualaid import clock
from mutualaid.clock import day
from mutualaid.errors import NotNow
from mutualaid.templatetags.look import moment

WARN_DAYS = 30  # before a membership ends by age its payer is told
NOTICE = {
    Membership.End.LEFT: "left",
    Membership.End.AGED_OUT: "aged_out",
    Membership.End.ARREARS: "membership_ended_arrears",
    Membership.End.HELPED: "membership_ended_helped",
    Membership.End.UNDONE: "join_undone",
    Membership.End.NOT_MET: "membership_ended_not_met",
    Membership.End.DISSOLVED: "membership_ended_dissolved",
    Membership.End.DIED: "membership_ended_died",
}


# --- leaving, and taking it back


@transaction.atomic
def leave(*, membership_id: int, by: policies.Actor, at: datetime) -> Membership:
    """Wish to leave: it takes effect when the undo of the rules in force has run out (design §5),
    at once where they give none. Locks the membership; raises NotNow if it has ended.

    Cover and duties go on until then. A period whose roster was locked before still counts the
    member (domain.md §1a, exit). A second wish changes nothing.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id, helped=True)
    _check_open(membership, clock.now())
    if membership.leaving_at is not None:
        return membership
    membership.leaving_at = at + timedelta(days=membership.terms_on(day(at)).leave_undo_days)
    if membership.leaving_at <= at:
        _end(membership, Membership.End.LEFT, at)
        _tell_end(membership, at)
        return membership
    membership.save(update_fields=["leaving_at"])
    facts = facts_of(membership) | {"leaving_at": membership.leaving_at.isoformat()}
    notify(code="leaving", facts=facts, at=at, account_id=membership.payer_id)
    return membership


@transaction.atomic
def keep(*, membership_id: int, by: policies.Actor, at: datetime) -> Membership:
    """Take the wish to leave back: the membership goes on as if nothing had been. Locks it.

    Raises NotNow once the wish has taken effect, by the clock after the lock.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id, helped=True)
    _check_open(membership, clock.now())
    if membership.leaving_at is None:
        return membership
    membership.leaving_at = None
    membership.save(update_fields=["leaving_at"])
    notify(code="kept", facts=facts_of(membership), at=at, account_id=membership.payer_id)
    return membership


@transaction.atomic
def undo_join(*, membership_id: int, by: policies.Actor, at: datetime) -> Membership:
    """Joining undone within the days of the rules of joining: as free as it was. Locks it.

    A period whose roster was locked meanwhile is still shared; the page says so before. Raises
    NotNow when the days are over, by the clock after the lock.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id, helped=True)
    now = clock.now()
    _check_open(membership, now)
    until = undo_until(membership)
    if now >= until:
        raise NotNow(
            _("Joining could be undone until %(until)s. You can still leave, at any time and free.")
            % {"until": moment(until)}
        )
    _end(membership, Membership.End.UNDONE, at)
    _tell_end(membership, at)
    return membership


def undo_until(membership: Membership) -> datetime:
    """The instant from which joining can no longer be undone."""
    return membership.joined_at + timedelta(days=membership.rules.join_undo_days)


def leave_due(*, at: datetime) -> int:
    """End the memberships whose wish to leave has taken effect, and tell; returns how many."""
    with transaction.atomic():
        return bulk.leave(at=at)


# --- other ends


@transaction.atomic
def end_membership(
    *, membership_id: int, reason: str, by: Account | None, at: datetime
) -> Membership:
    """End it for another reason (arrears, helped …). Locks it; raises NotNow if it has ended.

    For the clock and for the rooms to the right, which have asked may-I themselves.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    _end(membership, Membership.End(reason), at)
    _tell_end(membership, at)
    return membership


def _check_open(membership: Membership, now: datetime) -> None:
    """Neither ended, nor past the instant of a wish to leave that no beat has written yet."""
    left = membership.leaving_at is not None and membership.leaving_at <= now
    if membership.ended_at is not None or left:
        raise NotNow(_("This membership has already ended. There is nothing to do."))


def _end(membership: Membership, reason: Membership.End, at: datetime) -> None:
    """The only place that ends a single membership; the caller holds its lock. Whoever had left by
    then left: the first end counts."""
    if membership.ended_at is not None:
        raise NotNow(_("This membership has already ended. There is nothing to do."))
    if membership.leaving_at is not None and membership.leaving_at <= at:
        reason, at = Membership.End.LEFT, membership.leaving_at
    membership.ended_at, membership.end_reason = at, reason
    membership.save(update_fields=["leaving_at", "ended_at", "end_reason"])


def _tell_end(membership: Membership, at: datetime) -> None:
    code = NOTICE[Membership.End(str(membership.end_reason))]
    notify(code=code, facts=facts_of(membership), at=at, account_id=membership.payer_id)


@transaction.atomic
def age_out_due(*, at: datetime) -> int:
    """End every membership whose member is past the highest age of the rules in force; returns how
    many. Those who are offered another plan are told so."""
    bulk.leave(at=at)  # whoever had left before their birthday left
    return sum(bulk.age_out(terms=terms, on=day(at), at=at) for terms in _in_force(day(at)))


@transaction.atomic
def warn_due(*, at: datetime) -> int:
    """Tell the payers of whoever ages out within 30 days, once each; returns how many were told."""
    on = day(at)
    return sum(
        bulk.warn_of_age(terms=terms, on=on, until=on + timedelta(days=WARN_DAYS), at=at)
        for terms in _in_force(on)
    )


def _in_force(on: date) -> list[Rules]:
    """The rules of every plan that has any on that day."""
    begun = Plan.objects.filter(
        rules__published_at__isnull=False, rules__effective_on__lte=on
    ).distinct()
    return [Rules.objects.in_force(plan, on) for plan in begun.order_by("pk")]


# --- going on


def predecessor(member: Member, plan: Plan, at: datetime) -> Membership | None:
    """The membership that one in `plan` would go on from: it ended by age, its rules of that day
    offer this plan, and the time to come back is not over. None: a new beginning."""
    ended = member.memberships.filter(end_reason=Membership.End.AGED_OUT).select_related("plan")
    for before in ended.order_by("-ended_at"):
        assert before.ended_at is not None  # noqa: S101 - by constraint, with its reason
        terms = before.terms_on(day(before.ended_at))
        last_day = day(before.ended_at) + timedelta(days=terms.reinstatement_days)
        if terms.next_plan_id == plan.pk and day(at) <= last_day:
            return before
    return None


def waiting_days(version: Rules, birth_on: date, on: date) -> int:
    """The waiting days of whoever was born then and joins on that day."""
    return rules.waiting_days(
        age=rules.age_on(birth_on, on),
        days=version.waiting_days,
        longer_from_age=version.waiting_longer_from_age,
        longer_days=version.waiting_longer_days,
    )


def first_day_of_cover(
    member: Member, in_force: Rules, before: Membership | None, at: datetime
) -> date:
    """From when illness is covered. Days waited in the plan before count where its rules say so;
    cover is never granted for days gone by."""
    on = day(at)
    covered_from = rules.covered_from(on, waiting_days(in_force, member.birth_on, on))
    if before is None or before.ended_at is None:
        return covered_from
    if before.terms_on(day(before.ended_at)).next_plan_waits:
        return covered_from
    return min(covered_from, max(on, before.covered_from))


@transaction.atomic
def reinstate(*, membership_id: int, by: Account, at: datetime) -> Membership:
    """Go on after arrears: a new membership that continues the ended one. Locks the member.

    For assessments, which has seen the missed shares paid. No new waiting period, and no cover for
    the days between (design §5). Raises NotNow when the window is over, for another reason of the
    end, and for who is in the plan again.
    """
    ended = Membership.objects.select_related("member", "declaration").get(pk=membership_id)
    policies.check_acts_for(by, ended.member_id)
    Member.objects.select_for_update().get(pk=ended.member_id)
    terms = _check_reinstated(ended, at)
    made = Membership.objects.create(
        member=ended.member,
        plan=ended.plan,
        payer_id=ended.payer_id,
        rules=terms,
        declaration=ended.declaration,
        quiz_passed_at=ended.quiz_passed_at,
        continues=ended,
        joined_at=at,
        covered_from=max(day(at), ended.covered_from),
    )
    RuleConsent.objects.create(
        membership=made, rules=terms, kind=RuleConsent.Kind.ACCEPTED, by=by, at=at
    )
    notify(code="reinstated", facts=facts_of(made), at=at, account_id=made.payer_id)
    return made


def can_reinstate_until(ended: Membership) -> date | None:
    """The last day on which a membership that ended by arrears can go on, while its plan does; None
    for other ends."""
    if ended.end_reason != Membership.End.ARREARS or ended.ended_at is None:
        return None
    ended_on, plan_ends_on = day(ended.ended_at), ended.plan.ends_on
    last_day = ended_on + timedelta(days=ended.terms_on(ended_on).reinstatement_days)
    return min(last_day, plan_ends_on - timedelta(days=1)) if plan_ends_on else last_day


def _check_reinstated(ended: Membership, at: datetime) -> Rules:
    last_day = can_reinstate_until(ended)
    if last_day is None or day(clock.now()) > last_day:
        raise NotNow(_("This membership can no longer go on. You can join anew at any time."))
    if ended.member.memberships.filter(plan=ended.plan, joined_at__gte=ended.ended_at).exists():
        raise NotNow(_("This person has come back already. There is nothing to do."))
    terms = Rules.objects.in_force(ended.plan, day(at))
    if rules.age_on(ended.member.birth_on, day(at)) > terms.max_age_years:
        raise NotNow(
            _("This plan takes people up to %(age)s years.") % {"age": terms.max_age_years}
        )
    return terms
