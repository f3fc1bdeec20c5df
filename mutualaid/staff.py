"""What every list of the staff's desk is: read by key, and changed only by the verbs of its app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mutualaid.errors import Refused
from mutualaid.keyset import KeysetAdmin

if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline

Problem = tuple[str, str, str]  # the id to jump to, what it is called, the sentence


class ReadOnlyAdmin(KeysetAdmin):
    """Nothing is added, saved or deleted here: a page that changes something calls an action.

    Who may look is a permission of the model (mutualaid/roles.py). `fields` are what the page of
    one row shows.
    """

    list_display_links: tuple[str, ...] | None = ()
    empty_value_display = "—"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _not_allowed(request) or super().changelist_view(request, extra_context)

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


class ReadOnlyInline(_TabularInline):
    """Rows that belong to the row of the page. Whoever may see that may see them."""

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
