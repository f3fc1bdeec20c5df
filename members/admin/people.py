"""Members, memberships, logins and who has read what: lists to look something up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from members import access, actions
from members.finding import by_number, found_by, login_in, name_in
from members.models import (
    AccessRecord,
    Account,
    Member,
    Membership,
    NoticeCopy,
    Phone,
    Recovery,
)
from members.rules import mask_name
from mutualaid import clock
from mutualaid.errors import Invalid, Refused
from mutualaid.keyset import KeysetPaginator
from mutualaid.prefix import PrefixPaginator
from mutualaid.staff import ReadOnlyAdmin, problems, refuse, why_not

_FAMILY = 20  # of one account or member, on one page


def masked_email(account: Account) -> str:
    """The first letter and the domain."""
    name, _at, domain = (account.email or "").partition("@")
    return f"{name[:1]}***@{domain}" if domain else "—"


def masked_contact(account: Account) -> str:
    """How a login is shown on the desk; the phone, if one was loaded with it, by its tail."""
    phone = getattr(account, "phone", None)
    return f"*** **** {phone.tail}" if phone is not None else masked_email(account)


class ShowForm(forms.Form):
    """Why somebody is shown in full."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Choose a reason")), *access.SHOWN.items()],
        error_messages={"required": _("Say why you need the full identity. Nothing was shown.")},
    )


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("number", "plan", "joined_at", "covered_from", "ended_at", "end_reason")
    list_display_links = ("number",)
    list_select_related = ("plan",)
    list_filter = ("plan",)
    keyset = ("-joined_at", "-id")
    exact = ("pk",)
    search_help_text = _("The whole number, such as M000000042")
    fields = (
        "number",
        "person",
        "plan",
        "rules",
        "joined_at",
        "covered_from",
        "ended_at",
        "end_reason",
    )

    @admin.display(description=_("number"))
    def number(self, membership: Membership) -> str:
        return membership.number

    @admin.display(description=_("member"))
    def person(self, membership: Membership) -> SafeString:
        name = mask_name(membership.member.name)
        url = reverse("admin:members_member_change", args=[membership.member_id])
        return format_html('<a href="{}">{}</a>', url, name)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        number = by_number(search_term)
        return queryset.filter(pk=number) if number is not None else queryset.none(), False


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Found by whole ID number, phone, address or membership, or by the beginning of the name.
    Numbers are compared by their keyed hash. Everything is masked; who needs more says why."""

    list_display = ("pk", "masked_name", "sex", "region", "made_at")
    list_display_links = ("pk", "masked_name")
    exact = ("pk",)
    search_help_text = _(
        "A whole ID number, phone number, e-mail address or membership number, or the beginning of"
        " a name. Numbers are compared by their fingerprint, not decrypted."
    )
    fields = ("masked_name", "sex", "region", "made_at", "memberships", "logins", "accesses")
    change_form_template = "admin/members/member.html"

    @admin.display(description=_("name"))
    def masked_name(self, member: Member) -> str:
        return mask_name(member.name)

    @admin.display(description=_("memberships"))
    def memberships(self, member: Member) -> SafeString:
        rows = [
            (reverse("admin:members_membership_change", args=[found.pk]), found.number)
            for found in member.memberships.order_by("-pk")[:_FAMILY]
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', rows)

    @admin.display(description=_("logins of the family"))
    def logins(self, member: Member) -> SafeString:
        links = member.household.select_related("account", "account__phone").order_by("pk")
        rows = [
            (
                reverse("admin:members_account_change", args=[link.account_id]),
                masked_contact(link.account),
                link.get_relation_display(),
            )
            for link in links[:_FAMILY]
        ]
        return format_html_join(" · ", '<a href="{}">{}</a> ({})', rows)

    @admin.display(description=_("Who has read"))
    def accesses(self, member: Member) -> SafeString:
        url = reverse("admin:members_accessrecord_changelist")
        return format_html('<a href="{}?q={}">{}</a>', url, member.pk, _("The access record"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        found: QuerySet[Member] = super().get_queryset(request)
        return found.defer("id_number_sealed")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found_by(queryset, search_term), False

    def get_pages(self, request: HttpRequest, queryset: QuerySet[Any]) -> KeysetPaginator[Any]:
        if name_in(request.GET.get("q", "")):
            return PrefixPaginator(queryset, "name", self.list_per_page)
        return super().get_pages(request, queryset)

    def get_urls(self) -> list[URLPattern]:
        show = self.admin_site.admin_view(require_POST(self.show))
        return [path("<int:pk>/show/", show, name="members_member_show"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return super().render_change_form(request, {"form": ShowForm()} | context, *args, **kwargs)

    def show(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The person in full, in this one answer. Asks for the login again if it is not fresh."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        raise_if_reauthentication_required(request, app="account")
        member, by = get_object_or_404(Member, pk=pk), cast(Account, request.user)
        form, shown, status = ShowForm(request.POST), None, 200
        if form.is_valid():
            try:
                shown = actions.show_person(
                    member_id=pk, reason=form.cleaned_data["reason"], by=by, at=clock.now()
                )
            except Refused as error:
                refuse(form, error)
                status = error.status
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": member,
            "form": form,
            "shown": shown,
            "problems": problems(form, "show-form"),
        }
        name = "admin/members/member_shown.html"
        response = TemplateResponse(request, name, context, status=status)
        response["Cache-Control"] = "private, no-store"
        return response


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("pk", "masked_email", "is_staff", "staff_number", "is_active", "made_at")
    list_display_links = ("pk", "masked_email")
    exact = ("email",)
    search_help_text = _("The whole e-mail address or phone number")
    fields = ("masked_email", "tail", "is_active", "is_staff", "staff_number", "roles",
              "family", "made_at")  # fmt: skip

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page is not called by the address either."""
        account: Account = kwargs["obj"]
        called = account.display_name if account.is_staff else masked_contact(account)
        context |= {"original": called, "subtitle": called}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("e-mail address"))
    def masked_email(self, account: Account) -> str:
        return masked_email(account)

    @admin.display(description=_("phone number"))
    def tail(self, account: Account) -> str:
        phone = Phone.objects.filter(account=account).only("tail").first()
        return f"*** **** {phone.tail}" if phone else "—"

    @admin.display(description=_("family"))
    def family(self, account: Account) -> SafeString:
        links = account.household.select_related("member").order_by("pk")[:_FAMILY]
        rows = [
            (
                reverse("admin:members_member_change", args=[link.member_id]),
                mask_name(link.member.name),
            )
            for link in links
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', rows)

    @admin.display(description=_("roles"))
    def roles(self, account: Account) -> str:
        return ", ".join(account.groups.values_list("name", flat=True)) or "—"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        login = login_in(search_term)
        if login is not None:
            return queryset.filter(pk__in=login.values("pk")), False
        return super().get_search_results(request, queryset, search_term.lower())


@admin.register(Recovery)
class RecoveryAdmin(ReadOnlyAdmin):
    """Accounts asked back: somebody makes sure who asks, and confirms or stops it."""

    list_display = ("pk", "of_account", "new_tail", "asked_at", "ready_at", "standing")
    list_display_links = ("pk",)
    list_select_related = ("account", "account__phone")
    exact = ("account",)
    search_help_text = _("The number of an account")
    fields = (
        *("of_account", "new_tail", "asked_at", "told_at", "ready_at", "standing"),
        *("confirmed_by", "objected_at", "upheld_by", "others"),
    )
    change_form_template = "admin/members/recovery.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recovery]:
        found: QuerySet[Recovery] = super().get_queryset(request)
        return found.defer("number_sealed", "key_wrapped")

    @admin.display(description=_("account"))
    def of_account(self, recovery: Recovery) -> SafeString:
        url = reverse("admin:members_account_change", args=[recovery.account_id])
        return format_html('<a href="{}">{}</a>', url, masked_contact(recovery.account))

    @admin.display(description=_("new number"))
    def new_tail(self, recovery: Recovery) -> str:
        return f"*** **** {recovery.tail}"

    @admin.display(description=_("state"))
    def standing(self, recovery: Recovery) -> str:
        if recovery.done_at:
            return str(_("handed over"))
        if recovery.stopped_at:
            return str(_("stopped"))
        if recovery.objected_at and not recovery.upheld_at:
            return str(_("objected to; a second person has to be sure"))
        return str(_("confirmed, waits") if recovery.confirmed_at else _("to be confirmed"))

    @admin.display(description=_("others who ask for this account"))
    def others(self, recovery: Recovery) -> SafeString | str:
        """Open ones: only one of them can be the person."""
        found = Recovery.objects.filter(
            account=recovery.account_id, stopped_at__isnull=True, done_at__isnull=True
        ).exclude(pk=recovery.pk)
        rows = [
            (reverse("admin:members_recovery_change", args=[each.pk]), self.new_tail(each))
            for each in found.order_by("pk")
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', rows) or "—"

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        answer, number = site(require_POST(self.answer)), site(require_POST(self.number))
        return [
            path("<int:pk>/answer/", answer, name="members_recovery_answer"),
            path("<int:pk>/number/", number, name="members_recovery_number"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        by, recovery = cast(Account, request.user), kwargs["obj"]
        context |= {
            "no_work": why_not(actions.check_confirms, by, recovery),
            "no_uphold": why_not(actions.check_upholds, by, recovery),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def answer(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm it, uphold it, or stop it. Asks for the login again if it is not fresh."""
        raise_if_reauthentication_required(request, app="account")
        get_object_or_404(Recovery, pk=pk)
        verbs: dict[str, Callable[..., object]] = {
            "confirm": actions.confirm_recovery,
            "uphold": actions.uphold_recovery,
            "refuse": actions.object_to_recovery,
        }
        verb = verbs.get(request.POST.get("answer", ""))
        if verb is None:
            raise Invalid(_("Choose one of the answers. Nothing was changed."))
        verb(recovery_id=pk, by=cast(Account, request.user), at=clock.now())
        return redirect("admin:members_recovery_change", pk)

    def number(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The new number, to ring it up, in this one answer. Asks for the login again if it is not
        fresh."""
        raise_if_reauthentication_required(request, app="account")
        recovery = get_object_or_404(Recovery, pk=pk)
        number = actions.ring_up(recovery_id=pk, by=cast(Account, request.user), at=clock.now())
        context = {
            **self.admin_site.each_context(request),
            **{"opts": self.opts, "original": recovery, "number": number},
            "title": _("Ring up who asks"),
        }
        response = TemplateResponse(request, "admin/members/recovery_number.html", context)
        response["Cache-Control"] = "private, no-store"
        return response


@admin.register(NoticeCopy)
class FailedCopyAdmin(ReadOnlyAdmin):
    """Copies of notices that did not arrive, to see whether a way out is blocked. Without names,
    and without what the notice says."""

    list_display = ("pk", "of_account", "channel", "code_of_notice", "failed_at", "why", "tries")
    list_display_links = ("pk", "of_account")
    list_select_related = ("notice", "account", "account__phone")
    exact = ("account",)
    search_help_text = _("The number of an account")
    fields = (
        "of_account",
        "channel",
        "code_of_notice",
        "to_everybody",
        "due_at",
        "tries",
        "failed_at",
        "why",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoticeCopy]:
        found: QuerySet[NoticeCopy] = super().get_queryset(request)
        related = found.select_related(*self.list_select_related)
        sealed = ("account__phone__number_sealed", "account__phone__key_wrapped")
        return related.filter(failed_at__isnull=False).defer(*sealed)

    @admin.display(description=_("account"))
    def of_account(self, copy: NoticeCopy) -> str:
        """By the way that it was to go: the tail of the number, or a masked address."""
        if copy.channel == NoticeCopy.Channel.SMS:
            return masked_contact(copy.account)
        return masked_email(copy.account)

    @admin.display(description=_("notice"))
    def code_of_notice(self, copy: NoticeCopy) -> str:
        return copy.notice.code

    @admin.display(description=_("to everybody"), boolean=True)
    def to_everybody(self, copy: NoticeCopy) -> bool:
        return copy.notice.account_id is None


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "whose", "what_read", "page", "reason")
    list_select_related = ("by",)
    exact = ("member",)
    search_help_text = _("The number of a member")
    fields = ("at", "who", "whose", "what_read", "object_id", "page", "reason")

    @admin.display(description=_("by"))
    def who(self, record: AccessRecord) -> str:
        return access.reader(record.by)

    @admin.display(description=_("member"))
    def whose(self, record: AccessRecord) -> str:
        return str(record.member_id)

    @admin.display(description=_("what"))
    def what_read(self, record: AccessRecord) -> str:
        return access.what(record.what)

    @admin.display(description=_("why"))
    def reason(self, record: AccessRecord) -> str:
        return access.why(record.why)
