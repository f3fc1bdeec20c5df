"""Rule changes: announced to everybody, accepted or not by each member, silence kept as silence."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from members.actions.notifying import notify
from members.models import Account, Notice, Rules
from mutualaid.clock import day
from mutualaid.errors import NotNow

# Domain.md §1e, design §5: a change is announced so many days before it begins.
DAYS_AHEAD = 30


def announce(*, rules: Rules, by: Account, at: datetime) -> Notice | None:
    """Tell everybody in the plan what changes and from when: one row. None for a first version.

    `publish_rules` calls it within its transaction, holding the lock on the plan, after it has set
    `published_at`. Raises NotNow where the version begins less than 30 days from `at`.
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
    facts = {
        "plan_zh": rules.plan.name_zh,
        "plan_en": rules.plan.name_en,
        "version": rules.version,
        "effective_on": rules.effective_on.isoformat(),
        "days": days,
    }
    return notify(code="rules_announced", facts=facts, at=at, plan_id=rules.plan_id)


def is_first(rules: Rules) -> bool:
    """Whether the plan has no other version that was published."""
    return not Rules.objects.published().filter(plan=rules.plan_id).exclude(pk=rules.pk).exists()
