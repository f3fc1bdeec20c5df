"""What staff write about a claim. A form looks at what was typed; the action decides."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from claims import actions, criteria
from claims.models import Claim, CriterionAnswer, Evidence
from members.access import ASKED
from mutualaid.forms import DateInput
from mutualaid.staff import Problem, error_target, problems

Choices = list[tuple[str, str]]
_MOST_MEASURED = Decimal(10**9)


def text(node: criteria.Node, key: str = "text") -> str:
    """A text of a definition in the reader's language."""
    return criteria.words(node, key, get_language() or "zh")


def places(claim: Claim) -> Choices:
    """Every page of every paper, as "place.page"."""
    return [
        (
            f"{paper.place}.{page}",
            _("%(place)d %(name)s, page %(page)d")
            % {"place": paper.place, "name": paper.name, "page": page},
        )
        for paper in claim.papers.filter(removed_at__isnull=True)
        for page in range(1, paper.pages + 1)
    ]


def pointed(value: str) -> dict[str, int | None]:
    """ "2.3" as {"place": 2, "page": 3}; both None for nothing chosen."""
    place, _dot, page = value.partition(".")
    return {"place": int(place) if place else None, "page": int(page) if page else None}


class DeskForm(forms.Form):
    """A verb of the claim's page. `do` names it in the form and in the ids of its fields."""

    do: ClassVar[str] = ""

    def __init__(self, *args: Any, claim: Claim, **kwargs: Any) -> None:
        kwargs["auto_id"] = f"{self.do}-%s"
        super().__init__(*args, **kwargs)
        self.claim = claim

    @property
    def here(self) -> str:
        """The id of the form, where a refusal that names no field points to."""
        return f"do-{self.do}"

    def problems(self) -> list[Problem]:
        return problems(self, self.here)


class TakeForm(DeskForm):
    do = "take"


class FindingForm(DeskForm):
    do = "finding"
    text = forms.CharField(
        label=gettext_lazy("What was found"),
        help_text=gettext_lazy("One fact, no judgement."),
        error_messages={"required": gettext_lazy("Write down what was found.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    paper = forms.ChoiceField(label=gettext_lazy("Which paper shows it?"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "paper", [("", _("No paper")), *places(self.claim)])


class RequestForm(DeskForm):
    do = "request"
    kind = forms.ChoiceField(
        label=gettext_lazy("Which paper is missing?"), choices=Evidence.Kind.choices
    )
    why = forms.CharField(
        label=gettext_lazy("Why, in words the member understands"),
        error_messages={"required": gettext_lazy("Say why it is needed.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    due_on = forms.DateField(
        label=gettext_lazy("Until which day"),
        help_text=gettext_lazy("Until then the clock of the decision stands still."),
        error_messages={"required": gettext_lazy("Give a day.")},
        widget=DateInput(),
    )


class SayForm(DeskForm):
    do = "say"
    text = forms.CharField(
        label=gettext_lazy("Message to the claimant"),
        error_messages={"required": gettext_lazy("Write the message.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class FinishForm(DeskForm):
    do = "finish"
    report = forms.CharField(
        label=gettext_lazy("Report of facts"),
        help_text=gettext_lazy("The reviewers decide on it. Nothing is added after this."),
        error_messages={"required": gettext_lazy("Write the report.")},
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class ShowForm(DeskForm):
    do = "show"
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *ASKED.items()],
        error_messages={
            "required": gettext_lazy("Say why you need the full identity. Nothing was shown.")
        },
    )


class WaitForm(DeskForm):
    do = "wait"
    not_before = forms.DateField(widget=forms.HiddenInput)


class DecisionForm(DeskForm):
    """Confirm the proposal that was on the page, and no other."""

    do = "confirm"
    decision = forms.IntegerField(widget=forms.HiddenInput)


class BackForm(DecisionForm):
    do = "back"
    why = forms.CharField(
        label=gettext_lazy("Note to the proposer"),
        help_text=gettext_lazy("Only needed to send it back."),
        error_messages={
            "required": gettext_lazy("Say what has to change before you send it back.")
        },
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _choose(form: forms.Form, name: str, choices: Choices) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 for the type checker
    field.choices = choices


# --- the criteria


def answer_words(*, negated: bool) -> Choices:
    """The three answers to a condition; an exclusion applies or does not."""
    if negated:
        return [
            ("met", _("Applies")),
            ("not_met", _("Does not apply")),
            ("not_shown", _("Not shown")),
        ]
    return [("met", _("Met")), ("not_met", _("Not met")), ("not_shown", _("Not shown"))]


class CriteriaForm(DeskForm):
    """One answer per leaf of the definition. What is called met, or applies, names its paper."""

    do = "answers"

    def __init__(self, *args: Any, claim: Claim, **kwargs: Any) -> None:
        super().__init__(*args, claim=claim, **kwargs)
        self.rows = list(criteria.rows(actions.definition(claim)))
        self.initial = {**self._stored(), **self.initial}
        pages = [("", _("Which paper?")), *places(claim)]
        for row in self._leaf_rows():
            self._add(row, pages)

    def _leaf_rows(self) -> Iterator[dict[str, Any]]:
        return (row for row in self.rows if "leaf" in row)

    def _stored(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in self.claim.answers.select_related("paper"):
            found |= {
                row.code: row.answer,
                f"{row.code}__measured": _plain(row.measured),
                f"{row.code}__since": row.since,
                f"{row.code}__paper": f"{row.paper.place}.{row.page or 1}" if row.paper else "",
            }
        return found

    def _add(self, row: dict[str, Any], pages: Choices) -> None:
        leaf, code = row["leaf"], row["leaf"]["code"]
        self.fields[code] = forms.ChoiceField(
            label=text(leaf),
            choices=answer_words(negated=row["negated"]),
            widget=forms.RadioSelect,
            error_messages={"required": _("Answer this one too; “Not shown” is an answer.")},
        )
        if "elapsed" in leaf:
            self.fields[f"{code}__since"] = forms.DateField(
                label=text(leaf["elapsed"], "since"), required=False, widget=DateInput()
            )
        if "measure" in leaf:
            self.fields[f"{code}__measured"] = _measured_field(leaf["measure"])
        self.fields[f"{code}__paper"] = forms.ChoiceField(
            label=_("Which paper?"), choices=pages, required=False
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for row in self._leaf_rows():
            self._check(row["leaf"], data)
        return data

    def _check(self, leaf: criteria.Node, data: dict[str, Any]) -> None:
        code = leaf["code"]
        answer = data.get(code)
        if answer == CriterionAnswer.Answer.MET and not data.get(f"{code}__paper"):
            self.add_error(f"{code}__paper", _("Say which paper shows it, or answer “Not shown”."))
        if not answer or f"{code}__measured" in self.errors or f"{code}__since" in self.errors:
            return
        given = criteria.Answer(
            result=answer,
            measured=data.get(f"{code}__measured"),
            since=data.get(f"{code}__since"),
        )
        sentence = criteria.contradiction(leaf, given)
        if sentence:
            no_day = "elapsed" in leaf and answer == "met" and given.since is None
            self.add_error(f"{code}__since" if no_day else f"{code}__measured", sentence)

    def answers(self) -> dict[str, dict[str, Any]]:
        """As claims.actions.answer_criteria takes them."""
        data = self.cleaned_data
        return {
            (code := row["leaf"]["code"]): {
                "answer": data[code],
                "measured": data.get(f"{code}__measured"),
                "since": data.get(f"{code}__since"),
                **pointed(data[f"{code}__paper"]),
            }
            for row in self._leaf_rows()
        }

    def lines(self) -> Iterator[dict[str, Any]]:
        """The tree in the order of the norm: headings, and leaves with their bound fields."""
        for row in self.rows:
            depth = max(row["depth"] - 1, 0)
            if "leaf" not in row:
                if row["depth"]:  # the outermost group is the page itself
                    yield row | {"depth": depth, "heading": text(row["node"], "heading")}
                continue
            code = row["leaf"]["code"]
            parts = {
                name: self[f"{code}__{name}"]
                for name in ("paper", "measured", "since")
                if f"{code}__{name}" in self.fields
            }
            named = {code, *(f"{code}__{name}" for name in parts)}
            yield {
                **parts,
                "depth": depth,
                "leaf": row["leaf"],
                "text": text(row["leaf"]),
                "hint": text(row["leaf"], "hint"),
                "negated": row["negated"],
                "answer": self[code],
                "errors": [
                    (self[name].auto_id, error)
                    for name in self.fields
                    if name in named
                    for error in self[name].errors
                ],
            }

    def problems(self) -> list[Problem]:
        """The summary names the condition, not only the control."""
        found = [p for p in super().problems() if p[0] == self.here]
        for line in self.lines():
            for auto_id, error in line.get("errors", ()):
                name = auto_id.removeprefix(f"{self.do}-")
                label = f"{line['leaf']['clause']} {line['text']}"
                found.append((error_target(self, name), label, error))
        return found


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


def _measured_field(measure: criteria.Node) -> forms.DecimalField:
    return forms.DecimalField(
        label=_("%(name)s (%(unit)s)") % {"name": text(measure, "name"), "unit": measure["unit"]},
        required=False,
        min_value=0,
        max_value=_MOST_MEASURED,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 5}),
    )


class ProposeForm(DeskForm):
    do = "propose"
    granted = forms.TypedChoiceField(
        label=gettext_lazy("Proposal"),
        error_messages={"required": gettext_lazy("Choose: grant or refuse.")},
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        choices=[("yes", gettext_lazy("Grant")), ("no", gettext_lazy("Refuse"))],
    )
    clauses = forms.MultipleChoiceField(
        label=gettext_lazy("Clauses it rests on"),
        error_messages={"required": gettext_lazy("Choose at least one clause.")},
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason, in words the member understands"),
        error_messages={"required": gettext_lazy("Write the reason.")},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    would_change = forms.CharField(
        label=gettext_lazy("What would change this decision"),
        required=False,
        help_text=gettext_lazy("Required for a refusal: which paper, by when, sent where."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, outcome: criteria.Outcome, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = [row for row in criteria.rows(actions.definition(self.claim)) if "leaf" in row]
        field = self.fields["clauses"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 for the type checker
        # The clause is written into the decision in Chinese, which binds.
        field.choices = [
            (f"{row['leaf']['clause']} {row['leaf']['text_zh']}", _clause_line(row, outcome))
            for row in rows
        ]
        answered = self.claim.answers.exists()
        decided = {judged.leaf["code"] for judged in outcome.path if answered}
        self.initial.setdefault(
            "clauses",
            [
                f"{row['leaf']['clause']} {row['leaf']['text_zh']}"
                for row in rows
                if row["leaf"]["code"] in decided and outcome.result is not criteria.MET
            ],
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("granted") is False and not data.get("would_change"):
            self.add_error("would_change", _("A refusal says what would change it."))
        return data


def _clause_line(row: dict[str, Any], outcome: criteria.Outcome) -> str:
    leaf = row["leaf"]
    words = dict(answer_words(negated=row["negated"])) | {"not_yet": _("Not yet")}
    return f"{leaf['clause']} {text(leaf)} · {words[str(outcome.leaves[leaf['code']].result)]}"
