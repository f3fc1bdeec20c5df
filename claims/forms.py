"""What members write about a claim: one question a page, and the forms that stand alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from claims import criteria
from claims.models import Evidence, Payee
from mutualaid.forms import DateInput, with_hint

YES_NO = [("yes", _("Yes")), ("no", _("No"))]


def disease_name(norm: str, code: str) -> str:
    """The name of an illness in the reader's language."""
    return criteria.words(criteria.load(norm, code), "name", get_language() or "zh")


class StepForm(forms.Form):
    """One page of the report. `norm` is that of the membership's rules."""

    def __init__(
        self, *args: Any, norm: str = "", diseases: list[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.norm, self.diseases = norm, diseases or criteria.codes(norm)


class IllnessForm(StepForm):
    disease = forms.ChoiceField(
        label=_("Which illness is it?"),
        help_text=_("Choose what the doctor's diagnosis comes nearest to."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one. If you are not sure, call us.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(code, disease_name(self.norm, code)) for code in self.diseases]
        self.fields["disease"].choices = choices  # type: ignore[attr-defined]


class WhenForm(StepForm):
    diagnosed_on = forms.DateField(
        label=_("When was it first diagnosed?"),
        help_text=_("The date on the first report that names the illness."),
        widget=DateInput(),
        error_messages={
            "required": _("Please give the date of the first diagnosis."),
            "invalid": _("Please write the date as year-month-day, such as 2021-10-08."),
        },
    )


class AccidentForm(StepForm):
    accident = forms.ChoiceField(
        label=_("Was it caused by an accident?"),
        help_text=_("From outside, sudden, not intended. There is no waiting period then."),
        choices=YES_NO,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose yes or no.")},
    )


class HospitalForm(StepForm):
    hospital = forms.CharField(
        label=_("Which hospital is it treated in?"),
        help_text=_("The name and, if you know it, the ward. An adjuster will ask there."),
        max_length=200,
        error_messages={"required": _("Please give the name of the hospital.")},
    )


class StoryForm(StepForm):
    story = forms.CharField(
        label=_("What has happened, in your words?"),
        help_text=_("When it began, what was found, what is being done. A few lines are enough."),
        widget=forms.Textarea(attrs={"rows": 6}),
        max_length=5000,
        error_messages={"required": _("Please write a few lines.")},
    )


class CallForm(StepForm):
    call_back = forms.CharField(
        label=_("On which number, and when, may we call?"),
        help_text=_("An adjuster calls within 3 days after the papers are complete."),
        max_length=100,
        error_messages={"required": _("Please give a number on which we can reach you.")},
    )


class ConsentForm(StepForm):
    publish_consent = forms.ChoiceField(
        label=_("May the disclosure say more than the amount?"),
        help_text=_(
            "If the claim is granted, all members see the amount. With your consent also surname,"
            " age band, province and group of illness. Your answer changes nothing in the decision."
        ),
        choices=[
            ("yes", with_hint(_("Yes"), _("surname, age band, province, group of illness"))),
            ("no", with_hint(_("No"), _("the amount alone"))),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose yes or no.")},
    )


STEPS: dict[str, type[StepForm]] = {
    "illness": IllnessForm,
    "when": WhenForm,
    "accident": AccidentForm,
    "hospital": HospitalForm,
    "story": StoryForm,
    "call": CallForm,
    "consent": ConsentForm,
}


class MessageForm(forms.Form):
    text = forms.CharField(
        label=_("Write to us"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        error_messages={"required": _("Please write something here.")},
    )


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class UploadForm(forms.Form):
    """Shows the fields; the view reads the files one by one, so that one bad file stops none."""

    kind = forms.ChoiceField(label=_("What kind of paper is it?"), choices=Evidence.Kind)
    papers = forms.FileField(
        label=_("Papers"),
        help_text=_(
            "Photos (JPEG, PNG) or PDF, at most 20 MB each and 20 papers in all. The place where a"
            " photo was taken is removed."
        ),
        widget=ManyFilesInput(attrs={"accept": "image/jpeg,image/png,application/pdf"}),
    )


class PayeeForm(forms.Form):
    relation = forms.ChoiceField(
        label=_("Whose account is it?"),
        choices=Payee.Relation,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whose account it is.")},
    )
    holder = forms.CharField(
        label=_("Name of the account holder"),
        max_length=60,
        error_messages={"required": _("Please give the name on the card.")},
    )
    bank = forms.CharField(
        label=_("Bank"),
        max_length=60,
        error_messages={"required": _("Please give the name of the bank.")},
    )
    account = forms.CharField(
        label=_("Account number"),
        help_text=_("12 to 19 digits, on the front of the card."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        max_length=40,
        error_messages={"required": _("Please give the account number.")},
    )
    reason = forms.CharField(
        label=_("Why this person"),
        help_text=_("Only for a guardian or an heir."),
        max_length=200,
        required=False,
    )


class AppealForm(forms.Form):
    statement = forms.CharField(
        label=_("What should the jury know?"),
        help_text=_("They read this word for word. Please leave out names, addresses and numbers."),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=5000,
        min_length=20,
        error_messages={
            "required": _("Please write what the jury should know."),
            "min_length": _(
                "Please write at least 20 characters: the jury knows only what stands here."
            ),
        },
    )
    publish_consent = forms.BooleanField(
        label=_("I agree that my statement is published with the result, without my name."),
        required=False,
    )
    agree = forms.BooleanField(
        label=_("I agree that members drawn for the jury read what is shown above."),
        error_messages={"required": _("Without this the jury cannot be asked.")},
    )
