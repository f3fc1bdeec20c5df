"""A copy of all we hold of a family, and forgetting a person."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import actions, rights
from members.acting import household
from members.models import DataExport, ErasureRequest, HouseholdLink
from members.stepup import fresh_login
from mutualaid import clock
from mutualaid.errors import Refused
from portal.views.shared import acting_for, form_page, signed_in


@form_page
@login_required
def data(request: HttpRequest) -> HttpResponse:
    """The copy: asked for, under way, ready until when. And everybody who can be forgotten."""
    account = signed_in(request)
    if request.method == "POST":
        actions.ask_export(account_id=account.pk, by=account, at=clock.now())
        return redirect("portal:data")
    newest = account.exports.filter(gone_at__isnull=True).order_by("-pk").first()
    context = {
        "export": newest,
        "until": actions.export_until(newest) if newest else None,
        "people": [_person(link) for link in household(account)],
        "hold_days": actions.HOLD_DAYS,
    }
    response = render(request, "portal/data.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _person(link: HouseholdLink) -> dict[str, Any]:
    found = ErasureRequest.objects.filter(
        member=link.member_id, withdrawn_at__isnull=True, done_at__isnull=True
    )
    own = link.member.household.filter(relation=HouseholdLink.Relation.SELF).first()
    theirs = own is not None and own.account_id != link.account_id
    return {"link": link, "waiting": found.first(), "theirs": theirs}


@require_GET
@login_required
def data_copy(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The copy itself, for whoever asked for it and has shown once more who they are."""
    export = get_object_or_404(DataExport, pk=pk, account=signed_in(request))
    answer: HttpResponseBase = _copy(request, export)
    return answer


@fresh_login
def _copy(request: HttpRequest, export: DataExport) -> HttpResponseBase:
    account = signed_in(request)
    file = actions.open_export(export_id=export.pk, by=account, at=clock.now())
    made_on = clock.day(export.made_at) if export.made_at else clock.today()
    name = f"{_('my-data')}-{made_on.isoformat()}.zip"
    response = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@form_page
@login_required
def forget(request: HttpRequest, member_id: int) -> HttpResponseBase:
    """What being forgotten means, what stands in its way, and the button; for whoever has shown
    once more who they are."""
    context = acting_for(request, member_id)
    if context["link"] is None:
        raise Http404
    answer: HttpResponseBase = _forget(request, context["link"], context)
    return answer


@fresh_login
def _forget(request: HttpRequest, link: HouseholdLink, context: dict[str, Any]) -> HttpResponseBase:
    account, refusal = signed_in(request), ""
    if request.method == "POST":
        try:
            actions.ask_erasure(member_id=link.member_id, by=account, at=clock.now())
        except Refused as error:
            refusal = str(error)
        else:
            return redirect("portal:data")
    own = link.relation == HouseholdLink.Relation.SELF
    context |= {
        "member": link.member,
        "matters": rights.open_matters_of(link.member, clock.now()),
        "refusal": refusal,
        "hold_days": actions.HOLD_DAYS,
        "own": own,
    }
    return render(request, "portal/forget.html", context, status=409 if refusal else 200)


@require_POST
@login_required
def forget_not(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the wish back."""
    account = signed_in(request)
    found = ErasureRequest.objects.filter(member__household__account=account).distinct()
    wish = get_object_or_404(found, pk=pk)
    actions.withdraw_erasure(request_id=wish.pk, by=account, at=clock.now())
    return redirect("portal:data")
