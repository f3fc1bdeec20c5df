"""What a draft of the rules still lacks before it can be published. Reads, and never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import definitions, rulebook, terms
from members.models import BenefitBand, Plan, Rules
from members.models.plans import DAYS_AHEAD
from mutualaid.errors import Invalid
from mutualaid.templatetags.look import day


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing, as a sentence, and the field of the draft's form where it is mended."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list of checks; it holds where nothing is lacking."""

    title: str
    lacks: list[Lack]


def checklist(rules: Rules, today: date) -> list[Check]:
    """Every check of a draft, by the order of its form."""
    return [Check(str(title), list(look(rules, today))) for title, look in CHECKS]


def missing(rules: Rules, today: date) -> list[Lack]:
    """All that the draft lacks."""
    return [lack for check in checklist(rules, today) for lack in check.lacks]


def before(rules: Rules) -> Rules | None:
    """The published version that this one follows, None for a plan's first."""
    older = Rules.objects.published().filter(plan=rules.plan_id).exclude(pk=rules.pk)
    return older.filter(effective_on__lte=rules.effective_on).order_by("effective_on").last()


def _first(rules: Rules) -> bool:
    return not Rules.objects.published().filter(plan=rules.plan_id).exclude(pk=rules.pk).exists()


def _names(rules: Rules, today: date) -> Iterator[Lack]:
    plan = rules.plan
    if not (plan.name_zh.strip() and plan.name_en.strip()):
        yield Lack("name_zh", _("The plan has no name in Chinese or none in English."))
    if bool(plan.intro_zh.strip()) != bool(plan.intro_en.strip()):
        yield Lack("intro_zh", _("The plan is introduced in one language alone."))


def _texts(rules: Rules, today: date) -> Iterator[Lack]:
    if not rules.summary_zh.strip():
        yield Lack("summary_zh", _("The summary in Chinese is missing."))
    if not rules.summary_en.strip():
        yield Lack("summary_en", _("The summary in English is missing."))
    if _first(rules):
        return
    if not rules.change_zh.strip():
        yield Lack("change_zh", _("Say in plain Chinese what changes."))
    if not rules.change_en.strip():
        yield Lack("change_en", _("Say in plain English what changes."))


def _days(rules: Rules, today: date) -> Iterator[Lack]:
    if not _first(rules):
        earliest = today + timedelta(days=DAYS_AHEAD)
        if rules.effective_on < earliest:
            yield Lack(
                "effective_on",
                _("A change is announced 30 days ahead: from today it can begin on %(day)s.")
                % {"day": day(earliest)},
            )
        return
    if rules.effective_on < today:
        yield Lack("effective_on", _("The first version begins today or later."))
    if rules.plan.opened_on < rules.effective_on:
        yield Lack(
            "effective_on",
            _("The plan opens on %(day)s, when these rules do not hold yet.")
            % {"day": day(rules.plan.opened_on)},
        )


def _terms(rules: Rules, today: date) -> Iterator[Lack]:
    """Terms that came with a copy and that the form would refuse."""
    for name in terms.LIMITS:
        yield from _refused(name, rules)
    yield from _refused("norm", rules)
    try:
        terms.check_together(rules)
    except Invalid as refusal:
        yield Lack(refusal.field or "", str(refusal))


def _refused(name: str, rules: Rules) -> Iterator[Lack]:
    try:
        terms.check(name, getattr(rules, name))
    except Invalid as refusal:
        yield Lack(name, str(refusal))


def _bands(rules: Rules, today: date) -> Iterator[Lack]:
    """One severity at least is complete, and so is every severity of an illness that is covered: a
    claim that is granted must find its sum."""
    found: dict[str, list[BenefitBand]] = {}
    for band in rules.bands.order_by("from_age"):
        found.setdefault(band.severity, []).append(band)
    needed = definitions.severities(rules.norm, rules.diseases)
    if not found:
        yield Lack("bands", _("No benefit is set."))
        return
    for severity in sorted({*needed, *found}, reverse=True):
        for sentence in _faults(found.get(severity, []), rules.min_age_years, rules.max_age_years):
            word = rulebook.severity_word(severity)
            words = {"severity": word, "what": sentence}
            yield Lack("bands", _("Benefit for %(severity)s: %(what)s") % words)


def _faults(bands: list[BenefitBand], low: int, high: int) -> Iterator[str]:
    """Gaps and overlaps of bands in the order of their ages, between the ages of the plan."""
    if not bands:
        yield _("none is set, and the rules cover such illnesses.")
        return
    if bands[0].from_age > low:
        yield _("none is set %(ages)s.") % {"ages": rulebook.ages(low, bands[0].from_age - 1)}
    for one, other in pairwise(bands):
        if other.from_age > one.to_age + 1:
            gap = rulebook.ages(one.to_age + 1, other.from_age - 1)
            yield _("none is set %(ages)s.") % {"ages": gap}
        if other.from_age <= one.to_age:
            twice = rulebook.ages(other.from_age, min(one.to_age, other.to_age))
            yield _("two are set %(ages)s.") % {"ages": twice}
    if (last := max(band.to_age for band in bands)) < high:
        yield _("none is set %(ages)s.") % {"ages": rulebook.ages(last + 1, high)}


def _steps(rules: Rules, today: date) -> Iterator[Lack]:
    steps = list(rules.steps.order_by("from_days"))
    if steps and steps[0].from_days != 0:
        yield Lack("steps", _("The first step of the benefit begins on day 0."))
    parts = [Fraction(step.numerator, step.denominator) for step in steps]
    if any(later <= earlier for earlier, later in pairwise(parts)):
        yield Lack("steps", _("The part of the benefit must rise from step to step."))


def _questions(rules: Rules, today: date) -> Iterator[Lack]:
    asked = rules.question_set
    questions = list(asked.questions.all())
    if not questions and not asked.asks_nothing:
        yield Lack(
            "question_set",
            _("The set of health questions is empty. Write them, or choose one that asks nothing."),
        )
    for question in questions:
        if not (question.text_zh.strip() and question.text_en.strip()):
            yield Lack(
                "question_set",
                _("Health question %(place)s has no text in Chinese or none in English.")
                % {"place": question.place},
            )


def _next(rules: Rules, today: date) -> Iterator[Lack]:
    after = rules.next_plan
    if after is not None and not Plan.objects.published().filter(pk=after.pk).exists():
        yield Lack("next_plan", _("The plan that is offered next has no published rules yet."))


CHECKS: list[tuple[object, Callable[[Rules, date], Iterator[Lack]]]] = [
    (gettext_lazy("Names in Chinese and English"), _names),
    (gettext_lazy("The day from which it holds"), _days),
    (gettext_lazy("Summary and change in plain words, in both languages"), _texts),
    (gettext_lazy("Each term within its limits"), _terms),
    (gettext_lazy("A benefit for every age and every illness covered"), _bands),
    (gettext_lazy("The benefit by length of membership rises from day 0"), _steps),
    (gettext_lazy("Health questions, or none on purpose"), _questions),
    (gettext_lazy("The plan offered past the highest age"), _next),
]
