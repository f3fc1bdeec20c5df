"""What every list of the staff's desk is: read by key, and changed only by the verbs of its app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.filters import ChoicesFieldListFilter
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from mutualaid.errors import Refused
from mutualaid.keyset import KeysetAdmin
from mutualaid.templatetags.look import day, moment

if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline

# Columns whose model has no word for them.
LABELS = {
    "accident": _("accident"),
    "advance_limit_fen": _("limit of the operator's advances, fen"),
    "advanced_at": _("advanced by the operator"),
    "annual_cap_fen": _("cap per member and year, fen"),
    "answered_at": _("answered"),
    "answered_by": _("answered by"),
    "appeal_days": _("days for an appeal"),
    "asked_at": _("asked"),
    "at": _("when"),
    "attempt": _("attempt"),
    "benefit_fen": _("benefit, fen"),
    "by": _("by"),
    "case_cap_fen": _("cap per case and member, fen"),
    "channel": _("sent by"),
    "certified_at": _("in office since"),
    "claim_window_days": _("days to report"),
    "closed_at": _("closed"),
    "code": _("code"),
    "confirmed_by": _("confirmed by"),
    "debit_days": _("days of debits"),
    "decision_days": _("days for a decision"),
    "dissolution_members": _("dissolved below so many members"),
    "due_at": _("due"),
    "effective_on": _("in force from"),
    "extension_hours": _("hours of an extension"),
    "failed_at": _("given up"),
    "failed_rows": _("failed debits"),
    "fee_bp": _("fee, basis points"),
    "from_age": _("from the age of"),
    "juror_membership_days": _("days of membership of a juror"),
    "kind": _("kind"),
    "made_at": _("made"),
    "max_age_years": _("highest age on joining, years"),
    "members": _("sharing members"),
    "membership": _("membership"),
    "min_age_days": _("lowest age on joining, days"),
    "name_en": _("English name"),
    "name_zh": _("Chinese name"),
    "norm": _("norm"),
    "object_id": _("number of what was read"),
    "objected_at": _("objected"),
    "opened_at": _("opened"),
    "opened_on": _("opened"),
    "page": _("page"),
    "paid_at": _("paid"),
    "paid_batch": _("paid with the attempt"),
    "panel_size": _("seats of a jury"),
    "payout_days": _("days for a payout"),
    "period": _("period"),
    "plan": _("plan"),
    "prepared_at": _("prepared"),
    "prepared_by": _("prepared by"),
    "problem": _("problem"),
    "provider_code": _("answer of the provider"),
    "provider_key": _("number for the provider"),
    "published_at": _("published"),
    "question_set": _("health questions"),
    "quorum": _("quorum"),
    "ready_at": _("handed over from"),
    "reason": _("reason"),
    "reference": _("reference"),
    "reinstatement_days": _("days to come back"),
    "released_at": _("released"),
    "released_by": _("released by"),
    "resigned_at": _("resigned"),
    "reverses": _("corrects"),
    "asked_rows": _("debits asked for"),
    "rules": _("rules"),
    "severity": _("severity"),
    "sha256": _("SHA-256"),
    "shares_from": _("shares from"),
    "split_at": _("split from"),
    "stage": _("stage"),
    "state": _("state"),
    "summary_en": _("summary in English"),
    "summary_zh": _("summary in Chinese"),
    "told_at": _("contacts told"),
    "to_age": _("to the age of"),
    "upheld_by": _("upheld by"),
    "tries": _("tries"),
    "version": _("version"),
    "voting_hours": _("hours to vote"),
    "waiting_days": _("waiting period, days"),
    "why": _("why"),
}

Problem = tuple[str, str, str]  # the id to jump to, what it is called, the sentence


class ReadOnlyAdmin(KeysetAdmin):
    """Nothing is added, saved or deleted here: a page that changes something calls an action.

    Who may look is a permission of the model (mutualaid/roles.py). `fields` are what the page of
    one row shows.
    """

    list_display_links: tuple[str, ...] | None = ()
    empty_value_display = "—"
    change_form_template = "admin/read_only_form.html"
    opens = ""  # the name of the page that a row has instead of the one of `fields`, by its key

    def get_list_display(self, request: HttpRequest) -> Any:
        links = self.list_display_links or ()
        return [
            name if name in links or hasattr(self, str(name)) else worded(self.model, name)
            for name in super().get_list_display(request)
        ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            name if hasattr(self, str(name)) else worded(self.model, name)
            for name in super().get_fields(request, obj)
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _not_allowed(request) or super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.opens:
            return HttpResponseRedirect(reverse(self.opens, args=[object_id]))
        return super().change_view(request, object_id, form_url, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _not_allowed(request) or super().history_view(request, object_id, extra_context)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _not_allowed(request: HttpRequest) -> HttpResponse | None:
    """405 for what would change a list, which has nothing to change."""
    return None if request.method in {"GET", "HEAD"} else HttpResponseNotAllowed(["GET", "HEAD"])


def worded(model: Any, name: Any) -> Any:
    """A column by its name, or, where we have a better word than its model, as a function."""
    if name not in LABELS:
        return name
    field = model._meta.get_field(name)

    @admin.display(description=LABELS[name])
    def column(row: Any) -> Any:
        value = getattr(row, f"get_{name}_display")() if field.choices else getattr(row, name)
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(value, date):
            return day(value)
        return "—" if value in {None, ""} else value

    column.__name__ = name + "_worded"
    return column


class WordedFilter(ChoicesFieldListFilter):
    """A filter over choices under our word for the column."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        self.title = LABELS.get(field.name, self.title)


class ReadOnlyInline(_TabularInline):
    """Rows that belong to the row of the page. Whoever may see that may see them."""

    template = "admin/_inline.html"
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def desk_tag(kind: str, text: object) -> SafeString:
    """A word of state on the desk: kind fine, soon, late, stopped, flat, or "" (to do)."""
    style = f" tag-{kind}" if kind else ""
    return format_html('<span class="tag{}">{}</span>', style, text)


def why_not(check: Callable[..., object], *args: object) -> str:
    """The sentence with which a check refuses, for the place beside a button; "" if it does not."""
    try:
        check(*args)
    except Refused as error:
        return str(error)
    return ""


def refuse(form: BaseForm, error: Refused) -> None:
    """Show what an action refused at the field that it names, or above the form."""
    form.add_error(error.field if error.field in form.fields else None, str(error))


def problems(form: BaseForm, here: str) -> list[Problem]:
    """For the summary on top (admin/_problems.html); `here` is the id of the form itself."""
    found: list[Problem] = []
    for name, errors in form.errors.items():
        target, label = here, ""
        if name in form.fields and not form[name].is_hidden:
            target, label = error_target(form, name), str(form[name].label)
        found += [(target, label, str(error)) for error in errors]
    return found


def error_target(form: BaseForm, name: str) -> str:
    """The id of a field's first control."""
    many = getattr(form.fields[name].widget, "input_type", "") in {"radio", "checkbox"}
    several = many and hasattr(form.fields[name], "choices")
    return f"{form[name].auto_id}{'_0' * several}"
