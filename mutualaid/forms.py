"""Forms in the look of the house: the renderer, and the few controls that need a word more.

A page writes `<form method="post" novalidate>{% csrf_token %}{{ form }}…</form>`. The fields come
from templates/django/forms/, the error summary above them from base.html.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString


class Renderer(TemplatesSetting):
    """Our templates for forms and fields; Django's own for widgets, which the admin shares."""

    form_template_name = "django/forms/form.html"
    field_template_name = "django/forms/field.html"


class DateInput(forms.DateInput):
    """The device's own date picker. Its value is ISO in every language."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"type": "date", **(attrs or {})})


def _with_hint(label: object, hint: object) -> SafeString:
    return format_html("<strong>{}</strong><small>{}</small>", label, hint)


# The label of a choice with a quiet line under it. Takes lazy translations and stays lazy.
with_hint = lazy(_with_hint, SafeString)
