"""Leaving and taking it back, undoing a joining: what it means, the button, the receipt."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import actions
from members.models import Membership
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, moment
from portal import me, means
from portal.views.shared import acting_for, form_page, own_membership, signed_in


@form_page
@login_required
def leave(request: HttpRequest, number: str) -> HttpResponse:
    """What leaving means, and the button."""
    membership = own_membership(request, number)
    if membership.ended_at is not None or membership.leaving_at is not None:
        return redirect("portal:left", number=number)
    if request.method == "POST":
        actions.leave(membership_id=membership.pk, by=signed_in(request), at=clock.now())
        return redirect("portal:left", number=number)
    context = {"membership": membership, "means": means.leaving(membership)}
    return render(request, "portal/leave.html", context | acting_for(request, membership.member_id))


@require_POST
@login_required
def keep(request: HttpRequest, number: str) -> HttpResponse:
    """Take the wish to leave back, and on to one's page."""
    membership = own_membership(request, number)
    actions.keep(membership_id=membership.pk, by=signed_in(request), at=clock.now())
    return redirect("portal:me")


@require_GET
@login_required
def left(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt of leaving, and of every other end: the sums, what can still be done."""
    membership = own_membership(request, number)
    at = membership.ended_at or membership.leaving_at
    if at is None:
        return redirect("portal:leave", number=number)
    said = {"at": moment(at)}
    note = _("Ended on %(at)s. The notice is in your inbox.") % said
    if membership.ended_at is None:
        note = _("Cover goes on until %(at)s. The notice is in your inbox.") % said
    context = {"membership": membership, "note": note, "rows": _statement(membership)}
    context |= _ways_on(membership) | acting_for(request, membership.member_id)
    return render(request, "portal/left.html", context)


def _statement(membership: Membership) -> list[dict[str, Any]]:
    total = me.shared_in_all(membership)
    rows = [
        (_("Member since"), day(clock.day(membership.joined_at))),
        (_("Shared in all"), _("%(sum)s yuan") % {"sum": yuan(total)}),
    ]
    if membership.end_reason:
        rows.append((_("Why it ended"), membership.get_end_reason_display()))
    return [{"label": label, "value": value} for label, value in rows]


def _ways_on(membership: Membership) -> dict[str, Any]:
    """Coming back after arrears, and the next plan by age, while the rules offer them."""
    ended, today = membership.ended_at, clock.today()
    if ended is None:
        return {}
    until = actions.can_reinstate_until(membership)
    back = Membership.objects.filter(continues=membership).exists()
    terms = membership.terms_on(clock.day(ended))
    aged = membership.end_reason == Membership.End.AGED_OUT and not back
    return {
        "back_until": until if until and today <= until and not back else None,
        "next_plan": terms.next_plan if aged else None,
        "next_waits": terms.next_plan_waits,
    }


@form_page
@login_required
def undo_join(request: HttpRequest, number: str) -> HttpResponse:
    """What undoing means, and the button."""
    membership = own_membership(request, number)
    if membership.ended_at is not None:
        return redirect("portal:left", number=number)
    if request.method == "POST":
        actions.undo_join(membership_id=membership.pk, by=signed_in(request), at=clock.now())
        return redirect("portal:left", number=number)
    context = {"membership": membership, "means": means.undoing(membership)}
    return render(
        request, "portal/undo_join.html", context | acting_for(request, membership.member_id)
    )
