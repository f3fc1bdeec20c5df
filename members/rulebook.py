"""Two versions of the rules side by side: what changes, in words, and what it means for a member.

Reads, and never writes. Every term of Rules has a word here; tests/members/test_rulebook.py finds
the one that has none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from django.db.models import Model, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from members.models import Plan, QuestionSet, Rules
from mutualaid.money import yuan
from mutualaid.templatetags.look import number

# The name of a disease: (norm, code) to words. The definitions are data of another room.
DiseaseName = Callable[[str, str], str]


class Half(TextChoices):
    """Whose terms: of the cover, of the money, of the jury, of the way in (design §5)."""

    COVER = "cover", gettext_lazy("Terms of cover")
    MONEY = "money", gettext_lazy("Terms of money")
    JURY = "jury", gettext_lazy("The jury")
    ADMISSION = "admission", gettext_lazy("The way in and out")


@dataclass(frozen=True, slots=True)
class Change:
    """One term that differs. `old` and `new` carry their unit; `meaning` is a sentence."""

    field: str
    half: Half
    label: str
    old: str
    new: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Term:
    """How a column of Rules is written, and what its change means (%(old)s, %(new)s)."""

    half: Half
    label: Any
    write: Callable[[Any], str]
    meaning: Any


# --- units -------------------------------------------------------------------------------------


def days(n: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}


def hours(n: int) -> str:
    return ngettext("%(n)s hour", "%(n)s hours", n) % {"n": n}


def years(n: int) -> str:
    return ngettext("%(n)s year", "%(n)s years", n) % {"n": n}


def people(n: int | None) -> str:
    return _("no limit") if n is None else _("%(count)s people") % {"count": number(n)}


def sum_of(fen: int | None) -> str:
    return _("no limit") if fen is None else _("%(sum)s yuan") % {"sum": yuan(fen)}


def percent(basis_points: int) -> str:
    """Basis points as per cent: 850 is "8.5 %"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + " %"


def points(n: int | None) -> str:
    return _("none asked") if n is None else _("%(n)s points") % {"n": n}


def optional(unit: Callable[[int], str]) -> Callable[[int | None], str]:
    """The unit, or “none” where the rules leave it out."""
    return lambda n: _("none") if n is None else unit(n)


def yes_no(value: bool) -> str:
    return _("yes") if value else _("no")


def plan_name(plan: Plan | None) -> str:
    return _("none") if plan is None else plan.name


def admission(code: str) -> str:
    return str(Rules.Admission(code).label)


def question_set(questions: QuestionSet) -> str:
    n = len(questions.questions.all()) if questions.pk else 0
    asked = ngettext("%(n)s question", "%(n)s questions", n) % {"n": n}
    return _("%(asked)s, version %(code)s") % {"asked": asked, "code": questions.code}


# --- the words of each term ---------------------------------------------------------------------

COVER, MONEY, JURY, WAY = Half.COVER, Half.MONEY, Half.JURY, Half.ADMISSION

# By column of Rules, in the order in which a page lists them.
TERMS: dict[str, Term] = {
    "norm": Term(
        COVER,
        gettext_lazy("Definitions of the illnesses"),
        lambda norm: _("norm of %(norm)s") % {"norm": norm},
        gettext_lazy(
            "What is first diagnosed from then on is judged by the %(new)s, no longer by the"
            " %(old)s."
        ),
    ),
    "diseases": Term(
        COVER,
        gettext_lazy("Illnesses covered"),
        str,  # written by `_diseases`, which knows their names
        gettext_lazy("What is first diagnosed from then on is covered as follows. %(what)s"),
    ),
    "accidents_only": Term(
        COVER,
        gettext_lazy("Accidents alone"),
        yes_no,
        gettext_lazy(
            "Whether accidents alone are covered changes from “%(old)s” to “%(new)s”, for what"
            " happens from then on."
        ),
    ),
    "min_age_days": Term(
        COVER,
        gettext_lazy("Lowest age of a child, in days"),
        days,
        gettext_lazy(
            "A child joins from the age of %(new)s. Nothing changes for those who are in."
        ),
    ),
    "min_age_years": Term(
        COVER,
        gettext_lazy("Lowest age on joining"),
        years,
        gettext_lazy("New members are at least %(new)s old. Nothing changes for those who are in."),
    ),
    "max_age_years": Term(
        COVER,
        gettext_lazy("Highest age"),
        years,
        gettext_lazy("Cover ends on the birthday after %(new)s, no longer after %(old)s."),
    ),
    "waiting_days": Term(
        COVER,
        gettext_lazy("Waiting period for illness"),
        days,
        gettext_lazy(
            "Who joins from then on waits %(new)s. Who is in already keeps their own date."
        ),
    ),
    "waiting_longer_from_age": Term(
        COVER,
        gettext_lazy("Age from which one waits longer"),
        optional(years),
        gettext_lazy(
            "Who joins from then on waits longer from this age: %(new)s. Who is in already keeps"
            " their own date."
        ),
    ),
    "waiting_longer_days": Term(
        COVER,
        gettext_lazy("The longer waiting period"),
        optional(days),
        gettext_lazy(
            "Who joins from then on, at that age, waits: %(new)s. Who is in already keeps their own"
            " date."
        ),
    ),
    "claim_window_days": Term(
        COVER,
        gettext_lazy("Time to ask for the benefit"),
        days,
        gettext_lazy(
            "What is first diagnosed from then on must be reported within %(new)s instead of"
            " %(old)s."
        ),
    ),
    "decision_days": Term(
        COVER,
        gettext_lazy("Time for the decision"),
        days,
        gettext_lazy(
            "A claim for what is first diagnosed from then on is decided within %(new)s of the last"
            " paper, instead of %(old)s."
        ),
    ),
    "appeal_days": Term(
        COVER,
        gettext_lazy("Time to appeal"),
        days,
        gettext_lazy("Who is refused can go before the jury for %(new)s instead of %(old)s."),
    ),
    "reinstatement_days": Term(
        COVER,
        gettext_lazy("Time to come back after unpaid shares"),
        days,
        gettext_lazy(
            "Whose membership ended because a share was not paid can come back for %(new)s without"
            " waiting again, instead of %(old)s."
        ),
    ),
    "next_plan": Term(
        COVER,
        gettext_lazy("Plan offered past the highest age"),
        plan_name,
        gettext_lazy("Who grows too old for this plan is offered: %(new)s. Before: %(old)s."),
    ),
    "next_plan_waits": Term(
        COVER,
        gettext_lazy("Waiting again in the plan after it"),
        yes_no,
        gettext_lazy(
            "Whether one waits again on going over to that plan changes from “%(old)s” to"
            " “%(new)s”."
        ),
    ),
    "fee_bp": Term(
        MONEY,
        gettext_lazy("Fee"),
        percent,
        gettext_lazy(
            "On top of the benefits comes a fee of %(new)s instead of %(old)s; it is part of your"
            " share."
        ),
    ),
    "case_cap_fen": Term(
        MONEY,
        gettext_lazy("At most for one case"),
        sum_of,
        gettext_lazy(
            "For one case you pay at most: %(new)s. Before: %(old)s. The operator bears the rest."
        ),
    ),
    "annual_cap_fen": Term(
        MONEY,
        gettext_lazy("At most in a year"),
        sum_of,
        gettext_lazy(
            "In a calendar year you pay at most: %(new)s. Before: %(old)s. The operator bears the"
            " rest."
        ),
    ),
    "advance_limit_fen": Term(
        MONEY,
        gettext_lazy("What the operator advances for unpaid shares"),
        sum_of,
        gettext_lazy(
            "Payouts go on while less than %(new)s is advanced for shares not yet paid, instead of"
            " %(old)s."
        ),
    ),
    "debit_days": Term(
        MONEY,
        gettext_lazy("Days on which a failed debit is tried again"),
        days,
        gettext_lazy(
            "A share that could not be debited can still be paid for %(new)s instead of %(old)s;"
            " then the membership ends."
        ),
    ),
    "payout_days": Term(
        MONEY,
        gettext_lazy("Payment of the benefit"),
        days,
        gettext_lazy("The benefit is paid within %(new)s of the split instead of %(old)s."),
    ),
    "dissolution_members": Term(
        MONEY,
        gettext_lazy("Members below which the plan closes"),
        people,
        gettext_lazy("The plan closes when it has fewer members than: %(new)s. Before: %(old)s."),
    ),
    "dissolution_after_days": Term(
        MONEY,
        gettext_lazy("After the opening, days in which the number does not count"),
        days,
        gettext_lazy(
            "How many members the plan has counts for its closing %(new)s after it opened, no"
            " longer %(old)s."
        ),
    ),
    "dissolution_days": Term(
        MONEY,
        gettext_lazy("From closing to the end of the plan"),
        days,
        gettext_lazy("If the plan closes, cover goes on for %(new)s instead of %(old)s."),
    ),
    "mandate_days": Term(
        MONEY,
        gettext_lazy("How long an agreement to pay lasts"),
        days,
        gettext_lazy("An agreement to pay given from then on lasts %(new)s instead of %(old)s."),
    ),
    "panel_size": Term(
        JURY,
        gettext_lazy("Jurors of a case"),
        people,
        gettext_lazy("A case before the jury is judged by %(new)s instead of %(old)s."),
    ),
    "quorum": Term(
        JURY,
        gettext_lazy("Votes needed"),
        people,
        gettext_lazy(
            "The vote of a jury counts when at least %(new)s have voted, instead of %(old)s."
        ),
    ),
    "voting_hours": Term(
        JURY,
        gettext_lazy("Time to vote"),
        hours,
        gettext_lazy("Jurors have %(new)s to vote instead of %(old)s."),
    ),
    "extension_hours": Term(
        JURY,
        gettext_lazy("Extension of the vote"),
        hours,
        gettext_lazy("If too few have voted, the vote goes on for %(new)s instead of %(old)s."),
    ),
    "juror_membership_days": Term(
        JURY,
        gettext_lazy("Membership before one can be a juror"),
        days,
        gettext_lazy("Who has been a member for %(new)s can be a juror; before it was %(old)s."),
    ),
    "admission": Term(
        WAY,
        gettext_lazy("Who may join"),
        admission,
        gettext_lazy("From then on the plan is %(new)s. Nothing changes for those who are in."),
    ),
    "min_score": Term(
        WAY,
        gettext_lazy("Score asked on joining"),
        points,
        gettext_lazy(
            "The score asked of new members: %(new)s. Nothing changes for those who are in."
        ),
    ),
    "ceiling_members": Term(
        WAY,
        gettext_lazy("Largest number of members"),
        people,
        gettext_lazy(
            "New members are taken up to this number: %(new)s. Nothing changes for those who are"
            " in."
        ),
    ),
    "question_set": Term(
        WAY,
        gettext_lazy("Health questions"),
        question_set,
        gettext_lazy(
            "Who joins from then on answers these questions. What you have declared stays as it"
            " is. %(what)s"
        ),
    ),
    "join_undo_days": Term(
        WAY,
        gettext_lazy("Time to undo joining"),
        days,
        gettext_lazy("Who joins from then on can undo it for %(new)s instead of %(old)s."),
    ),
    "leave_undo_days": Term(
        WAY,
        gettext_lazy("Time to take leaving back"),
        days,
        gettext_lazy("Leaving can be taken back for %(new)s instead of %(old)s."),
    ),
}
# What is no term: who and when, and the texts that stand beside the comparison.
_TEXTS = ("summary_zh", "summary_en", "change_zh", "change_en")
_WHO = ("drafted_at", "drafted_by", "published_at", "published_by")
NO_TERMS = frozenset(["id", "plan", "version", "effective_on", *_WHO, *_TEXTS])
# What belongs to a version in rows of its own, each compared by a function below.
PARTS = frozenset(["bands", "steps"])


def described(rules: Rules, *, disease_name: DiseaseName) -> list[dict[str, Any]]:
    """A whole version in words: for each half its title and rows of label and value."""
    rows: dict[Half, list[dict[str, str]]] = {half: [] for half in Half}
    for band in rules.bands.all():
        label = _("Benefit: %(severity)s, %(ages)s") % {
            "severity": severity_word(band.severity),
            "ages": ages(band.from_age, band.to_age),
        }
        rows[COVER].append({"label": label, "value": granted(band.benefit_fen)})
    tenure = {"label": _("Benefit by length of membership"), "value": steps_in_words(rules)}
    rows[COVER].append(tenure)
    for name, term in TERMS.items():
        value = getattr(rules, name)
        text = _diseases(rules, disease_name) if name == "diseases" else term.write(value)
        rows[term.half].append({"label": str(term.label), "value": text})
    return [{"half": half, "title": half.label, "rows": rows[half]} for half in Half]


# --- the comparison -----------------------------------------------------------------------------


def changes(
    old: Rules, new: Rules, *, disease_name: DiseaseName = lambda _norm, code: code
) -> list[Change]:
    """What is different in `new`, terms of cover first. Reads bands, steps and questions too."""
    found = [
        *chain.from_iterable(_of_term(name, old, new, disease_name) for name in TERMS),
        *_bands(old, new),
        *_steps(old, new),
    ]
    order = list(Half)
    return sorted(found, key=lambda change: order.index(change.half))


def _of_term(name: str, old: Rules, new: Rules, disease_name: DiseaseName) -> list[Change]:
    before, after = getattr(old, name), getattr(new, name)
    if before == after:
        return []
    term = TERMS[name]
    if name == "diseases":
        written = (_diseases(old, disease_name), _diseases(new, disease_name))
    else:
        written = (term.write(before), term.write(after))
    words = {"old": written[0], "new": written[1], "what": _what(name, old, new, disease_name)}
    meaning = (str(term.meaning) % words).strip()
    return [Change(name, term.half, str(term.label), *written, meaning)]


def _what(name: str, old: Rules, new: Rules, disease_name: DiseaseName) -> str:
    if name == "diseases":
        return _diseases_differ(old, new, disease_name)
    return _questions_differ(old.question_set, new.question_set) if name == "question_set" else ""


def _diseases(rules: Rules, disease_name: DiseaseName) -> str:
    if rules.diseases is None:
        return _("all of the norm")
    return _listed(disease_name(rules.norm, code) for code in rules.diseases)


def _diseases_differ(old: Rules, new: Rules, disease_name: DiseaseName) -> str:
    if old.diseases is None or new.diseases is None:
        return _("Before: %(old)s. From then on: %(new)s.") % {
            "old": _diseases(old, disease_name),
            "new": _diseases(new, disease_name),
        }
    more = [code for code in new.diseases if code not in old.diseases]
    gone = [code for code in old.diseases if code not in new.diseases]
    return _sentences(
        (_("Covered in addition: %(list)s."), [disease_name(new.norm, code) for code in more]),
        (_("No longer covered: %(list)s."), [disease_name(old.norm, code) for code in gone]),
    )


def _questions_differ(old: QuestionSet, new: QuestionSet) -> str:
    if not (old.pk and new.pk):
        return ""
    before = {question.code: question for question in old.questions.all()}
    after = {question.code: question for question in new.questions.all()}
    anew = [c for c in after if c in before and after[c].text_zh != before[c].text_zh]
    return _sentences(
        (_("Asked in addition: %(list)s"), [after[c].text for c in after if c not in before]),
        (_("No longer asked: %(list)s"), [before[c].text for c in before if c not in after]),
        (_("Worded anew: %(list)s"), [after[c].text for c in anew]),
    )


def _sentences(*parts: tuple[str, list[str]]) -> str:
    return " ".join(words % {"list": _listed(names)} for words, names in parts if names)


def _listed(names: Iterable[str]) -> str:
    return _(", ").join(names)


# --- bands and steps ----------------------------------------------------------------------------


def severity_word(code: str) -> str:
    """The severity of an illness in words; an unknown code is shown as it is."""
    words = {"severe": _("serious illness"), "mild": _("milder illness")}
    return words.get(code, code)


def ages(low: int, high: int) -> str:
    """A range of whole years in words."""
    return _("aged %(low)s to %(high)s") % {"low": low, "high": high}


def granted(fen: int | None) -> str:
    """A benefit in words; None: there is none for this age."""
    return _("nothing") if fen is None else _("%(sum)s yuan") % {"sum": yuan(fen)}


def _bands(old: Rules, new: Rules) -> list[Change]:
    before, after = _by_severity(old), _by_severity(new)
    return [
        Change(
            "bands",
            COVER,
            _("Benefit: %(severity)s, %(ages)s")
            % {"severity": severity_word(severity), "ages": ages(low, high)},
            granted(was),
            granted(becomes),
            _(
                "For what is first diagnosed from then on, at this age, the benefit is: %(new)s."
                " Before: %(old)s."
            )
            % {"new": granted(becomes), "old": granted(was)},
        )
        for severity in sorted({*before, *after}, reverse=True)
        for low, high, was, becomes in pieces(before.get(severity, []), after.get(severity, []))
        if was != becomes
    ]


Band = tuple[int, int, int]  # from age, to age, fen


def _by_severity(rules: Rules) -> dict[str, list[Band]]:
    found: dict[str, list[Band]] = {}
    for band in rules.bands.all() if rules.pk else ():
        found.setdefault(band.severity, []).append((band.from_age, band.to_age, band.benefit_fen))
    return found


def pieces(before: list[Band], after: list[Band]) -> list[tuple[int, int, int | None, int | None]]:
    """The ages of both lists cut where either changes: (from, to, fen before, fen after). Ages that
    belong to neither are left out; neighbours that agree in both sums are one piece."""
    cuts = sorted({edge for low, high, _fen in before + after for edge in (low, high + 1)})
    joined: list[tuple[int, int, int | None, int | None]] = []
    for low, next_low in pairwise(cuts):
        both = _at(before, low), _at(after, low)
        if both == (None, None):
            continue
        goes_on = joined and joined[-1][1:] == (low - 1, *both)
        first = joined.pop()[0] if goes_on else low
        joined.append((first, next_low - 1, *both))
    return joined


def _at(bands: list[Band], age: int) -> int | None:
    return next((fen for low, high, fen in bands if low <= age <= high), None)


def steps_in_words(rules: Rules) -> str:
    """How the benefit rises with tenure: "1/3 from day 0, 2/3 from day 180"."""
    steps = list(rules.steps.all()) if rules.pk else []
    if not steps:
        return _("the whole benefit from the first day of cover")
    return _(", ").join(
        _("%(part)s after %(days)s of cover")
        % {"part": f"{step.numerator}/{step.denominator}", "days": days(step.from_days)}
        for step in steps
    )


def _steps(old: Rules, new: Rules) -> list[Change]:
    was, becomes = steps_in_words(old), steps_in_words(new)
    if was == becomes:
        return []
    meaning = _(
        "For what is first diagnosed from then on, this part of the benefit is granted:"
        " %(new)s. Before: %(old)s."
    ) % {"new": becomes, "old": was}
    return [Change("steps", COVER, _("Benefit by length of membership"), was, becomes, meaning)]


# --- the fingerprint ---------------------------------------------------------------------------


def digest(rules: Rules) -> str:
    """SHA-256 in hex of a published version: every term, the texts, bands and steps, as canonical
    JSON. A term that is empty is left out: one that is thought of later changes no old digest."""
    whole = _said(rules) | {
        "plan": rules.plan.code,
        "question_set": rules.question_set.code,
        "next_plan": rules.next_plan.code if rules.next_plan else "",
        "bands": [_said(band) for band in rules.bands.order_by("pk")],
        "steps": [_said(step) for step in rules.steps.order_by("pk")],
    }
    plain = json.dumps(whole, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(plain.encode()).hexdigest()


def _said(row: Model) -> dict[str, Any]:
    """The columns of a row that say something: no ids, nothing empty."""
    columns = [f.attname for f in row._meta.concrete_fields if not (f.primary_key or f.is_relation)]
    found = {name: getattr(row, name) for name in columns}
    return {name: value for name, value in found.items() if value not in (None, "")}
