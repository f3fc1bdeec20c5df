"""Forms of the pages about one's cover. They check shape; the actions decide."""

from __future__ import annotations

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from members.actions.declaring import MOST_TEXT
from members.declared import Since
from members.reference import ANSWERS, answer_word

_word = lazy(answer_word, str)
_STORY = _("Write in your own words what was found, when, and by which doctor.")


class CorrectionForm(forms.Form):
    """The answer that replaces an earlier one, since when, and what happened."""

    answer = forms.ChoiceField(
        label=_("What is the right answer?"),
        choices=[(code, _word(code)) for code in ANSWERS],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose an answer. If you are not sure, choose “not sure”.")},
    )
    since = forms.ChoiceField(
        label=_("Since when is it so?"),
        help_text=_("The day on which it began or was found counts, not today."),
        choices=Since.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say whether it was so on joining or began later.")},
    )
    story = forms.CharField(
        label=_("What happened?"),
        help_text=_STORY,
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"required": _STORY},
    )


class ObjectionForm(forms.Form):
    """Why a reviewer's answer is wrong."""

    story = forms.CharField(
        label=_("Why do you not agree?"),
        help_text=_("Say what the reviewer did not know or misread. Papers can follow by phone."),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"required": _("Write why you do not agree.")},
    )
