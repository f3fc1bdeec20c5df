"""What jurors fill in: one exam question, one ballot."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jury import actions, rules, show
from jury.models import Ballot, Case, ExamQuestion
from mutualaid.errors import Invalid
from mutualaid.forms import with_hint


class QuestionForm(forms.Form):
    """One question, its options as radios. Which is right is not among what is sent."""

    def __init__(self, *args: Any, question: ExamQuestion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["answer"] = forms.TypedChoiceField(
            label=question.text,
            choices=list(enumerate(question.options)),
            coerce=int,
            widget=forms.RadioSelect,
            error_messages={"required": gettext("Choose one of the answers.")},
        )


class BallotForm(forms.Form):
    """A ballot on its way: kept nowhere until it is cast."""

    choice = forms.ChoiceField(
        label=_("Your vote"),
        choices=[
            (
                "support",
                with_hint(_("Support granting the benefit"), _("I find it is met")),
            ),
            ("against", with_hint(_("Do not support it"), _("I find it is not met"))),
            (
                "abstain",
                with_hint(
                    _("Not enough information: abstain"),
                    _("Counts neither for nor against"),
                ),
            ),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the three answers.")},
    )
    clause = forms.ChoiceField(
        label=_("Which condition decided it for you"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the condition that decided it for you.")},
    )
    reason = forms.CharField(
        label=_("Your reason"),
        help_text=_(
            "At least 20 characters. It is shown after the vote, without your name. Please write"
            " nothing by which the people in the case could be known."
        ),
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": rules.MAX_REASON}),
        required=False,
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.case = case
        field = self.fields["clause"]
        if isinstance(field, forms.ChoiceField):
            field.choices = show.clause_choices(case.pack)

    def clean(self) -> dict[str, Any]:
        """The action's own check, so that page and API refuse with the same sentence."""
        given = {name: str(self.cleaned_data.get(name, "")) for name in self.fields}
        faultless = {"choice": Ballot.Choice.ABSTAIN, "clause": rules.OTHER_CLAUSE}
        given |= {name: str(faultless[name]) for name in self.errors}
        try:
            actions.check_ballot(self.case, **given)
        except Invalid as error:
            self.add_error(error.field, str(error))
        return self.cleaned_data

    @property
    def choice_label(self) -> str:
        return str(Ballot.Choice(self.cleaned_data["choice"]).label)

    @property
    def clause_label(self) -> str:
        return show.clause_label(self.case.pack, self.cleaned_data["clause"])
