"""The forms of the member's pages. They check shape; the actions decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from members import quiz
from members.models import BenefitBand, HealthQuestion, HouseholdLink
from members.reference import answer_word
from mutualaid.errors import Refused
from mutualaid.forms import with_hint
from mutualaid.money import parse_yuan, yuan


def refused(form: forms.Form, refusal: Refused) -> None:
    """Show an action's refusal beside its field, or above the form; the input stays."""
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, str(refusal))


class PersonForm(forms.Form):
    """Whom to add to the family."""

    relation = forms.ChoiceField(
        label=_("Who is it?"),
        choices=HouseholdLink.Relation.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how this person is related to you.")},
    )
    name = forms.CharField(
        label=_("Full name"),
        help_text=_("As it stands on the ID card"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Write the full name as it stands on the ID card.")},
    )
    id_number = forms.CharField(
        label=_("ID number"),
        help_text=_("18 characters. We read age and province from it and keep it encrypted."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
        error_messages={"required": _("Write the 18 characters of the ID number.")},
    )


class AnswerForm(forms.Form):
    """One health question on a page of its own."""

    answer = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose an answer. If you are not sure, choose “not sure”."),
            "invalid_choice": _("Choose an answer. If you are not sure, choose “not sure”."),
        },
    )

    def __init__(self, *args: Any, question: HealthQuestion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        yes = _("This plan takes people who can answer “no”")
        unsure = _("You describe it, and a reviewer answers in writing")
        self.fields["answer"].choices = [  # type: ignore[attr-defined]
            ("no", with_hint(answer_word("no"), "")),
            ("yes", with_hint(answer_word("yes"), yes)),
            ("unsure", with_hint(answer_word("unsure"), unsure)),
        ]
        self.fields["answer"].label = question.text
        self.fields["answer"].help_text = question.hint


class AgreeForm(forms.Form):
    """The last word before a binding act."""

    agree = forms.BooleanField(error_messages={"required": _("Please tick the box first.")})

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agree"].label = label


class QuizForm(forms.Form):
    """The five questions of members/quiz.py on one page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wrong: list[str] | None = None
        for question in quiz.QUESTIONS:
            self.fields[question.code] = forms.ChoiceField(
                label=str(question.text),
                choices=[(code, str(text)) for code, text in question.choices.items()],
                widget=forms.RadioSelect,
                error_messages={"required": _("Choose one of the answers.")},
            )

    def explain(self, wrong: list[str]) -> None:
        """From now on each question comes with its explanation."""
        self.wrong = wrong

    def rows(self) -> list[dict[str, Any]]:
        """For the page: the field, and once explained whether it was wrong, and why."""
        return [
            {
                "field": self[question.code],
                "text": str(question.text),
                "right": str(question.choices[question.right]),
                "why": "" if self.wrong is None else str(question.why),
                "wrong": question.code in (self.wrong or []),
            }
            for question in quiz.QUESTIONS
        ]


class StoryForm(forms.Form):
    """What somebody asks a reviewer about a health question."""

    story = forms.CharField(
        label=_("In your own words"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={
            "required": _("Write in your own words what was found, when, and by which doctor.")
        },
    )


class AskForm(forms.Form):
    """Whom to ask in their own account. Names and numbers are compared, and nothing is told."""

    relation = forms.ChoiceField(
        label=_("Whose cover is it about?"),
        choices=HouseholdLink.Relation.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how this person is related to you.")},
    )
    name = forms.CharField(
        label=_("Full name"),
        max_length=60,
        error_messages={"required": _("Write the full name as it stands on the ID card.")},
    )
    id_number = forms.CharField(
        label=_("ID number"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Write the 18 characters of the ID number.")},
    )


class PayerForm(forms.Form):
    """Which account of the family is to pay; who asks has agreed."""

    to_account = forms.TypedChoiceField(
        coerce=int,
        widget=forms.RadioSelect,
        label=_("Who is to pay from now on?"),
        error_messages={"required": _("Choose who is to pay.")},
    )

    def __init__(self, *args: Any, choices: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_account"].choices = choices  # type: ignore[attr-defined]


class TimeInput(forms.TimeInput):
    """The device's own clock. Its value is HH:MM in every language."""

    def __init__(self) -> None:
        super().__init__(format="%H:%M", attrs={"type": "time"})


class PreferenceForm(forms.Form):
    """How copies of messages reach somebody."""

    ways = forms.MultipleChoiceField(
        label=_("Send me a copy"),
        help_text=_("Every message stands in the inbox, whatever you choose here."),
        required=False,
        choices=[("email", _("by e-mail")), ("sms", _("by SMS"))],
        widget=forms.CheckboxSelectMultiple,
    )
    pace = forms.ChoiceField(
        label=_("How often"),
        choices=[
            ("once", with_hint(_("Each message at once"), "")),
            (
                "digest",
                with_hint(
                    _("One message a day"), _("At six in the evening, about all that came since")
                ),
            ),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how often.")},
    )
    quiet = forms.ChoiceField(
        label=_("Quiet hours"),
        choices=[
            ("yes", with_hint(_("Send nothing between these times"), "")),
            ("no", with_hint(_("No quiet hours"), "")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether there are quiet hours.")},
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        widget=TimeInput,
        error_messages={"invalid": _("Write a time of the day, such as 22:00.")},
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=TimeInput,
        error_messages={"invalid": _("Write a time of the day, such as 08:00.")},
    )
    language = forms.ChoiceField(
        label=_("Language of e-mail and SMS"),
        choices=settings.LANGUAGES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a language.")},
    )

    def clean(self) -> dict[str, Any]:
        """Quiet hours have both times."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("quiet") == "yes":
            for name in ("quiet_from", "quiet_until"):
                if name not in self.errors and said.get(name) is None:
                    self.add_error(name, _("Write a time of the day, such as 22:00."))
        return said

    def preference(self) -> dict[str, Any]:
        """What actions.set_preference takes, of a valid form."""
        said = self.cleaned_data
        quiet = said["quiet"] == "yes"
        return {
            "email": "email" in said["ways"],
            "sms": "sms" in said["ways"],
            "digest": said["pace"] == "digest",
            "quiet_from": said["quiet_from"] if quiet else None,
            "quiet_until": said["quiet_until"] if quiet else None,
            "language": said["language"],
        }


class InvitationForm(forms.Form):
    """The code of an invitation."""

    code = forms.CharField(
        label=_("Code of the invitation"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        error_messages={"required": _("Write the code of the invitation.")},
    )


class PhoneForm(forms.Form):
    """The phone of the person who is to agree."""

    phone = forms.CharField(
        label=_("Their mobile number"),
        help_text=_("11 digits. It is used for this code and not kept."),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        error_messages={"required": _("Write their mobile number.")},
    )


class CodeForm(forms.Form):
    """The six digits that they read out."""

    code = forms.CharField(
        label=_("The code"),
        help_text=_("Six digits, as they read them to you"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        error_messages={"required": _("Write the six digits of the code.")},
    )


class YuanField(forms.CharField):
    """An amount as a person writes it; cleans to whole fen, not below nothing."""

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        try:
            fen = parse_yuan(text or "0")
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if fen < 0:
            raise ValidationError(_("An amount here cannot be negative."))
        return fen


class CalculatorForm(forms.Form):
    """What would each pay? By GET, so that a result can be sent to somebody. One field a band."""

    members = forms.IntegerField(label=_("Sharing members"), min_value=1, max_value=10**9)

    def __init__(self, *args: Any, bands: Iterable[BenefitBand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bands = {f"people_{band.from_age}": band for band in bands}
        for name, band in self.bands.items():
            label = _("People helped with %(sum)s yuan") % {"sum": yuan(band.benefit_fen)}
            self.fields[name] = forms.IntegerField(label=label, min_value=0, max_value=10**6)
        self.fields["surplus"] = YuanField(
            label=_("Surplus of the period before, in yuan"), required=False
        )

    def benefits(self) -> list[tuple[int, int]]:
        """(fen of one case, number of cases), of a valid form."""
        return [(b.benefit_fen, self.cleaned_data[name]) for name, b in self.bands.items()]
