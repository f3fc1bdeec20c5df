"""Rule changes: announced to everybody, accepted or not by each member, silence kept as silence."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from members import bulk, policies
from members.actions.notifying import notify
from members.models import Account, Membership, Notice, RuleConsent, Rules
from members.models.plans import DAYS_AHEAD
from mutualaid import clock
from mutualaid.clock import day, midnight
from mutualaid.errors import NotNow

REMINDED = (14, 3)  # days ahead: one notice to everybody in the plan each
PART = 50_000  # memberships, one transaction


def announce(*, rules: Rules, by: Account, at: datetime) -> Notice | None:
    """Tell everybody in the plan what changes and from when: one row. None for a first version.

    `publish_rules` calls it within its transaction, holding the lock on the plan. Raises NotNow
    where the version begins less than 30 days from `at`; the database says the same (trigger
    announced_ahead).
    """
    if is_first(rules):
        return None
    days = (rules.effective_on - day(at)).days
    if days < DAYS_AHEAD:
        raise NotNow(
            _(
                "A change of the rules is announced at least %(days)s days ahead. Choose a day from"
                " which it holds that is later."
            )
            % {"days": DAYS_AHEAD}
        )
    return _tell("rules_announced", rules, days, at)


def is_first(rules: Rules) -> bool:
    """Whether the plan has no other version that was published."""
    return not Rules.objects.published().filter(plan=rules.plan_id).exclude(pk=rules.pk).exists()


@transaction.atomic
def accept_rules(*, membership_id: int, rules_id: int, by: Account, at: datetime) -> RuleConsent:
    """Keep that this membership accepts a version that is announced or in force. Locks the
    membership; a second time gives back the first acceptance.

    Who accepts after the version began has been silent before, and both are kept. Raises NotNow for
    a membership that has ended and for a version that is a draft, of another plan, or over.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    rules = Rules.objects.select_related("plan").get(pk=rules_id)
    _in_step(rules, alone=False)
    now = clock.now()
    _check_acceptable(membership, rules, now)
    late = now >= midnight(rules.effective_on)
    made, _new = RuleConsent.objects.get_or_create(
        membership=membership,
        rules=rules,
        kind=RuleConsent.Kind.ACCEPTED,
        defaults={"by": by, "at": now if late else at},
    )
    return made


def _check_acceptable(membership: Membership, rules: Rules, now: datetime) -> None:
    if membership.ended_at is not None:
        raise NotNow(_("This membership has ended, so its rules no longer change."))
    today = day(now)
    current = rules.published_at is not None and (
        rules.effective_on > today or rules == membership.terms_on(today)
    )
    if rules.plan_id != membership.plan_id or not current:
        raise NotNow(_("This version of the rules is not one that can be accepted now."))


def rules_due(*, at: datetime) -> int:
    """Remind each plan of what will change, and write silence as silence for what has begun.

    Part by part, each its own transaction: killed, it goes on where it stopped, and the notice that
    the version has begun comes once, after the last part. Returns how many were silent.
    """
    changes = Rules.objects.published().select_related("plan").order_by("effective_on")
    today = day(at)
    for rules in changes.filter(effective_on__gt=today):
        _remind(rules, at)
    begun = changes.filter(effective_on__lte=today)
    return sum(_begin(rules, at) for rules in begun if _is_open(rules))


def _is_open(rules: Rules) -> bool:
    """It follows another version, and has not been told as begun."""
    earlier = Rules.objects.published().filter(
        plan=rules.plan_id, effective_on__lt=rules.effective_on
    )
    return earlier.exists() and not _told("rules_begun", rules)


@transaction.atomic
def _remind(rules: Rules, at: datetime) -> None:
    """The reminder of the last of REMINDED that has come; one that was missed is not made up."""
    left = (rules.effective_on - day(at)).days
    due = [days for days in REMINDED if left <= days]
    if not due or is_first(rules):
        return
    _in_step(rules, alone=True)
    if not _told("rules_reminder", rules, step=min(due)):
        _tell("rules_reminder", rules, left, at, step=min(due))


def _begin(rules: Rules, at: datetime) -> int:
    begins, after, silent = midnight(rules.effective_on), 0, 0
    while True:
        with transaction.atomic():
            _in_step(rules, alone=True)
            last, written = bulk.silence(rules=rules, begins=begins, after=after, size=PART, at=at)
            silent += written
            if last is None:
                if _is_open(rules):
                    _tell("rules_begun", rules, 0, at)
                return silent
            after = last


def _in_step(rules: Rules, *, alone: bool) -> None:
    """Acceptances go on side by side; who writes silence waits for them and they for it, until
    commit. So an acceptance that came in time is never overlooked."""
    with connection.cursor() as cursor:
        shared = "" if alone else "_shared"
        cursor.execute(
            f"SELECT pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))",
            [f"members.rules:{rules.pk}"],
        )


def _told(code: str, rules: Rules, **facts: object) -> bool:
    """Whether the plan has this notice of the version; found through the index by account."""
    said = Notice.objects.filter(
        account__isnull=True, plan=rules.plan_id, code=code, facts__version=rules.version
    )
    return said.filter(at__gte=rules.published_at, facts__contains=facts).exists()


def _tell(code: str, rules: Rules, days: int, at: datetime, **facts: object) -> Notice:
    words: dict[str, object] = {
        "plan_zh": rules.plan.name_zh,
        "plan_en": rules.plan.name_en,
        "version": rules.version,
        "effective_on": rules.effective_on.isoformat(),
        "days": days,
    }
    return notify(code=code, facts=words | facts, at=at, plan_id=rules.plan_id)
