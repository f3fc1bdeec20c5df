"""Form fields that login pages share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from members import phones


class NumberField(forms.CharField):
    """A mainland mobile number as a person writes it; cleans to its 11 digits."""

    def __init__(self, **kwargs: Any) -> None:
        look = {"inputmode": "tel", "autocomplete": "tel"}
        kwargs.setdefault("label", _("Mobile number"))
        kwargs.setdefault("help_text", _("11 digits"))
        kwargs.setdefault("widget", forms.TextInput(attrs=look))
        kwargs.setdefault("error_messages", {"required": _("Write your mobile number.")})
        super().__init__(max_length=30, **kwargs)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            return phones.normal(text, allow_demo=settings.DEMO) if text else text
        except ValueError as error:
            raise ValidationError(str(error)) from error
