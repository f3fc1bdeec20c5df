"""What staff write about a plan: its names, a draft of its rules, questions, invitations.

A form looks at what was typed; the verb decides. A draft is one long form, made from the words and
units of members/rulebook.py and the limits of members/terms.py. Rows (bands, steps, questions) are
so many empty ones as SPARE at a time: saving adds more, and an emptied row goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import definitions, rulebook, terms
from members.models import HealthQuestion, Plan, QuestionSet, Rules
from members.rulebook import TERMS, Half
from members.terms import LIMITS, Band, Step
from mutualaid.forms import DateInput
from mutualaid.money import parse_yuan, yuan

if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _VersionChoice = forms.ModelChoiceField[Rules]
    _QuestionsChoice = forms.ModelChoiceField[QuestionSet]
else:
    _VersionChoice = _QuestionsChoice = forms.ModelChoiceField

SPARE = 3  # empty rows at the end of a list
MOST_ROWS = 60
UNITS = {
    "days": gettext_lazy("days"),
    "hours": gettext_lazy("hours"),
    "years": gettext_lazy("years"),
    "people": gettext_lazy("people"),
    "points": gettext_lazy("points"),
    "percent": "%",
    "yuan": gettext_lazy("yuan"),
}
NUMBER = {"inputmode": "decimal", "autocomplete": "off", "size": 12}
ALL = "all"  # of the illnesses of the norm


def lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


# --- numbers as people write them


class YuanField(forms.CharField):
    """Yuan as they are written; whole fen. None for nothing."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if not text:
            return None
        try:
            return parse_yuan(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def prepare_value(self, value: Any) -> Any:
        return yuan(value) if isinstance(value, int) else value


class PercentField(forms.CharField):
    """Per cent with at most two decimals; basis points."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if not text:
            return None
        try:
            return parse_yuan(text.strip().removesuffix("%"))  # hundredths, as of a yuan
        except ValueError as error:
            words = _("Write a number of per cent with at most two decimals, such as 8.5.")
            raise forms.ValidationError(words) from error

    def prepare_value(self, value: Any) -> Any:
        return rulebook.percent(value).removesuffix(" %") if isinstance(value, int) else value


class PartField(forms.CharField):
    """A part such as 1/3; the pair of its numbers."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if not text:
            return None
        above, _line, below = text.replace(" ", "").partition("/")
        if not (_is_number(above) and _is_number(below)):
            raise forms.ValidationError(_("Write a part such as 1/3 or 1/1."))
        return int(above), int(below)

    def prepare_value(self, value: Any) -> Any:
        return f"{value[0]}/{value[1]}" if isinstance(value, tuple) else value


class VersionField(_VersionChoice):
    """A version of any plan, named with its plan."""

    def label_from_instance(self, obj: Rules) -> str:
        return f"{obj.plan.name} {obj.version}"


class QuestionsField(_QuestionsChoice):
    """A version of the health questions; one that asks nothing says so."""

    def label_from_instance(self, obj: QuestionSet) -> str:
        return _("%(code)s: asks nothing") % {"code": obj} if obj.asks_nothing else str(obj)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6  # noqa: PLR2004


def field_of(name: str) -> forms.Field:
    """The control of one term, by its limit."""
    limit, label = LIMITS.get(name), TERMS[name].label
    if limit is None:
        return _other_field(name, label)
    if limit.only:
        choices = [(each, TERMS[name].write(each)) for each in limit.only]
        return forms.TypedChoiceField(label=label, choices=choices, coerce=int)
    kinds: dict[str, type[forms.Field]] = {"yuan": YuanField, "percent": PercentField}
    if limit.kind in kinds:
        return kinds[limit.kind](
            label=label, required=not limit.optional, widget=forms.TextInput(attrs=NUMBER)
        )
    return forms.IntegerField(
        label=label, required=not limit.optional, widget=forms.TextInput(attrs=NUMBER)
    )


def _other_field(name: str, label: Any) -> forms.Field:
    if name in {"accidents_only", "next_plan_waits"}:
        return forms.BooleanField(label=label, required=False)
    if name == "norm":
        norms = [(norm, TERMS["norm"].write(norm)) for norm in definitions.norms()]
        return forms.ChoiceField(label=label, choices=norms)
    if name == "admission":
        return forms.ChoiceField(label=label, choices=Rules.Admission.choices)
    if name == "question_set":
        return QuestionsField(QuestionSet.objects.order_by("-pk"), label=label, empty_label=None)
    if name == "next_plan":
        return forms.ModelChoiceField(
            Plan.objects.order_by("pk"), label=label, required=False, empty_label=_("none")
        )
    raise LookupError(name)


# --- plans


class PlanForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("Small letters, digits and dashes; it stands in addresses."),
    )
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"))
    name_en = forms.CharField(label=gettext_lazy("Name in English"))
    intro_zh = forms.CharField(
        label=gettext_lazy("Introduction in Chinese"),
        help_text=gettext_lazy("For whom, and what for; two sentences."),
        required=False,
        widget=lines(2),
    )
    intro_en = forms.CharField(
        label=gettext_lazy("Introduction in English"), required=False, widget=lines(2)
    )
    opened_on = forms.DateField(
        label=gettext_lazy("First day on which people join"), widget=DateInput()
    )
    shares_from = forms.DateField(
        label=gettext_lazy("Shares from"),
        help_text=gettext_lazy("The first roster is locked on or after this day. Empty: at once."),
        required=False,
        widget=DateInput(),
    )

    def __init__(self, *args: Any, plan: Plan | None = None, **kwargs: Any) -> None:
        if plan is not None:
            kwargs["initial"] = {name: getattr(plan, name) for name in PlanForm.base_fields}
        super().__init__(*args, **kwargs)
        if plan is not None:
            del self.fields["code"]


class NextForm(forms.Form):
    """A draft of the next version."""

    version = forms.CharField(
        label=gettext_lazy("Version"), help_text=gettext_lazy("Its name, such as 2022-01.")
    )
    effective_on = forms.DateField(
        label=gettext_lazy("Holds from"), widget=DateInput(),
        help_text=gettext_lazy("A change begins 30 days from its announcement at the earliest."),
    )  # fmt: skip
    source = VersionField(
        Rules.objects.none(),
        label=gettext_lazy("Copied from"),
        required=False,
        empty_label=gettext_lazy("the newest of this plan, or the usual terms"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = self.fields["source"]
        assert isinstance(source, VersionField)  # noqa: S101 - as declared above
        found = Rules.objects.published().select_related("plan")
        source.queryset = found.order_by("plan__code", "-effective_on")


class CloseForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Why the plan closes"),
        help_text=gettext_lazy("Every member reads it."),
        widget=lines(3),
    )
    typed = forms.CharField(
        label=gettext_lazy("Type the code of the plan"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class PublishForm(forms.Form):
    typed = forms.CharField(
        label=gettext_lazy("Type the version"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    def seen_at(self) -> datetime:
        return seen_at(self.cleaned_data["seen"])


def seen_at(text: str) -> datetime:
    """When the draft had last been changed as the page showed it. What is no instant matches none,
    so that the verb says that the draft has changed."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min  # noqa: DTZ901 - equal to no instant of a draft


# --- a draft of the rules


class DraftForm(forms.Form):
    """All that a draft is made of. `rules`: the draft; `before`: the version it follows."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    version = forms.CharField(label=gettext_lazy("Version"))
    effective_on = forms.DateField(label=gettext_lazy("Holds from"), widget=DateInput())
    summary_zh = forms.CharField(
        label=gettext_lazy("Summary in Chinese"), required=False, widget=lines(6),
        help_text=gettext_lazy("One sentence a line; five are read."),
    )  # fmt: skip
    summary_en = forms.CharField(
        label=gettext_lazy("Summary in English"), required=False, widget=lines(6)
    )
    change_zh = forms.CharField(
        label=gettext_lazy("What changes, in plain Chinese"), required=False, widget=lines(3)
    )
    change_en = forms.CharField(
        label=gettext_lazy("What changes, in plain English"), required=False, widget=lines(3)
    )

    def __init__(
        self, data: Any = None, *, rules: Rules, before: Rules | None, **kwargs: Any
    ) -> None:
        self.rules, self.before = rules, before
        self.illnesses = definitions.codes(rules.norm)
        super().__init__(data, initial=self._as_it_is(), **kwargs)
        for name in TERMS:
            if name == "diseases":
                self._add_diseases()
            else:
                self.fields[name] = field_of(name)
                self.fields[name].help_text = self._hint(name)
        self.rows = {"bands": self._count("bands"), "steps": self._count("steps")}
        for row in range(self.rows["bands"]):
            self._add_band(row)
        for row in range(self.rows["steps"]):
            self._add_step(row)

    def _as_it_is(self) -> dict[str, Any]:
        rules = self.rules
        found: dict[str, Any] = {name: getattr(rules, name) for name in TERMS}
        found |= {name: getattr(rules, name) for name in (*terms.TEXTS, "version", "effective_on")}
        found["seen"] = rules.drafted_at.isoformat() if rules.drafted_at else ""
        found["diseases"] = [ALL] if rules.diseases is None else rules.diseases
        for row, band in enumerate(rules.bands.order_by("-severity", "from_age")):
            for name in ("from_age", "to_age", "severity", "benefit_fen"):
                found[f"bands-{row}-{name}"] = getattr(band, name)
        for row, step in enumerate(rules.steps.order_by("from_days")):
            found[f"steps-{row}-from_days"] = step.from_days
            found[f"steps-{row}-numerator"] = (step.numerator, step.denominator)
        return found

    def _hint(self, name: str) -> str:
        """The value of the version before, and what an empty place means."""
        limit, said = LIMITS.get(name), []
        if limit is not None and limit.optional:
            said.append(_("Empty: %(none)s.") % {"none": TERMS[name].write(None)})
        if self.before is not None:
            now = TERMS[name].write(getattr(self.before, name))
            said.append(
                _("Version %(version)s: %(now)s.") % {"version": self.before.version, "now": now}
            )
        return " ".join(said)

    def _add_diseases(self) -> None:
        choices = [(code, definitions.name(self.rules.norm, code)) for code in self.illnesses]
        self.fields["diseases"] = forms.MultipleChoiceField(
            label=TERMS["diseases"].label,
            choices=[(ALL, _("all of the norm")), *choices],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text=_("After another norm was chosen, save once to see its illnesses."),
        )

    def _count(self, part: str) -> int:
        """How many rows the form has: those that came back, or those there are and some more."""
        if self.is_bound:
            found = {name.split("-")[1] for name in self.data if name.startswith(f"{part}-")}
            return min(
                MOST_ROWS, max((int(row) + 1 for row in found if _is_number(row)), default=0)
            )
        there = self.rules.bands if part == "bands" else self.rules.steps
        return there.count() + SPARE

    def _add_band(self, row: int) -> None:
        severities = [(code, rulebook.severity_word(code)) for code in definitions.SEVERITIES]
        self._add_row(
            f"bands-{row}",
            _("Benefit %(row)s") % {"row": row + 1},
            from_age=(_("from age"), forms.IntegerField),
            to_age=(_("to age"), forms.IntegerField),
            benefit_fen=(_("benefit in yuan"), YuanField),
        )
        self.fields[f"bands-{row}-severity"] = forms.ChoiceField(
            label=_("%(row)s: %(column)s")
            % {"row": _("Benefit %(row)s") % {"row": row + 1}, "column": _("severity")},
            choices=severities,
            required=False,
        )

    def _add_step(self, row: int) -> None:
        self._add_row(
            f"steps-{row}",
            _("Step %(row)s") % {"row": row + 1},
            from_days=(_("from so many days of cover"), forms.IntegerField),
            numerator=(_("part of the benefit"), PartField),
        )

    def _add_row(self, prefix: str, row: str, **columns: tuple[str, type[forms.Field]]) -> None:
        for name, (column, kind) in columns.items():
            label = _("%(row)s: %(column)s") % {"row": row, "column": column}
            widget = forms.TextInput(attrs=NUMBER)
            self.fields[f"{prefix}-{name}"] = kind(label=label, required=False, widget=widget)

    # --- what the page shows

    def halves(self) -> Iterator[tuple[Half, list[tuple[forms.BoundField, str]]]]:
        """The terms by half, each with its unit."""
        for half in Half:
            names = [name for name, term in TERMS.items() if term.half == half]
            yield half, [(self[name], _unit(name)) for name in names if name != "diseases"]

    def texts(self) -> list[forms.BoundField]:
        names = ["summary_zh", "summary_en"]
        if self.before is not None:
            names += ["change_zh", "change_en"]
        return [self[name] for name in names]

    def band_rows(self) -> list[list[forms.BoundField]]:
        columns = ("severity", "from_age", "to_age", "benefit_fen")
        return [[self[f"bands-{row}-{c}"] for c in columns] for row in range(self.rows["bands"])]

    def step_rows(self) -> list[list[forms.BoundField]]:
        columns = ("from_days", "numerator")
        return [[self[f"steps-{row}-{c}"] for c in columns] for row in range(self.rows["steps"])]

    # --- what it says

    def clean_diseases(self) -> list[str] | None:
        chosen: list[str] = self.cleaned_data["diseases"]
        return None if ALL in chosen else chosen

    def clean(self) -> None:
        for part, columns in _COLUMNS.items():
            for row in self._filled(part, columns):
                for column in columns:
                    name = f"{part}-{row}-{column}"
                    if self.cleaned_data.get(name) is None and name not in self.errors:
                        self.add_error(name, _("Fill in the whole row, or empty it."))

    def _filled(self, part: str, columns: tuple[str, ...]) -> list[int]:
        """The rows in which something stands."""
        return [
            row
            for row in range(self.rows[part])
            if any(str(self.data.get(f"{part}-{row}-{c}", "")).strip() for c in columns)
        ]

    def changes(self) -> dict[str, Any]:
        """For edit_rules. Another norm takes all of its illnesses until some are chosen."""
        found = {name: self.cleaned_data[name] for name in terms.EDITED if name in self.fields}
        if found["norm"] != self.rules.norm:
            found["diseases"] = None
        return found

    def bands(self) -> list[Band]:
        return [
            Band(**{name: self.cleaned_data[f"bands-{row}-{name}"] for name in Band.__slots__})
            for row in self._filled("bands", _COLUMNS["bands"])
        ]

    def steps(self) -> list[Step]:
        rows = self._filled("steps", _COLUMNS["steps"])
        return [
            Step(
                self.cleaned_data[f"steps-{row}-from_days"],
                *self.cleaned_data[f"steps-{row}-numerator"],
            )
            for row in rows
        ]

    def field_named(self, name: str | None) -> str | None:
        """A field that a verb has named, by its row in what was sent, as the form has it."""
        part, _dash, rest = (name or "").partition("-")
        if part not in _COLUMNS:
            return name
        row, _dash, column = rest.partition("-")
        return f"{part}-{self._filled(part, _COLUMNS[part])[int(row)]}-{column}"


# By which columns a row counts as filled.
_COLUMNS = {"bands": ("from_age", "to_age", "benefit_fen"), "steps": ("from_days", "numerator")}


def _unit(name: str) -> str:
    limit = LIMITS.get(name)
    return "" if limit is None or limit.only else str(UNITS[limit.kind])


# --- health questions


class NewQuestionsForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Version"), help_text=gettext_lazy("Its name, such as critical-2022-01.")
    )
    source = QuestionsField(
        QuestionSet.objects.order_by("-pk"),
        label=gettext_lazy("Copied from"),
        required=False,
        empty_label=gettext_lazy("nothing"),
    )
    asks_nothing = forms.BooleanField(
        label=gettext_lazy("It asks nothing: the plan has no health requirement"), required=False
    )


class QuestionsForm(forms.Form):
    """Every question of a set, and empty rows for more."""

    COLUMNS = ("code", "text_zh", "text_en", "hint_zh", "hint_en")

    def __init__(self, data: Any = None, *, questions: list[HealthQuestion], **kwargs: Any) -> None:
        initial = {
            f"questions-{row}-{column}": getattr(question, column)
            for row, question in enumerate(questions)
            for column in self.COLUMNS
        }
        super().__init__(data, initial=initial, **kwargs)
        self.count = self._count(len(questions) + SPARE)
        for row in range(self.count):
            for column in self.COLUMNS:
                self.fields[f"questions-{row}-{column}"] = self._field(row, column)

    def _count(self, shown: int) -> int:
        found = {name.split("-")[1] for name in self.data if name.startswith("questions-")}
        rows = (int(row) + 1 for row in found if _is_number(row))
        return min(MOST_ROWS, max(rows, default=0)) if self.is_bound else shown

    def _field(self, row: int, column: str) -> forms.Field:
        words = {
            "code": _("short name"),
            "text_zh": _("question in Chinese"),
            "text_en": _("question in English"),
            "hint_zh": _("hint in Chinese"),
            "hint_en": _("hint in English"),
        }
        label = _("%(row)s: %(column)s") % {"row": row + 1, "column": words[column]}
        widget = forms.TextInput() if column == "code" else lines(3)
        return forms.CharField(label=label, required=False, widget=widget)

    def question_rows(self) -> list[list[forms.BoundField]]:
        return [
            [self[f"questions-{row}-{column}"] for column in self.COLUMNS]
            for row in range(self.count)
        ]

    def _filled(self) -> list[int]:
        told = self.COLUMNS[1:]
        return [
            row
            for row in range(self.count)
            if any(self.cleaned_data[f"questions-{row}-{column}"] for column in told)
        ]

    def questions(self) -> list[dict[str, str]]:
        return [
            {column: self.cleaned_data[f"questions-{row}-{column}"] for column in self.COLUMNS}
            for row in self._filled()
        ]

    def field_named(self, name: str | None) -> str | None:
        """A field that the verb has named, by its row in what was sent, as the form has it."""
        part, _dash, rest = (name or "").partition("-")
        if part != "questions":
            return name
        row, _dash, column = rest.partition("-")
        return f"questions-{self._filled()[int(row)]}-{column}"


# --- invitations


class InviteForm(forms.Form):
    plan = forms.ModelChoiceField(Plan.objects.none(), label=gettext_lazy("Plan"), empty_label=None)
    uses_allowed = forms.IntegerField(
        label=gettext_lazy("How many people may use it"), min_value=1, initial=1
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Its last day"),
        help_text=gettext_lazy("Empty: it does not end."),
        required=False,
        widget=DateInput(),
    )
    note = forms.CharField(
        label=gettext_lazy("For whom it is"),
        help_text=gettext_lazy("For yourselves: whoever asks later finds it by this."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_invitation = Q(rules__admission=Rules.Admission.INVITATION)
        plan = self.fields["plan"]
        assert isinstance(plan, forms.ModelChoiceField)  # noqa: S101 - as declared above
        plan.queryset = Plan.objects.filter(by_invitation).distinct().order_by("pk")


def refusal_at(form: Any, name: str | None) -> str | None:
    """Where a refusal stands in a form: at its field, or above it."""
    found: str | None = form.field_named(name) if hasattr(form, "field_named") else name
    return found if found in form.fields else None
