"""The family: who is added, and how."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from members import actions
from members.models import (
    Account,
    HouseholdLink,
)
from mutualaid import clock
from mutualaid.errors import Refused
from portal.forms import PersonForm, refused
from portal.views.shared import form_page, sent, signed_in


@form_page
@login_required
def family_add(request: HttpRequest) -> HttpResponse:
    """Add oneself, a parent, the spouse, a child; then go on to joining."""
    account = signed_in(request)
    form = PersonForm(sent(request), initial={"relation": _first_relation(account)})
    if form.is_valid():
        try:
            member = actions.add_member(
                account_id=account.pk, by=account, at=clock.now(), **form.cleaned_data
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect(f"{reverse('portal:join')}?as={member.pk}")
    return render(request, "portal/family_add.html", {"form": form})


def _first_relation(account: Account) -> str:
    has_self = account.household.filter(relation=HouseholdLink.Relation.SELF).exists()
    return "" if has_self else HouseholdLink.Relation.SELF
