"""What the pages share: who is signed in, for whom the page is, whose membership it is."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from members.acting import acting_bar, acting_link
from members.models import Account, Membership, Plan
from portal import figures

PLAN_KEPT = "joining_plan"
form_page = require_http_methods(["GET", "HEAD", "POST"])


def signed_in(request: HttpRequest) -> Account:
    return cast(Account, request.user)


def sent(request: HttpRequest) -> QueryDict | None:
    """The form that was sent, also an empty one; None where the page is only opened."""
    return request.POST if request.method == "POST" else None


def acting(request: HttpRequest) -> dict[str, Any]:
    """Context of every page that is about one person: the link and the bar."""
    link = acting_link(request)
    return {"link": link, "acting": acting_bar(link)}


def acting_for(request: HttpRequest, member_id: int) -> dict[str, Any]:
    """The same for a page that names its person itself, by the number of a membership."""
    links = signed_in(request).household.select_related("member").filter(member=member_id)
    link = links.first()
    return {"link": link, "acting": acting_bar(link)}


def own_membership(request: HttpRequest, number: str) -> Membership:
    """The membership of that number in the account's family. Raises Http404 for any other."""
    digits = number.removeprefix("M")
    if not digits.isdecimal() or len(digits) > 18:  # noqa: PLR2004 - what a bigint holds
        raise Http404
    mine = Membership.objects.filter(member__household__account=signed_in(request))
    related = mine.select_related("member", "plan", "rules", "payer")
    return get_object_or_404(related, pk=int(digits))


def chosen_plan(request: HttpRequest) -> Plan | None:
    """The plan somebody joins: `?plan=<code>` chooses and is kept in the session; else the main
    one. Raises Http404 for a code that is none."""
    code = request.GET.get("plan", "")
    if code:
        plan = get_object_or_404(Plan.objects.published(), code=code)
        request.session[PLAN_KEPT] = plan.code
        return plan
    kept = Plan.objects.published().filter(code=request.session.get(PLAN_KEPT, "")).first()
    return kept or figures.the_plan()
