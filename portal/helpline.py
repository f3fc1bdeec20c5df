"""The help line's desk: who rings up, the code that they read out, and what is then done for them.

What stands on the page of a call is masked, and opens nothing that is sealed. A search is sent as a
form, never in the address: it is somebody's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import access, actions, finding, policies, sms
from members.acting import household
from members.admin import masked_contact
from members.models import (
    Account,
    ErasureRequest,
    HelpCall,
    HouseholdLink,
    Mandate,
    Membership,
    Phone,
)
from members.rules import age_on, mask_name
from members.stepup import fresh_login
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.money import yuan
from mutualaid.staff import ReadOnlyAdmin, desk_tag, problems, refuse
from mutualaid.templatetags.look import day, moment, number
from portal import me, means
from portal.cover import CoverOf

FOUND = 10  # logins of one person, on one page
PEOPLE = 20


# --- forms


class SearchForm(forms.Form):
    """What the caller tells of themselves."""

    term = forms.CharField(
        label=gettext_lazy("What the caller tells"),
        help_text=gettext_lazy(
            "A whole phone number, e-mail address, ID number or membership number. A name is not"
            " enough."
        ),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Write what the caller has told you.")},
    )


class BeginForm(SearchForm):
    """The login that is meant, and what for."""

    account = forms.TypedChoiceField(
        label=gettext_lazy("Which login is it?"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a login that was found by what the caller told."),
            "invalid_choice": gettext_lazy(
                "Choose a login that was found by what the caller told."
            ),
        },
    )
    reason = forms.CharField(
        label=gettext_lazy("What the member wants"),
        help_text=gettext_lazy(
            "In their words, 4 to 60 characters. It stands in the message and stays in their data:"
            " nothing of an illness, no numbers."
        ),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Say what the member wants; they read it.")},
    )

    def __init__(self, *args: Any, found: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["term"].widget = forms.HiddenInput()
        choices = [(account.pk, login_words(account)) for account in found]
        cast(forms.TypedChoiceField, self.fields["account"]).choices = choices
        if len(choices) == 1:
            self.fields["account"].initial = choices[0][0]


class HelpCodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("The code that the member reads out"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 12}),
        error_messages={"required": gettext_lazy("Write the six digits that the member reads.")},
    )


def login_words(account: Account) -> str:
    """A login as the help line recognises it: the end of the number, and who is in the family."""
    people = [
        _("%(name)s (%(relation)s)")
        % {"name": mask_name(link.member.name), "relation": link.get_relation_display()}
        for link in household(account)[:PEOPLE]
    ]
    return f"{masked_contact(account)} · {_(', ').join(people) or _('nobody has been added')}"


def logins_found(term: str) -> list[Account]:
    """The logins of members that a caller's number leads to."""
    found = finding.accounts_of(term).filter(is_staff=False, is_active=True)
    return list(found.select_related("phone").order_by("pk")[:FOUND])


# --- what stands on the page of a call


@dataclass(frozen=True)
class Errand:
    """One thing that can be done now: what it means is read out before the button is pressed."""

    verb: str
    key: int
    title: str
    means: list[str]


def family_of(call: HelpCall, now: datetime) -> list[dict[str, Any]]:
    """The people of the call's login: masked, with age and every plan they are or were in."""
    return [
        {
            "name": mask_name(link.member.name),
            "relation": link.get_relation_display(),
            "age": age_on(link.member.birth_on, clock.day(now)),
            "covers": [_in_plan(cover, now) for cover in me.covers(link.member, clock.day(now))],
            "errands": list(_of_person(link)),
        }
        for link in household(call.account)[:PEOPLE]
    ]


def _in_plan(cover: me.Cover, now: datetime) -> dict[str, Any]:
    membership = cover.membership
    assert membership is not None  # noqa: S101 - me.covers has them all
    return {
        "cover": cover,
        "membership": membership,
        "tag": desk_tag(
            {"ok": "fine", "wait": "soon", "bad": "flat"}.get(cover.kind, ""), cover.word
        ),
        "rows": list(_rows(membership, now)),
        "errands": list(_of_membership(membership, now)),
    }


def _rows(membership: Membership, now: datetime) -> Iterator[tuple[str, str]]:
    yield _("Membership number"), membership.number
    yield _("Member since"), moment(membership.joined_at)
    yield _("Accidents covered from"), day(clock.day(membership.joined_at))
    yield _("Illness covered from"), day(membership.covered_from)
    if membership.ended_at is not None:
        yield _("Ended"), moment(membership.ended_at)
        return
    yield _("Covered until"), day(CoverOf(membership, clock.day(now)).until)
    yield _("Who pays the shares"), masked_contact(membership.payer)
    share = me.this_share(membership, membership.plan)
    if share is not None:
        yield _("Share of period %(number)s") % {"number": share["period"].number}, _share(share)
    year = me.this_year(membership, clock.day(now))
    yield (
        _("Shared this year"),
        _("%(sum)s yuan, %(periods)s")
        % {
            "sum": yuan(year["total_fen"]),
            "periods": year["periods"],
        },
    )


def _share(share: dict[str, Any]) -> str:
    """The share of the newest period, and how it comes about."""
    figures = share["figures"]
    return _(
        "%(sum)s yuan, debited from %(on)s: %(cost)s yuan for %(cases)s cases, shared by %(people)s"
        " people"
    ) % {
        "sum": yuan(share["amount_fen"]),
        "on": day(share["period"].split_at),
        "cost": yuan(figures["benefits_fen"] + figures["fees_fen"]),
        "cases": figures["cases"],
        "people": number(figures["members"]),
    }


def _of_membership(membership: Membership, now: datetime) -> Iterator[Errand]:
    if membership.ended_at is not None:
        return
    if membership.leaving_at is None:
        yield Errand("leave", membership.pk, _("Leave the plan"), means.leaving(membership))
    elif now < membership.leaving_at:
        goes_on = _("The membership goes on as if nothing had been. Nothing is waited for again.")
        yield Errand("keep", membership.pk, _("Take the leaving back"), [goes_on])
    if now < actions.undo_until(membership):
        yield Errand("undo_join", membership.pk, _("Undo joining"), means.undoing(membership))


def _of_person(link: HouseholdLink) -> Iterator[Errand]:
    waiting = ErasureRequest.objects.filter(
        member=link.member_id, withdrawn_at__isnull=True, done_at__isnull=True
    )
    for wish in waiting:
        said = _("The person is not forgotten on %(at)s. All stays as it is.")
        meant = [said % {"at": moment(wish.due_at)}]
        yield Errand("withdraw_erasure", wish.pk, _("Take the wish to be forgotten back"), meant)


def account_errands(call: HelpCall, today: Any) -> list[Errand]:
    """What belongs to the login itself: the payment agreement, and somebody who asks for it."""
    found = []
    for mandate in Mandate.objects.live(today).filter(account=call.account_id):
        title = _("Revoke the payment agreement")
        found.append(Errand("revoke_mandate", mandate.pk, title, means.revoking()))
    for recovery in actions.open_recoveries(call.account):
        said = _("Somebody asks for this account with a number ending in %(tail)s, since %(at)s.")
        meant = [
            said % {"tail": recovery.tail, "at": moment(recovery.asked_at)},
            _("Object only if the member says that it is not them. Two of our people then decide."),
        ]
        title = _("Object to somebody who asks for the account")
        found.append(Errand("object_to_recovery", recovery.pk, title, meant))
    return found


def done_in(call: HelpCall) -> list[dict[str, Any]]:
    """The records of a call, the newest first."""
    return [
        {
            "at": record.at,
            "what": access.did(record.verb),
            "name": mask_name(record.member.name) if record.member else "",
        }
        for record in call.records.select_related("member").order_by("-pk")
    ]


# --- pages


@admin.register(HelpCall)
class HelpCallAdmin(ReadOnlyAdmin):
    """Calls: one's own, to go on with; all of them for whoever looks after the access record."""

    list_display = ("asked", "who", "of_account", "reason", "standing")
    list_display_links = ("asked",)
    list_select_related = ("by", "account", "account__phone")
    keyset = ("-asked_at", "-id")
    exact = ("account",)
    search_help_text = gettext_lazy("The number of an account")
    fields = ("asked", "who", "of_account", "reason", "standing", "done")
    change_list_template = "admin/members/help_calls.html"

    @admin.display(description=gettext_lazy("when"))
    def asked(self, call: HelpCall) -> str:
        return moment(call.asked_at)

    @admin.display(description=gettext_lazy("by"))
    def who(self, call: HelpCall) -> str:
        return access.reader(call.by)

    @admin.display(description=gettext_lazy("account"))
    def of_account(self, call: HelpCall) -> str:
        return masked_contact(call.account)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, call: HelpCall) -> SafeString:
        return standing(call, clock.now())

    @admin.display(description=gettext_lazy("what was done"))
    def done(self, call: HelpCall) -> str:
        return _(", ").join(each["what"] for each in done_in(call)) or "—"

    def get_queryset(self, request: HttpRequest) -> QuerySet[HelpCall]:
        found: QuerySet[HelpCall] = super().get_queryset(request).defer("code_hash")
        if request.user.has_perm("members.view_accessrecord"):
            return found
        return found.filter(by=cast(Account, request.user))

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        return [
            path("begin/", site(self.begin), name="members_helpcall_begin"),
            path("<int:pk>/call/", site(self.call), name="members_helpcall_call"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_begin": request.user.has_perm(policies.HELPS)}
        return super().changelist_view(request, more | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One's own call leads to its page; somebody else's is only looked up."""
        own = HelpCall.objects.filter(by=cast(Account, request.user))
        if object_id.isdecimal() and own.filter(pk=min(int(object_id), finding.BIGGEST - 1)):
            return HttpResponseRedirect(reverse("admin:members_helpcall_call", args=[object_id]))
        return super().change_view(request, object_id, form_url, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """May-I first: Django looks for the row before, and goes home where it finds none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def begin(self, request: HttpRequest) -> HttpResponseBase:
        """Who rings up, which login is meant, and what for; then the code goes out. For whoever has
        shown once more who they are."""
        _check_helps(request)
        answer: HttpResponseBase = fresh_login(self._begin)(request)
        return answer

    def _begin(self, request: HttpRequest) -> HttpResponse:
        step, status = request.POST.get("step", ""), 200
        search = SearchForm(request.POST if step else None)
        form: BeginForm | None = None
        if step and search.is_valid():
            found = logins_found(search.cleaned_data["term"])
            if found:
                sent = request.POST if step == "begin" else None
                form = BeginForm(sent, initial=search.cleaned_data, found=found)
            else:
                nobody = _("Nobody is found by this. Read it back to the caller, digit by digit.")
                search.add_error("term", nobody)
        if form is not None and form.is_valid():
            call, status = self._send(request, form)
            if call is not None:
                return HttpResponseRedirect(reverse("admin:members_helpcall_call", args=[call.pk]))
        wrong = problems(form, "begin-form") if form else problems(search, "search-form")
        context = {"title": _("Help a caller"), "search": search, "form": form, "problems": wrong}
        return self._page(request, "help_begin", context, status)

    def _send(self, request: HttpRequest, form: BeginForm) -> tuple[HelpCall | None, int]:
        """The call, or None and the status of what stands in the way, which goes to the form."""
        said = form.cleaned_data
        by = cast(Account, request.user)
        try:
            call = actions.begin_help_call(
                term=said["term"],
                account_id=said["account"],
                reason=said["reason"],
                by=by,
                at=clock.now(),
            )
        except Refused as error:
            refuse(form, error)
            return None, error.status
        except sms.NotSent:
            form.add_error(None, _("The message could not be sent. Please try again in a minute."))
            return None, 200
        return call, 200

    def call(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One call: the code, then the family and what can be done, then its end."""
        _check_helps(request)
        own = HelpCall.objects.filter(by=cast(Account, request.user))
        call = get_object_or_404(own.select_related("account", "account__phone", "by"), pk=pk)
        step, refusal, status = request.POST.get("step", ""), "", 200
        form = HelpCodeForm(request.POST if step == "consent" else None)
        if request.method == "POST":
            try:
                if self._step(request, call, step, form):
                    return HttpResponseRedirect(request.path)
            except Refused as error:
                refusal, status = str(error), error.status
            call.refresh_from_db()
        context = _context(call, clock.now()) | {"form": form, "refusal": refusal}
        context["problems"] = problems(form, "code-form")
        return self._page(request, "help_call", context, status)

    def _step(self, request: HttpRequest, call: HelpCall, step: str, form: HelpCodeForm) -> bool:
        """Whether it is done and the page is to be opened anew. Raises as the verbs do."""
        who: dict[str, Any] = {
            "call_id": call.pk,
            "by": cast(Account, request.user),
            "at": clock.now(),
        }
        if step == "close":
            actions.close_help_call(**who)
        elif step == "act":
            record = actions.act_in_call(
                verb=request.POST.get("verb", ""), object_id=_key(request), **who
            )
            said = _("Done, and told to the member: %(what)s.")
            messages.success(request, said % {"what": access.did(record.verb)})
        elif form.is_valid():
            if actions.consent_help_call(code=form.cleaned_data["code"], **who) is None:
                form.add_error("code", _("This is not the code. Let the member read it again."))
                return False
            messages.success(request, _("The member has agreed."))
        return not form.errors

    def _page(
        self, request: HttpRequest, name: str, context: dict[str, Any], status: int
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        template = f"admin/members/{name}.html"
        response = TemplateResponse(request, template, context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response


def _check_helps(request: HttpRequest) -> None:
    if not request.user.has_perm(policies.HELPS):
        raise PermissionDenied


def _key(request: HttpRequest) -> int:
    """The thing that a button names. Raises Http404 for what is no key."""
    text = request.POST.get("key", "")
    if not (text.isascii() and text.isdigit() and int(text) < finding.BIGGEST):
        raise Http404
    return int(text)


def standing(call: HelpCall, now: datetime) -> SafeString:
    """Where a call stands, in a word."""
    if call.closed_at is not None or now >= call.until_at:
        agreed = call.consented_at is not None
        return desk_tag("flat", _("over") if agreed else _("over, nobody agreed"))
    if call.consented_at is None:
        return desk_tag("soon", _("waits for the code"))
    return desk_tag("fine", _("has agreed"))


def _context(call: HelpCall, now: datetime) -> dict[str, Any]:
    over = call.closed_at is not None or now >= call.until_at
    until = call.until_at if call.consented_at else actions.code_until(call)
    context: dict[str, Any] = {
        "call": call,
        "title": _("Call with %(who)s") % {"who": masked_contact(call.account)},
        "contact": masked_contact(call.account),
        "by_phone": Phone.objects.filter(account=call.account_id).exists(),
        "standing": standing(call, now),
        "over": over,
        "agreed": call.consented_at is not None,
        "until": until,
        "minutes": max(0, ceil((until - now).total_seconds() / 60)),
        "records": done_in(call),
    }
    if call.consented_at is None or over:
        return context
    return context | {
        "people": family_of(call, now),
        "errands": account_errands(call, clock.day(now)),
    }
