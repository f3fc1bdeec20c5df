"""The family: who is in it, who is added, and that adults agree."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import actions
from members.acting import household
from members.models import Account, FamilyRequest, HouseholdLink, Membership
from members.rules import age_on, mask_name
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.templatetags.look import day
from portal import me
from portal.forms import AskForm, CodeForm, PersonForm, PhoneForm, refused
from portal.views.shared import acting, acting_for, form_page, sent, signed_in


@require_GET
@login_required
def family(request: HttpRequest) -> HttpResponse:
    """Everybody, with age, plans, payer and consent; and who asks to act for one."""
    account = signed_in(request)
    context = acting(request) | {
        "rows": [{"link": link, "facts": _facts(link, account)} for link in household(account)],
        "requests": _requests(account),
    }
    return render(request, "portal/family.html", context)


def _facts(link: HouseholdLink, account: Account) -> list[dict[str, Any]]:
    age = age_on(link.member.birth_on, clock.today())
    rows = [
        (_("Relation to you"), link.get_relation_display()),
        (_("Age"), _("%(age)s years") % {"age": age}),
        (_("Name and ID number checked"), _verified(link)),
        (_("Agreed that you act for them"), _consent(link)),
    ]
    open_ones = Membership.objects.open().filter(member=link.member).select_related("plan", "payer")
    for membership in open_ones.order_by("joined_at"):
        payer = me.named(membership.payer, account)
        said = {"on": day(clock.day(membership.joined_at)), "payer": payer}
        rows.append((membership.plan.name, _("since %(on)s, paid by %(payer)s") % said))
    return [{"label": label, "value": value} for label, value in rows]


def _verified(link: HouseholdLink) -> str:
    at = link.member.verified_at
    return day(clock.day(at)) if at else _("not yet")


def _consent(link: HouseholdLink) -> str:
    if link.consented_at is None:
        return _("not yet")
    said = {"how": link.get_consent_way_display(), "on": day(clock.day(link.consented_at))}
    return _("%(on)s: %(how)s") % said


def _requests(account: Account) -> list[FamilyRequest]:
    found = FamilyRequest.objects.filter(
        member__household__account=account,
        way=HouseholdLink.Consent.ACCOUNT,
        answered_at__isnull=True,
        expires_at__gt=clock.now(),
    ).select_related("account", "member")
    asked = [request for request in found if account in actions.answerers(request.member)]
    for request in asked:
        setattr(request, "who", _who_asks(request))  # noqa: B010
    return asked


def _who_asks(request: FamilyRequest) -> str:
    if request.relation == HouseholdLink.Relation.SELF:
        return mask_name(request.member.name)
    own = request.account.household.filter(relation="self").select_related("member").first()
    return mask_name(own.member.name) if own else _("Somebody")


@form_page
@login_required
def family_add(request: HttpRequest) -> HttpResponse:
    """Add oneself, a parent, the spouse, a child; then go on to joining, an adult's yes first."""
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
            link = HouseholdLink.objects.get(account=account, member=member)
            if link.consented_at is None:
                return redirect(f"{reverse('portal:consent', args=[member.pk])}?as={member.pk}")
            return redirect(f"{reverse('portal:join_next')}?as={member.pk}")
    return render(request, "portal/family_add.html", {"form": form})


def _first_relation(account: Account) -> str:
    has_self = account.household.filter(relation=HouseholdLink.Relation.SELF).exists()
    return "" if has_self else HouseholdLink.Relation.SELF


@form_page
@login_required
def consent(request: HttpRequest, member_id: int) -> HttpResponse:
    """The code to the person's own phone, and the code that they read out."""
    account = signed_in(request)
    link = get_object_or_404(
        HouseholdLink.objects.select_related("member"), account=account, member=member_id
    )
    onward = f"{reverse('portal:join_next')}?as={member_id}"
    if link.consented_at is not None:
        return redirect(onward)
    step = request.POST.get("step", "")
    phone_form = PhoneForm(sent(request) if step == "phone" else None)
    code_form = CodeForm(sent(request) if step == "code" else None)
    who: dict[str, Any] = {"account_id": account.pk, "member_id": member_id, "by": account}
    try:
        if step == "phone" and phone_form.is_valid():
            actions.ask_consent(phone=phone_form.cleaned_data["phone"], at=clock.now(), **who)
            return redirect("portal:consent", member_id=member_id)
        if step == "code" and code_form.is_valid():
            if actions.answer_consent(code=code_form.cleaned_data["code"], at=clock.now(), **who):
                return redirect(onward)
            code_form.add_error(
                "code", _("This is not the code. Please ask them to read it again.")
            )
    except Refused as refusal:
        refused(code_form if step == "code" else phone_form, refusal)
    context = {"phone_form": phone_form, "code_form": code_form, "member": link.member}
    context |= {"sent_to": _sent_to(link)} | acting_for(request, member_id)
    return render(request, "portal/consent.html", context)


def _sent_to(link: HouseholdLink) -> str:
    asked = FamilyRequest.objects.filter(
        account=link.account_id, member=link.member_id, answered_at__isnull=True,
        way=HouseholdLink.Consent.CODE, expires_at__gt=clock.now(),
    )  # fmt: skip
    request = asked.first()
    return request.tail if request else ""


@form_page
@login_required
def family_ask(request: HttpRequest) -> HttpResponse:
    """Ask somebody who has an account of their own. The page says the same whoever it is."""
    account = signed_in(request)
    form, asked = AskForm(sent(request)), False
    if form.is_valid():
        try:
            actions.ask_to_act(
                account_id=account.pk, by=account, at=clock.now(), **form.cleaned_data
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            asked = True
    return render(request, "portal/family_ask.html", {"form": form, "asked": asked})


@require_POST
@login_required
def family_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Yes or no to whoever asks to act for one."""
    account = signed_in(request)
    asked = get_object_or_404(FamilyRequest.objects.select_related("member"), pk=pk)
    if account not in actions.answerers(asked.member):
        raise Http404
    accept = request.POST.get("accept") == "yes"
    actions.answer_request(request_id=pk, accept=accept, by=account, at=clock.now())
    return redirect("portal:family")
