"""How a template writes an icon, an amount, a date, a word of state. Loaded in every template."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Field
from django.utils.dates import MONTHS
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from mutualaid import clock, money

register = template.Library()

# The symbols of templates/components/icons.svg; test_look holds the two equal.
ICONS = frozenset(
    [
        "ren",
        "join",
        "claim",
        "notice",
        "money",
        "search",
        "phone",
        "text",
        "check",
        "cross",
        "unknown",
        "clock",
        "date",
        "get",
        "send",
        "family",
        "shield",
        "scale",
        "paper",
        "next",
        "back",
        "alert",
        "info",
        "print",
        "chat",
    ]
)
_TAG_ICON = {"ok": "check", "wait": "clock", "bad": "cross", "do": "", "": ""}
ANSWERS = {
    "met": ("ok", "check"),
    "not_met": ("bad", "cross"),
    "not_shown": ("wait", "unknown"),
    "not_yet": ("wait", "clock"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A symbol of the sprite, hidden from screen readers: the word beside it says the same."""
    if name not in ICONS:
        raise template.TemplateSyntaxError(f"No icon {name!r} in components/icons.svg.")
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def tag(kind: str, text: object, icon_name: str | None = None) -> SafeString:
    """A word of state: kind "ok", "wait", "do", "bad" or "" (nothing to do), its icon and word."""
    name = _TAG_ICON[kind] if icon_name is None else icon_name
    style = format_html(" tag-{}", kind) if kind else ""
    drawn = icon(name) if name else ""
    return format_html('<span class="tag{}">{}{}</span>', style, drawn, text)


@register.simple_tag
def answer(value: str, from_day: date | None = None) -> SafeString:
    """A criterion's answer as a tag. `value` is met, not_met, not_shown or not_yet."""
    words = {
        "met": _("Met"),
        "not_met": _("Not met"),
        "not_shown": _("Not shown"),
        "not_yet": _("Not yet"),
    }
    kind, name = ANSWERS[value]
    said = tag(kind, words[value], name)
    if value != "not_yet" or not from_day:
        return said
    since = _("from %(day)s on") % {"day": day(from_day)}
    return format_html('{} <span class="small">{}</span>', said, since)


@register.filter
def yuan(fen: int | None) -> str:
    """Fen as yuan, "100,000.00"; nothing for None. The unit stands in the text around it."""
    return "" if fen is None else money.yuan(fen)


@register.filter
def number(value: int | None) -> str:
    """A whole number with commas: 4,218,306."""
    return "" if value is None else f"{value:,}"


@register.filter
def day(value: date | None, form: str = "full") -> str:
    """A date in words: "2021 年 12 月 7 日", "7 December 2021"; "short" leaves out the year.

    An aware datetime is read in Asia/Shanghai. What binds is written in full.
    """
    if not value:
        return ""
    on = clock.day(value) if isinstance(value, datetime) else value
    if (get_language() or "").startswith("zh"):
        year = f"{on.year} 年 " if form == "full" else ""
        return f"{year}{on.month} 月 {on.day} 日"
    year = f" {on.year}" if form == "full" else ""
    return f"{on.day} {MONTHS[on.month]}{year}"


@register.filter
def moment(value: datetime | None, form: str = "full") -> str:
    """An instant in Asia/Shanghai: "2021 年 12 月 9 日 14:11", "9 December 2021, 14:11"."""
    if not value:
        return ""
    comma = "" if (get_language() or "").startswith("zh") else ","
    return f"{day(value, form)}{comma} {value.astimezone(clock.SHANGHAI):%H:%M}"


@register.filter
def machine(value: date | None) -> str:
    """What <time datetime="…"> carries: ISO, a datetime in Asia/Shanghai to the minute."""
    if isinstance(value, datetime):
        return value.astimezone(clock.SHANGHAI).isoformat(timespec="minutes")
    return value.isoformat() if value else ""


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's control in our look. Used by templates/django/forms/field.html."""
    # A grey word in the box reads as if it were filled in; the label and the hint say it better.
    attrs: dict[str, Any] = {"placeholder": False}
    if not isinstance(field.field.widget, CheckboxInput):
        given = field.field.widget.attrs.get("class", "")
        attrs["class"] = f"form-control {given}".strip()
    return field.as_widget(attrs=attrs)


@register.filter
def problems(field: BoundField) -> list[str]:
    """What is wrong with a field, in sentences. Django's "this field is required" says which."""
    found: list[str] = []
    for error in field.errors.as_data():
        bare = str(Field.default_error_messages["required"])
        for sentence in error.messages:
            found.append(_empty(field) if sentence == bare else str(sentence))
    return found


def _empty(field: BoundField) -> str:
    words = _("Choose: %(label)s") if is_choice(field) else _("Fill in: %(label)s")
    return words % {"label": field.label}


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """A single box to tick, whose label stands beside it."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def is_choice(field: BoundField) -> bool:
    """Radios or boxes, each its own row of 60 px."""
    return bool(getattr(field.field.widget, "input_type", "") in {"radio", "checkbox"}) and (
        not is_checkbox(field)
    )


@register.filter
def error_target(field: BoundField) -> str:
    """The id an error summary links to: the first control of the field."""
    widget = field.field.widget
    return (
        widget.id_for_label(field.auto_id, index="0")
        if is_choice(field)
        else (field.id_for_label or field.auto_id)
    )
