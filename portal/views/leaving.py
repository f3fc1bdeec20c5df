"""Leaving: what it means, the button, the receipt."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from members import actions
from mutualaid import clock
from mutualaid.templatetags.look import moment
from portal import me
from portal.views.shared import form_page, own_membership, signed_in


@form_page
@login_required
def leave(request: HttpRequest, number: str) -> HttpResponse:
    """What leaving means, and the button."""
    membership = own_membership(request, number)
    if membership.ended_at is not None:
        return redirect("portal:left", number=number)
    if request.method == "POST":
        actions.leave(membership_id=membership.pk, by=signed_in(request), at=clock.now())
        return redirect("portal:left", number=number)
    share = me.this_share(membership, membership.plan)
    still = share if share and not share["divided"] else None
    return render(request, "portal/leave.html", {"membership": membership, "still": still})


@require_GET
@login_required
def left(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt of leaving."""
    membership = own_membership(request, number)
    if membership.ended_at is None:
        return redirect("portal:leave", number=number)
    note = _("Ended on %(at)s. The notice is in your inbox.") % {"at": moment(membership.ended_at)}
    return render(request, "portal/left.html", {"membership": membership, "note": note})
