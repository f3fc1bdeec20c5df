"""The payment agreement: what it is, renewing it, revoking it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import actions
from members.models import Mandate, Membership
from mutualaid import clock
from mutualaid.templatetags.look import day
from portal import figures
from portal.views.shared import signed_in


@require_GET
@login_required
def payment(request: HttpRequest) -> HttpResponse:
    """The live agreement with its dates, and for whom it pays."""
    account = signed_in(request)
    mandate = Mandate.objects.live(clock.today()).filter(account=account).first()
    paid_for = Membership.objects.open().filter(payer=account).select_related("member")
    names = [membership.member.name for membership in paid_for.order_by("joined_at")]
    rows = []
    if mandate:
        rows = [
            {"label": _("Given on"), "value": day(clock.day(mandate.given_at))},
            {"label": _("Holds until"), "value": day(mandate.expires_on)},
            {"label": _("Pays for"), "value": _(", ").join(dict.fromkeys(names)) or _("nobody")},
        ]
    return render(request, "portal/payment.html", {"mandate": mandate, "rows": rows})


@require_POST
@login_required
def mandate_give(request: HttpRequest) -> HttpResponse:
    """Give it, or renew it for the full time."""
    account = signed_in(request)
    own = Membership.objects.open().filter(payer=account).order_by("joined_at").first()
    plan = figures.the_plan()
    plan_id = own.plan_id if own else plan.pk if plan else 0
    actions.give_mandate(
        account_id=account.pk, plan_id=plan_id, by=account, at=clock.now(), anew=True
    )
    return redirect("portal:payment")


@require_POST
@login_required
def mandate_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke it; the page says what that means before."""
    account = signed_in(request)
    get_object_or_404(Mandate, pk=pk, account=account)
    actions.revoke_mandate(mandate_id=pk, by=account, at=clock.now())
    return redirect("portal:payment")
