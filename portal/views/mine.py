"""我的: what is to do, the cover, claims under way, the share of the period, the family."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from members.acting import household
from members.models import (
    Account,
    HouseholdLink,
    Plan,
)
from mutualaid import clock
from portal import figures, me
from portal.views.shared import acting, signed_in


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What is to do, the cover, claims under way, the share of the period, the family."""
    context = acting(request)
    account, plan, today = signed_in(request), figures.the_plan(), clock.today()
    link: HouseholdLink | None = context["link"]
    context |= {"plan": plan, "family": me.family(household(account), plan, today)}
    if link and plan:
        context |= _mine_of(link, account, plan)
    return render(request, "portal/me.html", context)


def _mine_of(link: HouseholdLink, account: Account, plan: Plan) -> dict[str, Any]:
    today = clock.today()
    cover = me.cover(link.member, plan, today)
    context: dict[str, Any] = {
        "cover": cover,
        "todo": me.to_do(link, account, cover),
        "claims": me.open_claims(link.member),
    }
    if cover.membership:
        context |= {
            "rows": me.cover_rows(cover.membership, account, today),
            "share": me.this_share(cover.membership, plan) if cover.open else None,
            "year": me.this_year(cover.membership, today),
            "chart": figures.shares_chart(plan),
            "heads": (_("Split on"), _("Yuan each")),
        }
    return context
