"""我的: what is to do, the cover in each plan, claims under way, the share, the family."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from members import inbox
from members.acting import household
from members.models import Account, HouseholdLink
from mutualaid import clock
from portal import figures, me
from portal.cover import CoverOf
from portal.views.shared import acting, signed_in


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What is to do, every plan the person is in, claims under way, the share, the family."""
    context = acting(request)
    account = signed_in(request)
    link: HouseholdLink | None = context["link"]
    context |= {"family": me.family(household(account), clock.today())}
    context |= {"unread": unread_words(inbox.unread(account))}
    if link:
        context |= _mine_of(link, account)
    return render(request, "portal/me.html", context)


def unread_words(count: int) -> str:
    """How many messages are new, in a word; "" for none, and no number past what was looked at."""
    return f"{inbox.MOST_UNREAD}+" if count > inbox.MOST_UNREAD else str(count or "")


def _mine_of(link: HouseholdLink, account: Account) -> dict[str, Any]:
    covers = me.covers(link.member, clock.today())
    plan = covers[0].membership.plan if covers and covers[0].membership else figures.the_plan()
    return {
        "covers": [_in_plan(cover, account) for cover in covers],
        "todo": me.to_do(link, account, covers),
        "claims": me.open_claims(link.member),
        "plan": plan,
        "chart": figures.shares_chart(plan) if plan and covers else None,
        "heads": (_("Split on"), _("Yuan each")),
        "places": _places(),
    }


def _places() -> list[dict[str, Any]]:
    """Where one looks after one's account."""
    found = [
        ("chat", _("Inbox"), "portal:inbox"),
        ("money", _("Payment"), "portal:payment"),
        ("date", _("Dates in my calendar"), "portal:calendar"),
        ("shield", _("Account security"), "portal:security"),
        ("search", _("Who has read our data"), "portal:access"),
        ("get", _("My data"), "portal:data"),
        ("scale", _("The jury"), "jury:home"),
    ]
    return [{"icon": icon, "title": title, "url": reverse(name)} for icon, title, name in found]


def _in_plan(cover: me.Cover, account: Account) -> dict[str, Any]:
    """One membership: its word, its facts, the share of the period, the sum of the year."""
    membership, today = cover.membership, clock.today()
    if membership is None:
        return {"cover": cover}
    return {
        "cover": cover,
        "membership": membership,
        "rows": me.cover_rows(CoverOf(membership, today), account) if cover.open else [],
        "share": me.this_share(membership, membership.plan) if cover.open else None,
        "year": me.this_year(membership, today),
    }
