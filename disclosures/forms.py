"""What a member writes about a published case. The action checks it; this only asks."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ObjectionForm(forms.Form):
    """Why a case should be looked into again."""

    grounds = forms.CharField(
        label=_("What is not right?"),
        help_text=_(
            "Say what you know and how you know it. Do not guess who the person is: your words are"
            " read by our data officer, and are not published."
        ),
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Say what is not right, so that we can look into it.")},
    )
