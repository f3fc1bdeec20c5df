"""What a term of the rules may be: its kind, its least and its most. Words are in rulebook.TERMS.

Reads, and never writes. Limits are those of the rules that peers have had (domain.md §1a, §1e),
widely drawn; the database holds the few that must never be broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from members import definitions
from members.models import Rules
from members.rulebook import TERMS
from mutualaid.errors import Invalid
from mutualaid.money import MOST_FEN

OLDEST = 120  # years
MOST = 2**31 - 1  # what the column holds
WAITS = (0, 90, 180, 365)  # days, domain.md §1a, §1e
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")  # it stands in addresses
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")


@dataclass(frozen=True, slots=True)
class Limit:
    """A whole number of this kind (days, hours, years, people, points, percent in basis points,
    yuan in fen) from `least` to `most`, or one of `only`; `optional`: it may be left out."""

    kind: str
    least: int
    most: int
    optional: bool = False
    only: tuple[int, ...] = ()


LIMITS: dict[str, Limit] = {
    "min_age_days": Limit("days", 0, 365),
    "min_age_years": Limit("years", 0, OLDEST),
    "max_age_years": Limit("years", 0, OLDEST),
    "waiting_days": Limit("days", 0, 365, only=WAITS),
    "waiting_longer_from_age": Limit("years", 1, OLDEST, optional=True),
    "waiting_longer_days": Limit("days", 1, 730, optional=True),
    "claim_window_days": Limit("days", 30, 1095),
    "decision_days": Limit("days", 7, 90),
    "appeal_days": Limit("days", 7, 365),
    "reinstatement_days": Limit("days", 0, 365),
    "fee_bp": Limit("percent", 0, 1000),
    "case_cap_fen": Limit("yuan", 1, MOST_FEN, optional=True),
    "annual_cap_fen": Limit("yuan", 1, MOST_FEN, optional=True),
    "advance_limit_fen": Limit("yuan", 0, MOST_FEN),
    "debit_days": Limit("days", 1, 30),
    "payout_days": Limit("days", 1, 90),
    "dissolution_members": Limit("people", 1, MOST, optional=True),
    "dissolution_after_days": Limit("days", 0, 1095),
    "dissolution_days": Limit("days", 30, 1095),
    "mandate_days": Limit("days", 30, 1825),
    "panel_size": Limit("people", 1, 501),
    "quorum": Limit("people", 1, 501),
    "voting_hours": Limit("hours", 1, 720),
    "extension_hours": Limit("hours", 0, 720),
    "juror_membership_days": Limit("days", 0, 1095),
    "min_score": Limit("points", 1, 1000, optional=True),
    "ceiling_members": Limit("people", 1, MOST, optional=True),
    "join_undo_days": Limit("days", 0, 90),
    "leave_undo_days": Limit("days", 0, 90),
}
TEXTS = ("summary_zh", "summary_en", "change_zh", "change_en")
EDITED = frozenset([*TERMS, *TEXTS, "version", "effective_on"])


def check(name: str, value: Any) -> None:
    """Raises Invalid with the name of the field unless the value is one of this column alone."""
    limit = LIMITS.get(name)
    if limit is not None:
        _check_number(name, limit, value)
    elif name == "version" and not VERSION.fullmatch(value):
        raise Invalid(
            _("A version is named by digits, letters, dots and dashes, such as 2022-01."),
            field=name,
        )
    elif name == "norm" and value not in definitions.norms():
        raise Invalid(_("There are no definitions of this norm."), field=name)


def _check_number(name: str, limit: Limit, value: int | None) -> None:
    write, label = TERMS[name].write, str(TERMS[name].label)
    if value is None and limit.optional:
        return
    if value is None:
        raise Invalid(_("%(label)s: write a number.") % {"label": label}, field=name)
    if limit.only and value not in limit.only:
        listed = _(", ").join(write(each) for each in limit.only)
        raise Invalid(
            _("%(label)s: choose one of these: %(only)s.") % {"label": label, "only": listed},
            field=name,
        )
    if not limit.least <= value <= limit.most:
        words = {"label": label, "least": write(limit.least), "most": write(limit.most)}
        raise Invalid(_("%(label)s: from %(least)s to %(most)s.") % words, field=name)


def check_together(rules: Rules) -> None:
    """Raises Invalid where terms do not go together; each sentence names the field to change."""
    if rules.max_age_years < rules.min_age_years:
        raise Invalid(_("The highest age is below the lowest."), field="max_age_years")
    if rules.quorum > rules.panel_size:
        raise Invalid(_("More votes are needed than a case has jurors."), field="quorum")
    _check_longer_wait(rules)
    _check_score(rules)
    _check_diseases(rules)
    if rules.next_plan_id is not None and rules.next_plan_id == rules.plan_id:
        raise Invalid(_("A plan does not lead on to itself."), field="next_plan")


def _check_longer_wait(rules: Rules) -> None:
    if (rules.waiting_longer_from_age is None) != (rules.waiting_longer_days is None):
        raise Invalid(
            _("Who waits longer needs both an age and a number of days, or neither."),
            field="waiting_longer_days",
        )
    if rules.waiting_longer_days is not None and rules.waiting_longer_days < rules.waiting_days:
        raise Invalid(
            _("The longer waiting period is shorter than the common one."),
            field="waiting_longer_days",
        )


def _check_score(rules: Rules) -> None:
    asks = rules.admission == Rules.Admission.SCORE
    if asks and rules.min_score is None:
        raise Invalid(_("Write the score that is asked of new members."), field="min_score")
    if not asks and rules.min_score is not None:
        raise Invalid(
            _("A score is asked only where “who may join” says so. Leave it out, or change that."),
            field="min_score",
        )


def _check_diseases(rules: Rules) -> None:
    if rules.diseases is None:
        return
    strange = sorted(set(rules.diseases) - set(definitions.codes(rules.norm)))
    if strange:
        raise Invalid(
            _("The %(norm)s has no definition of: %(codes)s. Choose among its illnesses.")
            % {"norm": TERMS["norm"].write(rules.norm), "codes": ", ".join(strange)},
            field="diseases",
        )
    if not rules.diseases:
        raise Invalid(_("Choose at least one illness, or all of the norm."), field="diseases")


@dataclass(frozen=True, slots=True)
class Band:
    """So much, in fen, for a first diagnosis at these ages, in whole years."""

    from_age: int
    to_age: int
    severity: str
    benefit_fen: int


@dataclass(frozen=True, slots=True)
class Step:
    """From so many days of cover on, this part of the benefit."""

    from_days: int
    numerator: int
    denominator: int


def check_bands(bands: list[Band]) -> None:
    """Raises Invalid for a row that is none by itself; the field is "bands-ROW-COLUMN"."""
    seen = set()
    for row, band in enumerate(bands):
        if not 0 <= band.from_age <= OLDEST:
            _refuse_row("bands", row, "from_age", _("An age is a number from 0 to 120."))
        if not band.from_age <= band.to_age <= OLDEST:
            _refuse_row("bands", row, "to_age", _("The band ends before it begins."))
        if band.severity not in definitions.SEVERITIES:
            _refuse_row("bands", row, "severity", _("Choose how serious the illness is."))
        if not 0 < band.benefit_fen <= MOST_FEN:
            _refuse_row("bands", row, "benefit_fen", _("A benefit is more than 0 yuan."))
        if (band.from_age, band.severity) in seen:
            _refuse_row("bands", row, "from_age", _("Two bands begin at this age."))
        seen.add((band.from_age, band.severity))


def check_steps(steps: list[Step]) -> None:
    """Raises Invalid for a row that is none by itself; the field is "steps-ROW-COLUMN"."""
    seen = set()
    for row, step in enumerate(steps):
        if not 0 <= step.from_days <= MOST:
            _refuse_row("steps", row, "from_days", _("Days are a number from 0 on."))
        if not 1 <= step.numerator <= step.denominator <= 100:  # noqa: PLR2004
            words = _("A part is a fraction such as 1/3, and never more than the whole.")
            _refuse_row("steps", row, "numerator", words)
        if step.from_days in seen:
            _refuse_row("steps", row, "from_days", _("Two steps begin on this day."))
        seen.add(step.from_days)


def _refuse_row(part: str, row: int, column: str, sentence: str) -> None:
    raise Invalid(sentence, field=f"{part}-{row}-{column}")
