"""Getting an account back whose number is lost: by name, ID number and a new number."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from members import actions
from members.login_forms import NumberForm
from members.models import Recovery
from mutualaid import clock
from mutualaid.errors import Refused
from portal.forms import refused
from portal.views.logins import KEPT, OwnCodeForm, kept_code, send_code, wrong_code
from portal.views.shared import form_page, sent, signed_in


class RecoverForm(OwnCodeForm):
    """Who one is, and the code that shows that the new number is one's own."""

    name = forms.CharField(
        label=_("Your name"),
        help_text=_("As it stands on the ID card"),
        max_length=60,
        error_messages={"required": _("Write the full name as it stands on the ID card.")},
    )
    id_number = forms.CharField(
        label=_("Your ID number"),
        help_text=_("18 digits; the last may be an X"),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Write the 18 digits of the ID number.")},
    )


@never_cache
@form_page
def recover(request: HttpRequest) -> HttpResponse:
    """The new number first, then the code, the name and the ID number. The same page follows
    whoever they are."""
    kept, step = kept_code(request, "recover"), request.POST.get("step", "")
    number_form = NumberForm(sent(request) if step == "number" else None)
    form = RecoverForm(sent(request) if step == "ask" else None)
    if step == "number" and number_form.is_valid():
        if send_code(request, number_form, "recover", number_form.cleaned_data["phone"]):
            return redirect("portal:recover")
    elif kept and step == "ask" and form.is_valid():
        try:
            if actions.ask_recovery(
                code_id=kept.code_id,
                number=kept.number,
                address=get_adapter().get_client_ip(request),
                at=clock.now(),
                **form.cleaned_data,
            ):
                del request.session[KEPT]
                return redirect("portal:recover_asked")
            wrong_code(form)
        except Refused as refusal:
            refused(form, refusal)
    context = {"form": form if kept else number_form, "number_form": number_form}
    return render(
        request,
        "account/recover.html",
        context | {"ask_form": form, "number": kept.number if kept else ""},
    )


@require_GET
def recover_asked(request: HttpRequest) -> HttpResponse:
    """What happens next, told to everybody alike."""
    return render(request, "account/recover_asked.html", {"days": actions.RECOVERY_HOLD_DAYS})


@require_POST
@login_required
def recovery_object(request: HttpRequest, pk: int) -> HttpResponse:
    """It is not me who asks: stop it."""
    account = signed_in(request)
    recovery = get_object_or_404(Recovery, pk=pk, account=account)
    actions.object_to_recovery(recovery_id=recovery.pk, by=account, at=clock.now())
    return redirect("portal:security")
