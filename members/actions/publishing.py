"""A draft becomes a version of the rules: by a second person, complete, once, for good."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from members import policies, ready
from members.actions.drafting import locked_draft
from members.actions.rulebook import announce
from members.models import Account, Plan, QuestionSet, Rules
from mutualaid import clock
from mutualaid.clock import day
from mutualaid.errors import Forbidden, Invalid

PERMISSION = "members.publish_rules"


@transaction.atomic
def publish_rules(
    *, rules_id: int, typed: str, by: Account, at: datetime, seen_at: datetime | None = None
) -> Rules:
    """Publish a draft. A plan's first version may begin on any day from today on; a change is
    announced to everybody in the plan, 30 days ahead. Locks the plan, the draft, its questions.

    `typed`: the version, as the publisher has typed it. `seen_at`: when the draft had last been
    changed as they saw it. Raises Forbidden for who changed it last (the database says the same),
    Invalid with the field for what is missing (members/ready.py), NotNow for what is published or
    has changed since.
    """
    policies.check_staff(by, PERMISSION)
    plan_id = Rules.objects.values_list("plan_id", flat=True).get(pk=rules_id)
    Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    rules = locked_draft(rules_id, seen_at)
    QuestionSet.objects.select_for_update(no_key=True).get(pk=rules.question_set_id)
    check_second_person(by, rules)
    if typed.strip() != rules.version:
        raise Invalid(
            _("Type the version as it stands above: %(version)s.") % {"version": rules.version},
            field="typed",
        )
    lacks = ready.missing(rules, day(clock.now()))
    if lacks:
        raise Invalid(lacks[0].sentence, field=lacks[0].field)
    rules.published_at, rules.published_by = at, by
    rules.save(update_fields=["published_at", "published_by"])
    announce(rules=rules, by=by, at=at)
    return rules


def check_second_person(by: Account, rules: Rules) -> None:
    """Who changed a draft last does not publish it."""
    if rules.drafted_by_id is None or by.pk == rules.drafted_by_id:
        raise Forbidden(_("You changed this draft last. Somebody else has to publish it."))
