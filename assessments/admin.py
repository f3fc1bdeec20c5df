"""Payouts (prepared by one, released by another), and the books, to look up.

A period, its closing and its shares are in portal/admin.py: the checks before a split look into
what comes after this app, too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from assessments import actions, books, policies
from assessments.models import Arrears, DebitBatch, JournalEntry, Payout, PeriodCase, Posting
from assessments.states import DONE, PayoutState
from claims.models import Payee
from members.models import Account
from members.rules import mask_name
from mutualaid import clock
from mutualaid.errors import Refused
from mutualaid.money import yuan
from mutualaid.staff import ReadOnlyAdmin, ReadOnlyInline, WordedFilter, desk_tag, why_not

TAGS = {
    PayoutState.PREPARED: "soon",
    PayoutState.RELEASED: "",
    PayoutState.SENT: "",
    PayoutState.PAID: "fine",
    PayoutState.FAILED: "late",
}
_SHOWN = 200


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    list_display = ("number", "amount", "state_tag", "prepared_by", "released_by", "paid_at")
    list_display_links = ("number",)
    list_filter = (("state", WordedFilter),)
    list_select_related = ("claim", "prepared_by", "released_by")
    exact = ("provider_key",)
    search_help_text = gettext_lazy("The number under which the provider knows it")
    change_list_template = "admin/assessments/payout_list.html"
    fields = (
        "number",
        "amount",
        "state_tag",
        "payee_line",
        "prepared_by",
        "prepared_at",
        "released_by",
        "released_at",
        "provider_key",
        "provider_code",
        "paid_at",
    )

    @admin.display(description=gettext_lazy("claim"))
    def number(self, payout: Payout) -> str:
        return payout.claim.number

    @admin.display(description=gettext_lazy("amount in yuan"))
    def amount(self, payout: Payout) -> str:
        return yuan(payout.amount_fen)

    @admin.display(description=gettext_lazy("state"))
    def state_tag(self, payout: Payout) -> SafeString:
        return desk_tag(TAGS[PayoutState(payout.state)], payout.get_state_display())

    @admin.display(description=gettext_lazy("goes to"))
    def payee_line(self, payout: Payout) -> str:
        return payee_line(payout.payee)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        prepare, release = require_POST(self.prepare), require_POST(self.release)
        return [
            path("prepare/<int:pk>/", site(prepare), name="assessments_payout_prepare"),
            path("release/<int:pk>/", site(release), name="assessments_payout_release"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        by = cast(Account, request.user)
        more = {
            "to_prepare": [_to_prepare(case, by) for case in payable()[:_SHOWN]],
            "to_release": [_to_release(payout, by) for payout in prepared()[:_SHOWN]],
        }
        return super().changelist_view(request, more | (extra_context or {}))

    def _check_works_here(self, request: HttpRequest) -> None:
        """A role without payouts gets no sentence about one, but 403."""
        if not self.has_view_permission(request):
            raise PermissionDenied

    def prepare(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a claim's payout ready. The action asks whether this person may."""
        self._check_works_here(request)
        done = _("Prepared. Another person has to release it.")
        return _do(request, actions.prepare_payout, done, claim_id=pk)

    def release(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a payout go that somebody else prepared."""
        self._check_works_here(request)
        return _do(request, actions.release_payout, _("Released. It is sent now."), payout_id=pk)


def _do(request: HttpRequest, verb: Callable[..., Payout], done: str, **what: int) -> HttpResponse:
    try:
        verb(**what, by=cast(Account, request.user), at=clock.now())
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:assessments_payout_changelist"))


def payee_line(payee: Payee) -> str:
    """Who, at which bank, the end of the number; the name is masked."""
    return f"{mask_name(payee.holder)} · {payee.bank} …{payee.account_tail}"


def payable() -> QuerySet[PeriodCase]:
    """Split cases whose benefit nobody has prepared, whose payout failed, or whose payee has
    changed since; the oldest period first."""
    stale = Q(payout__state=PayoutState.PREPARED) & Q(
        claim__payee__given_at__gt=F("payout__prepared_at")
    )
    open_ones = Q(payout__isnull=True) | Q(payout__state=PayoutState.FAILED) | stale
    cases = PeriodCase.objects.active().filter(open_ones, period__stage__in=DONE)
    return cases.select_related("period__rules", "claim__payee").order_by("period", "pk")


def prepared() -> QuerySet[Payout]:
    """Payouts that wait for another person."""
    waiting = Payout.objects.filter(state=PayoutState.PREPARED)
    return waiting.select_related("claim", "payee", "prepared_by", "case__period__rules").order_by(
        "prepared_at"
    )


def _to_prepare(case: PeriodCase, by: Account) -> dict[str, Any]:
    payee = getattr(case.claim, "payee", None)
    closed = why_not(policies.check_prepares, by, case.claim)
    if not closed and (payee is None or payee.confirmed_at is None):
        closed = _("The claimant has not confirmed an account yet.")
    return {
        "id": case.claim_id,
        "number": case.claim.number,
        "amount_fen": case.benefit_fen,
        "payee": payee_line(payee) if payee else "",
        "due_at": _due(case),
        "closed": closed,
    }


def _to_release(payout: Payout, by: Account) -> dict[str, Any]:
    return {
        "id": payout.pk,
        "number": payout.claim.number,
        "amount_fen": payout.amount_fen,
        "payee": payee_line(payout.payee),
        "prepared_by": payout.prepared_by,
        "due_at": _due(payout.case),
        "closed": why_not(policies.check_releases, by, payout),
    }


def _due(case: PeriodCase) -> Any:
    """Payouts follow within so many days of the split (money terms of the period)."""
    terms = case.period.rules
    return case.period.split_at + timedelta(days=terms.payout_days if terms else 0)


class PostingInline(ReadOnlyInline):
    """The legs of a journal."""

    model = Posting
    verbose_name_plural = gettext_lazy("postings")
    fields = ("account_name", "amount")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("account"))
    def account_name(self, posting: Posting) -> str:
        return str(books.ACCOUNTS.get(posting.account, posting.account))

    @admin.display(description=gettext_lazy("amount in yuan"))
    def amount(self, posting: Posting) -> str:
        return yuan(posting.amount_fen)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("reference", "kind", "period", "by", "at")
    list_display_links = ("reference",)
    list_select_related = ("period", "by")
    exact = ("reference",)
    search_help_text = gettext_lazy("The whole reference, such as split:12")
    fields = ("reference", "kind", "period", "reverses", "by", "at")
    inlines = (PostingInline,)


@admin.register(DebitBatch)
class DebitBatchAdmin(ReadOnlyAdmin):
    list_display = ("period", "attempt", "asked", "collected", "failed", "failed_rows", "made_at")
    list_display_links = ("period",)
    list_select_related = ("period",)
    fields = ("period", "attempt", "asked", "asked_rows", "collected", "failed", "failed_rows",
              "made_at", "answered_at")  # fmt: skip

    @admin.display(description=gettext_lazy("asked, yuan"))
    def asked(self, batch: DebitBatch) -> str:
        return yuan(batch.asked_fen)

    @admin.display(description=gettext_lazy("collected, yuan"))
    def collected(self, batch: DebitBatch) -> str:
        return "—" if batch.collected_fen is None else yuan(batch.collected_fen)

    @admin.display(description=gettext_lazy("failed, yuan"))
    def failed(self, batch: DebitBatch) -> str:
        return "—" if batch.failed_fen is None else yuan(batch.failed_fen)


@admin.register(Arrears)
class ArrearsAdmin(ReadOnlyAdmin):
    list_display = ("membership", "period", "amount", "opened_at", "paid_at", "advanced_at")
    list_display_links = ("membership",)
    list_select_related = ("period", "membership")
    fields = ("membership", "period", "amount", "reason", "opened_at", "paid_at", "paid_batch",
              "advanced_at")  # fmt: skip

    @admin.display(description=gettext_lazy("amount in yuan"))
    def amount(self, arrears: Arrears) -> str:
        return yuan(arrears.amount_fen)
