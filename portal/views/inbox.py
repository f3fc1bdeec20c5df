"""The inbox: every notice can be read later."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from members.models import (
    Membership,
)
from portal import me
from portal.views.shared import signed_in


@require_GET
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Notices to this account and to everybody in its plans; paged by key."""
    account = signed_in(request)
    written = request.GET.get("before", "")
    before = int(written) if written.isdecimal() and len(written) < 18 else None  # noqa: PLR2004
    first = Membership.objects.filter(payer=account).order_by("joined_at").first()
    shown = me.inbox(account, before=before, since=first.joined_at if first else None)
    more = len(shown) > me.NOTICES_A_PAGE
    shown = shown[: me.NOTICES_A_PAGE]
    next_url = f"{reverse('portal:inbox')}?before={shown[-1]['pk']}" if more else ""
    return render(request, "portal/inbox.html", {"notices": shown, "next": next_url})
