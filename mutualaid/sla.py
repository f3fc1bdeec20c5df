"""The clock of a task in words. It stands still only while the claimant has the ball or a date
must come (design §5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

SOON = timedelta(days=1)
_HOURS_AS_HOURS = 48


@dataclass(frozen=True)
class Sla:
    """`code` chooses the colour and shape: fine, soon, late, stopped. The words say it, too."""

    code: str
    word: str
    span: str


# Whose turn it is when the clock of a decision stands still (claims.states.Turn), and for what.
WAITING = {
    "claimant": gettext_lazy("waiting for the member"),
    "date": gettext_lazy("waiting for a date"),
}


def sla(due_at: datetime, now: datetime, *, turn: str = "") -> Sla:
    """How a task stands at `now`."""
    left = due_at - now
    if turn in WAITING:
        return Sla("stopped", _("Clock stopped"), str(WAITING[turn]))
    if left < timedelta(0):
        return Sla("late", _("Overdue"), _("%(span)s over") % {"span": _span(-left)})
    words = _("%(span)s left") % {"span": _span(left)}
    return Sla("soon", _("Due soon"), words) if left <= SOON else Sla("fine", _("On time"), words)


def _span(delta: timedelta) -> str:
    hours = delta // timedelta(hours=1)
    if hours < 1:
        count = max(1, delta // timedelta(minutes=1))
        return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    if hours < _HOURS_AS_HOURS:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    count = hours // 24
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
