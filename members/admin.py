"""Members, memberships, logins and who has read what: lists to look something up in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from members import access, places
from members.models import AccessRecord, Account, BenefitBand, Member, Membership, Plan, Rules
from members.rules import mask_name
from mutualaid.money import yuan
from mutualaid.staff import ReadOnlyAdmin, ReadOnlyInline

_BIGGEST = 2**63


def by_number(term: str) -> int | None:
    """The id in a membership's number: "M000000042" or "42"; None for anything else."""
    digits = term.strip().upper().removeprefix("M")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return number if (number := int(digits)) < _BIGGEST else None


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
    """The name is masked, and the ID number is found by its keyed hash: nothing is decrypted."""

    list_display = ("pk", "masked_name", "sex", "region", "made_at")
    list_display_links = ("pk", "masked_name")
    exact = ("pk",)
    search_help_text = _("An ID number: it is compared by its fingerprint, not decrypted")
    fields = ("masked_name", "sex", "region", "made_at", "memberships", "accesses")

    @admin.display(description=_("name"))
    def masked_name(self, member: Member) -> str:
        return mask_name(member.name)

    @admin.display(description=_("memberships"))
    def memberships(self, member: Member) -> SafeString:
        rows = [
            (reverse("admin:members_membership_change", args=[found.pk]), found.number)
            for found in member.memberships.order_by("-pk")[:20]
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', rows)

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
        term = "".join(search_term.split()).upper()
        if not term:
            return queryset, False
        return queryset.filter(identity__id_hash=places.id_hash(term)), False


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("pk", "masked_email", "is_staff", "staff_number", "is_active", "made_at")
    list_display_links = ("pk", "masked_email")
    exact = ("email",)
    search_help_text = _("The whole e-mail address")
    fields = ("masked_email", "is_active", "is_staff", "staff_number", "roles", "made_at")

    @admin.display(description=_("e-mail address"))
    def masked_email(self, account: Account) -> str:
        name, _at, domain = (account.email or "").partition("@")
        return f"{name[:1]}***@{domain}"

    @admin.display(description=_("roles"))
    def roles(self, account: Account) -> str:
        return ", ".join(account.groups.values_list("name", flat=True)) or "—"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term.lower())


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


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    list_display = ("name", "code", "opened_on", "shares_from")
    list_display_links = ("name",)
    exact = ("code",)
    fields = ("name_zh", "name_en", "code", "opened_on", "shares_from")

    @admin.display(description=_("name"))
    def name(self, plan: Plan) -> str:
        return plan.name


class BandInline(ReadOnlyInline):
    """The benefits of a version, by age on the day of first diagnosis."""

    model = BenefitBand
    verbose_name_plural = _("benefits")
    fields = ("ages", "amount")
    readonly_fields = fields

    @admin.display(description=_("age, years"))
    def ages(self, band: BenefitBand) -> str:
        return f"{band.from_age}–{band.to_age}"

    @admin.display(description=_("amount in yuan"))
    def amount(self, band: BenefitBand) -> str:
        return yuan(band.benefit_fen)


@admin.register(Rules)
class RulesAdmin(ReadOnlyAdmin):
    list_display = ("version", "plan", "effective_on", "norm")
    list_display_links = ("version",)
    list_select_related = ("plan",)
    fields = (
        "plan",
        "version",
        "effective_on",
        "question_set",
        "summary_zh",
        "summary_en",
        *["norm", "min_age_days", "max_age_years", "waiting_days", "claim_window_days"],
        *["decision_days", "appeal_days", "reinstatement_days"],
        *["fee_bp", "case_cap_fen", "annual_cap_fen", "advance_limit_fen", "debit_days"],
        *["payout_days", "dissolution_members"],
        *["panel_size", "quorum", "voting_hours", "extension_hours", "juror_membership_days"],
    )
    inlines = (BandInline,)
