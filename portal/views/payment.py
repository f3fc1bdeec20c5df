"""The payment agreement: what it is, renewing it, revoking it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from members import actions
from members.models import Account, Mandate, Membership, PayerChange
from members.stepup import fresh_login
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.templatetags.look import day
from portal import figures, me, means
from portal.forms import PayerForm, refused
from portal.views.shared import acting_for, form_page, own_membership, sent, signed_in


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
    family = Membership.objects.open().filter(member__household__account=account)
    people = family.select_related("member", "plan", "payer").order_by("joined_at", "pk")
    context: dict[str, Any] = {"mandate": mandate, "rows": rows, "changes": _changes(account)}
    context["revoking"] = means.revoking()
    context["people"] = [
        {"membership": each, "payer": me.named(each.payer, account)} for each in people
    ]
    return render(request, "portal/payment.html", context)


def _changes(account: Account) -> list[dict[str, Any]]:
    """The changes of a payer that are open and concern this account."""
    either = Q(from_account=account) | Q(to_account=account)
    found = PayerChange.objects.filter(
        either, closed_at__isnull=True, expires_at__gt=clock.now()
    ).select_related("membership__member", "membership__plan", "from_account", "to_account")
    return [
        {
            "change": change,
            "mine": change.asked_by_id == account.pk,
            "taking": change.to_account_id == account.pk,
            "old": me.named(change.from_account, account),
            "new": me.named(change.to_account, account),
        }
        for change in found
    ]


@form_page
@login_required
def payer(request: HttpRequest, number: str) -> HttpResponse:
    """Hand the payment of a membership to another account of the family, or take it over."""
    account, membership = signed_in(request), own_membership(request, number)
    choices = _payers(account, membership)
    form = PayerForm(sent(request), choices=choices)
    if form.is_valid():
        try:
            actions.ask_payer_change(
                membership_id=membership.pk,
                to_account_id=form.cleaned_data["to_account"],
                by=account,
                at=clock.now(),
            )
        except Refused as refusal:
            refused(form, refusal)
        else:
            return redirect("portal:payment")
    context = {"form": form, "membership": membership, "choices": choices}
    context |= {"payer": me.named(membership.payer, account)} | acting_for(
        request, membership.member_id
    )
    return render(request, "portal/payer.html", context)


def _payers(account: Account, membership: Membership) -> list[tuple[int, str]]:
    """Whom this account can name: the payer anybody else who acts, others themselves."""
    links = membership.member.household.filter(consented_at__isnull=False)
    others = [link.account for link in links.select_related("account").order_by("made_at", "pk")]
    able = [each for each in others if each.pk != membership.payer_id]
    if account.pk != membership.payer_id:
        able = [each for each in able if each == account]
    return [(each.pk, me.named(each, account)) for each in able]


@require_POST
@login_required
def payer_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Yes or no of the other one, or taking one's own question back."""
    account = signed_in(request)
    change = get_object_or_404(PayerChange, pk=pk)
    if account.pk not in (change.from_account_id, change.to_account_id):
        raise Http404
    if request.POST.get("answer") == "withdraw":
        actions.withdraw_payer_change(change_id=pk, by=account, at=clock.now())
    else:
        agree = request.POST.get("answer") == "yes"
        actions.answer_payer_change(change_id=pk, agree=agree, by=account, at=clock.now())
    return redirect("portal:payment")


@require_POST
@login_required
@fresh_login
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
