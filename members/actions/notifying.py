"""Notices: one row for one account, or for all payers of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from members import notices, rules
from members.models import Membership, Notice
from mutualaid.clock import day


def notify(
    *,
    code: str,
    facts: Mapping[str, object],
    at: datetime,
    account_id: int | None = None,
    plan_id: int | None = None,
) -> Notice:
    """One row for one account, or for all payers of a plan.

    Raises KeyError now, not before its reader, for a code or a fact that is missing.
    """
    notices.render(code, facts)
    return Notice.objects.create(
        account_id=account_id, plan_id=plan_id, code=code, facts=dict(facts), at=at
    )


def facts_of(membership: Membership) -> dict[str, object]:
    """What the notices about a membership say. The name is masked: notices leave the house."""
    ended = membership.ended_at
    return {
        "name": rules.mask_name(membership.member.name),
        "number": membership.number,
        "joined_on": day(membership.joined_at).isoformat(),
        "covered_on": membership.covered_from.isoformat(),
        "age": membership.rules.max_age_years,
    } | ({"ended_on": day(ended).isoformat()} if ended else {})
