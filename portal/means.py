"""What it means to leave, to undo a joining, to revoke: the sentences that stand above the button,
on the member's page and on the desk of the help line. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from assessments.models import Period
from assessments.rules import Half
from assessments.states import DONE, Stage
from members import actions
from members.models import Membership
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment
from portal import me

COUNTED = [Stage.LOCKED, Stage.DISCLOSED, Stage.SPLITTING]


def leaving(membership: Membership) -> list[str]:
    """Until when cover lasts, what is still debited, how one comes back."""
    terms = membership.terms_on(clock.today())
    leaves_at = clock.now() + timedelta(days=terms.leave_undo_days)
    again = _(
        "Who joins again answers the health questions again and waits %(days)s days again."
    ) % {"days": terms.waiting_days}
    free = _("Leaving is free. Shares already paid are not repaid.")
    return [
        _cover_ends(terms.leave_undo_days, leaves_at),
        free,
        *_debits(membership, leaves_at),
        again,
    ]


def _cover_ends(undo_days: int, leaves_at: datetime) -> str:
    if not undo_days:
        return _("Cover ends at once. What is first diagnosed afterwards cannot be asked for.")
    return _(
        "Cover ends on %(at)s. Until then you can take it back with one tap. What is first"
        " diagnosed afterwards cannot be asked for."
    ) % {"at": moment(leaves_at)}


def _debits(membership: Membership, leaves_at: datetime) -> list[str]:
    share = me.this_share(membership, membership.plan)
    if share and not share["divided"]:
        period = share["period"]
        said = {
            "number": period.number,
            "sum": yuan(share["amount_fen"]),
            "on": day(period.split_at),
        }
        return [
            _(
                "Period %(number)s is already counted: about %(sum)s yuan is still debited on"
                " %(on)s."
            )
            % said
        ]
    roster = _roster_before(leaves_at)
    if roster is None:
        return []
    return [
        _(
            "The members of the next period are counted on %(on)s, before you have left: its share"
            " is still debited."
        )
        % {"on": day(roster)}
    ]


def _roster_before(leaves_at: datetime) -> datetime | None:
    """The next count of members, if it comes before the leaving takes effect."""
    half = Half.of(clock.now()).previous()
    while half.roster_at <= clock.now():
        half = half.next()
    return half.roster_at if half.roster_at <= leaves_at else None


def undoing(membership: Membership) -> list[str]:
    """Until when a joining can be undone, and what is debited all the same."""
    until = {"until": moment(actions.undo_until(membership))}
    counted = Period.objects.filter(
        plan=membership.plan, stage__in=[*COUNTED, *DONE], roster_at__gt=membership.joined_at
    )
    first = counted.order_by("number").first()
    debit = _("Nothing is debited.")
    if first is not None:
        said = {"number": first.number, "on": day(first.split_at)}
        debit = (
            _("Period %(number)s was counted meanwhile: its share is still debited on %(on)s.")
            % said
        )
    return [
        _("Possible until %(until)s, without a reason. The membership ends at once.") % until,
        debit,
        _("You can join again at any time; the waiting period then begins anew."),
    ]


def revoking() -> list[str]:
    """What becomes of the memberships when nothing may be debited any more."""
    return [
        _("Nothing more is debited from your account."),
        _(
            "The memberships go on. A share that falls due stays open, is told to you each day, and"
            " after the days of the rules the membership ends."
        ),
        _("To go without owing anything, leave the plan instead."),
    ]
