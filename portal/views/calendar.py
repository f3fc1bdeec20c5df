"""The calendar subscription: the page that gives the link, and what stands behind the link."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from members import actions, inbox, places
from members.models import CalendarFeed
from mutualaid import clock
from portal import calendar_feed
from portal.cover import family_events
from portal.views.shared import form_page, signed_in


@form_page
@login_required
@sensitive_variables("token", "link")
def calendar(request: HttpRequest) -> HttpResponse:
    """Make, renew or remove the link. It is shown once, on the answer to the form that made it."""
    account, context = signed_in(request), dict[str, Any]()
    asked = request.POST.get("do", "")
    if asked == "remove":
        actions.remove_feed(by=account, at=clock.now())
        return redirect("portal:calendar")
    if asked == "make":
        token = actions.make_feed(by=account, at=clock.now())
        link = request.build_absolute_uri(reverse("portal:calendar_feed", args=[token]))
        context = {"link": link, "subscribe": "webcal:" + link.partition(":")[2]}
    feed = CalendarFeed.objects.filter(account=account).first()
    events = [event for event in family_events(account, clock.now()) if event.on >= clock.today()]
    response = render(
        request, "portal/calendar.html", context | {"feed": feed, "events": events[:6]}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_GET
@sensitive_variables("token")
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar behind a secret link: surnames and dates, nothing else. Raises Http404 for a
    link that was never made or no longer works."""
    found = CalendarFeed.objects.select_related("account").filter(
        token_hash=places.feed_hash(token), account__is_active=True
    )
    subscription = found.first()
    if subscription is None:
        raise Http404
    account, now = subscription.account, clock.now()
    with override(inbox.ways_of(account.pk).language):
        body = calendar_feed.calendar(
            family_events(account, now),
            name=_("Mutual aid: dates of the family"),
            link=request.build_absolute_uri(reverse("portal:me")),
            at=now,
        )
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Disposition"] = 'inline; filename="calendar.ics"'
    response["X-Robots-Tag"] = "noindex"
    return response
