"""Signing in by phone, showing once more who one is, and changing the number."""

from __future__ import annotations

from typing import Any, NamedTuple

from allauth.account.adapter import get_adapter
from allauth.account.app_settings import EmailVerificationMethod
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from members import actions, sms
from members.login_forms import NumberForm
from members.models import Account
from members.stepup import fresh_login
from mutualaid import clock
from mutualaid.errors import Refused
from portal.forms import CodeForm, refused
from portal.views.shared import form_page, sent, signed_in

KEPT = "phone_code"


class OwnCodeForm(CodeForm):
    """The six digits in the message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("Six digits, from the message on your phone")


class Kept(NamedTuple):
    """The code under way in this browser: in the session, which is sealed."""

    purpose: str
    code_id: int
    number: str


def kept_code(request: HttpRequest, purpose: str) -> Kept | None:
    kept = request.session.get(KEPT)
    return Kept(*kept) if kept and kept[0] == purpose else None


def send_code(
    request: HttpRequest, form: forms.Form, purpose: str, phone: str, by: Account | None = None
) -> bool:
    """Ask for a code, its number kept in the session. What stands in the way goes to the form."""
    field = "phone" if "phone" in form.fields else None
    try:
        address = get_adapter().get_client_ip(request)
        asked, number = actions.ask_code(
            purpose=purpose, phone=phone, address=address, by=by, at=clock.now()
        )
    except Refused as refusal:
        refusal.field = field
        refused(form, refusal)
        return False
    except sms.NotSent:
        form.add_error(field, _("The message could not be sent. Please try again in a minute."))
        return False
    request.session[KEPT] = Kept(purpose, asked.pk, number)
    return True


def wrong_code(form: forms.Form) -> None:
    form.add_error("code", _("This is not the code. Please look at the message once more."))


def _next(request: HttpRequest, name: str) -> str:
    """The address of a page, with where one wanted to go."""
    wanted = get_next_redirect_url(request)
    return reverse(name) + (f"?{urlencode({'next': wanted})}" if wanted else "")


@never_cache
@form_page
def phone_login(request: HttpRequest) -> HttpResponse:
    """Signing in and signing up in one: the number. The same answer for every number."""
    if request.user.is_authenticated:
        return redirect(get_next_redirect_url(request) or "portal:me")
    form = NumberForm(sent(request))
    if form.is_valid() and send_code(request, form, "enter", form.cleaned_data["phone"]):
        return HttpResponseRedirect(_next(request, "portal:phone_code"))
    context = {"form": form, "again": _next(request, "portal:phone_login")}
    context["by_email"] = _next(request, "account_login")
    return render(request, "account/phone.html", context)


@never_cache
@form_page
def phone_code(request: HttpRequest) -> HttpResponse:
    """The code: in, to the account of the number or to a new one."""
    kept = kept_code(request, "enter")
    if kept is None:
        return HttpResponseRedirect(_next(request, "portal:phone_login"))
    form = OwnCodeForm(sent(request))
    if form.is_valid():
        code = form.cleaned_data["code"]
        try:
            account = actions.enter(
                code_id=kept.code_id, number=kept.number, code=code, at=clock.now()
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            if account:
                return _in(request, account)
            wrong_code(form)
    context = {"form": form, "number": kept.number, "back": _next(request, "portal:phone_login")}
    return render(request, "account/phone_code.html", context)


def _in(request: HttpRequest, account: Account) -> HttpResponse:
    """Through allauth's steps: the second factor of whoever has one, then the session."""
    del request.session[KEPT]
    record_authentication(request, account, method="code")
    login = Login(
        user=account,
        redirect_url=get_next_redirect_url(request),
        email_verification=EmailVerificationMethod.NONE,
    )
    answer: HttpResponse = perform_login(request, login)
    return answer


@never_cache
@form_page
@login_required
def fresh_code(request: HttpRequest) -> HttpResponseBase:
    """Once more that it is you, by a code to the phone of the account."""
    account = signed_in(request)
    number = actions.phone_number(account)
    if number is None:
        return HttpResponseRedirect(_next(request, "account_reauthenticate"))
    kept, step = kept_code(request, "fresh"), request.POST.get("step", "")
    form = OwnCodeForm(sent(request) if step == "code" else None)
    shown: forms.Form = form
    if step == "send":
        asking = forms.Form(request.POST)
        if asking.is_valid() and send_code(request, asking, "fresh", number, account):
            return HttpResponseRedirect(_next(request, "portal:fresh_code"))
        shown = asking
    elif kept and form.is_valid():
        try:
            if actions.confirm_fresh(
                code_id=kept.code_id,
                code=form.cleaned_data["code"],
                by=account,
                at=clock.now(),
            ):
                return _fresh(request, account)
            wrong_code(form)
        except Refused as refusal:
            refused(form, refusal)
    others = [
        way | {"url": way["url"] + _query(request)}
        for way in get_adapter().get_reauthentication_methods(account)
        if way["url"] != request.path
    ]
    context = {"form": shown, "code_form": form, "tail": number[-4:], "sent": kept is not None}
    context |= {"reauthentication_alternatives": others}
    return render(request, "account/fresh_code.html", context)


def _query(request: HttpRequest) -> str:
    wanted = get_next_redirect_url(request)
    return f"?{urlencode({'next': wanted})}" if wanted else ""


def _fresh(request: HttpRequest, account: Account) -> HttpResponseBase:
    del request.session[KEPT]
    record_authentication(request, account, method="code", reauthenticated=True)
    answer: HttpResponseBase = resume_request(request) or redirect("portal:me")
    return answer


@never_cache
@form_page
@login_required
@fresh_login
def phone_change(request: HttpRequest) -> HttpResponseBase:
    """Another number to sign in with, or the first one: the number, then the code sent to it."""
    account = signed_in(request)
    kept, step = kept_code(request, "change"), request.POST.get("step", "")
    number_form = NumberForm(sent(request) if step == "number" else None)
    form = OwnCodeForm(sent(request) if step == "code" else None)
    if step == "number" and number_form.is_valid():
        phone = number_form.cleaned_data["phone"]
        if send_code(request, number_form, "change", phone, account):
            return redirect("portal:phone_change")
    elif kept and step == "code" and form.is_valid():
        try:
            if actions.set_phone(
                account_id=account.pk,
                code_id=kept.code_id,
                number=kept.number,
                code=form.cleaned_data["code"],
                by=account,
                at=clock.now(),
            ):
                del request.session[KEPT]
                return redirect("portal:security")
            wrong_code(form)
        except Refused as refusal:
            refused(form, refusal)
    tail = actions.phone_number(account)
    context: dict[str, Any] = {"form": form if kept else number_form, "number_form": number_form}
    context |= {"code_form": form, "number": kept.number if kept else "", "tail": (tail or "")[-4:]}
    return render(request, "account/phone_change.html", context)
