"""May I? Each check raises Forbidden with a sentence; it reads, and never writes."""

from __future__ import annotations

from django.utils.translation import gettext as _

from assessments.models import PeriodCase
from disclosures.models import Objection
from members.models import Account, Membership
from members.policies import check_staff
from mutualaid.errors import Forbidden

ANSWER = "disclosures.change_objection"


def is_of_plan(by: Account, plan_id: int) -> bool:
    """Whether the account pays or acts for an open membership of the plan."""
    open_here = Membership.objects.open().filter(plan=plan_id)
    return by.is_active and (
        open_here.filter(payer=by).exists()
        or open_here.filter(member__household__account=by).exists()
    )


def check_objects(by: Account, case: PeriodCase) -> None:
    """A member of the plan that shares the cost of this case."""
    if not is_of_plan(by, case.period.plan_id):
        raise Forbidden(
            _(
                "Only members of this plan can object to a case: they share its cost. Join, or"
                " call us."
            )
        )


def check_answers(by: Account | None, objection: Objection) -> None:
    """Staff who answer objections; never one's own."""
    check_staff(by, ANSWER)
    if by is not None and objection.by_id == by.pk:
        raise Forbidden(_("This objection is yours. Somebody else has to answer it."))
