"""Plans, rules and health questions on their way to being published: whatever a draft may have
changed in it, one verb each. What is published is closed by the database (members/models/plans.py).

Who changes a draft, its plan's names or its questions is kept as its drafter; somebody else
publishes it (members/actions/publishing.py). `seen_at` is when the draft had last been changed as
`by` saw it: a change that came between is not overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from members import policies, reference, terms
from members.models import (
    Account,
    BenefitBand,
    Declaration,
    HealthQuestion,
    Plan,
    QuestionSet,
    Rules,
    TenureStep,
)
from members.terms import Band, Step
from mutualaid.clock import day
from mutualaid.errors import Invalid, NotNow

PLAN_TEXTS = ("name_zh", "name_en", "intro_zh", "intro_en")
# What a copy does not take along.
_OWN = {"id", "plan_id", "version", "effective_on", "drafted_at", "drafted_by_id", "published_at",
        "published_by_id", "change_zh", "change_en"}  # fmt: skip


# --- plans


@transaction.atomic
def draft_plan(
    *,
    code: str,
    name_zh: str,
    name_en: str,
    opened_on: date,
    intro_zh: str = "",
    intro_en: str = "",
    shares_from: date | None = None,
    by: Account,
    at: datetime,
) -> Plan:
    """A plan to be set up. Nobody sees it or joins it before its first rules are published.

    Raises Invalid with the field for a code that is taken or none, a name that is missing, shares
    before the opening.
    """
    policies.check_staff(by, "members.add_plan")
    plan = Plan(code=code, opened_on=opened_on, shares_from=shares_from)
    for name, text in zip(PLAN_TEXTS, (name_zh, name_en, intro_zh, intro_en), strict=True):
        setattr(plan, name, text.strip())
    _check_plan(plan, at)
    plan.save()
    return plan


@transaction.atomic
def edit_plan(*, plan_id: int, by: Account, at: datetime, **changes: Any) -> Plan:
    """Other names, introduction, first days. Locks the plan. Raises NotNow once a version of its
    rules was published: people have read the names by then."""
    policies.check_staff(by, "members.change_plan")
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if Rules.objects.published().filter(plan=plan).exists():
        raise NotNow(_("Rules of this plan have been published. Its names and days stay."))
    for name in changes.keys() & {"opened_on", "shares_from", *PLAN_TEXTS}:
        value = changes[name]
        setattr(plan, name, value.strip() if isinstance(value, str) else value)
    _check_plan(plan, at)
    plan.save(update_fields=["opened_on", "shares_from", *PLAN_TEXTS])
    _sign(plan.rules.filter(published_at__isnull=True), by, at)
    return plan


def _check_plan(plan: Plan, at: datetime) -> None:
    if not terms.CODE.fullmatch(plan.code):
        raise Invalid(
            _("A code is made of small letters, digits and dashes; it stands in addresses."),
            field="code",
        )
    if Plan.objects.filter(code=plan.code).exclude(pk=plan.pk).exists():
        raise Invalid(_("Another plan has this code."), field="code")
    for name in ("name_zh", "name_en"):
        if not getattr(plan, name):
            raise Invalid(_("Name the plan in Chinese and in English."), field=name)
    if plan.opened_on < day(at):
        raise Invalid(_("A plan opens today or later."), field="opened_on")
    if plan.shares_from is not None and plan.shares_from < plan.opened_on:
        raise Invalid(_("Shares begin on the day of opening or later."), field="shares_from")


def _sign(drafts: QuerySet[Rules], by: Account, at: datetime) -> None:
    drafts.update(drafted_by=by, drafted_at=at)


# --- rules


@transaction.atomic
def draft_rules(
    *,
    plan_id: int,
    version: str,
    effective_on: date,
    source_id: int | None = None,
    by: Account,
    at: datetime,
) -> Rules:
    """A draft of the plan's next version, copied with bands and steps from the version `source_id`
    (of any plan, published), else from the plan's newest; for a first version from the defaults.
    Locks the plan. Raises Invalid with the field for a version or a day that is taken."""
    policies.check_staff(by, "members.add_rules")
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    source = _source(plan, source_id)
    copied = _columns(source) if source else {"question_set_id": reference.ensure_questions().pk}
    made = Rules(plan=plan, version=version, effective_on=effective_on, **copied)
    made.drafted_by, made.drafted_at = by, at
    if made.next_plan_id == plan.pk:
        made.next_plan = None
    _check_own(made, {"version": version, "effective_on": effective_on})
    made.save()
    if source is not None:
        _copy_parts(source, made)
    return made


def _source(plan: Plan, source_id: int | None) -> Rules | None:
    published = Rules.objects.published()
    if source_id is None:
        return published.filter(plan=plan).order_by("effective_on").last()
    found = published.filter(pk=source_id).first()
    if found is None:
        raise Invalid(_("This version is not there, or is a draft itself."), field="source")
    return found


def _columns(source: Rules) -> dict[str, Any]:
    columns = [field.attname for field in Rules._meta.concrete_fields]
    return {name: getattr(source, name) for name in columns if name not in _OWN}


def _copy_parts(source: Rules, made: Rules) -> None:
    _write_bands(made, (Band(b.from_age, b.to_age, b.severity, b.benefit_fen)
                        for b in source.bands.all()))  # fmt: skip
    _write_steps(made, (Step(s.from_days, s.numerator, s.denominator)
                        for s in source.steps.all()))  # fmt: skip


@transaction.atomic
def edit_rules(
    *,
    rules_id: int,
    by: Account,
    at: datetime,
    changes: Mapping[str, Any],
    bands: Sequence[Band] | None = None,
    steps: Sequence[Step] | None = None,
    seen_at: datetime | None = None,
) -> Rules:
    """Change a draft: `changes` by column of Rules (terms.EDITED); all its bands and all its steps,
    where given. All or nothing. Locks the draft.

    Raises NotNow for a published version and where somebody has changed the draft since `seen_at`,
    Invalid with the field ("fee_bp", "bands-2-to_age") for what cannot be.
    """
    policies.check_staff(by, "members.change_rules")
    rules = locked_draft(rules_id, seen_at)
    for name in changes.keys() & terms.EDITED:
        terms.check(name, changes[name])
        setattr(rules, name, changes[name])
    _check_own(rules, changes)
    terms.check_together(rules)
    rules.drafted_by, rules.drafted_at = by, at
    rules.save(update_fields=[*(changes.keys() & terms.EDITED), "drafted_by", "drafted_at"])
    if bands is not None:
        terms.check_bands(list(bands))
        rules.bands.all().delete()
        _write_bands(rules, bands)
    if steps is not None:
        terms.check_steps(list(steps))
        rules.steps.all().delete()
        _write_steps(rules, steps)
    return rules


def set_bands(
    *, rules_id: int, bands: Sequence[Band], by: Account, at: datetime
) -> Rules:  # fmt: skip
    """All benefits of a draft, by age and severity. See edit_rules."""
    return edit_rules(rules_id=rules_id, changes={}, bands=bands, by=by, at=at)


def set_steps(
    *, rules_id: int, steps: Sequence[Step], by: Account, at: datetime
) -> Rules:  # fmt: skip
    """All steps of a draft by length of membership. See edit_rules."""
    return edit_rules(rules_id=rules_id, changes={}, steps=steps, by=by, at=at)


def locked_draft(rules_id: int, seen_at: datetime | None = None) -> Rules:
    """The draft, its row locked. Raises NotNow for a published one, and for one that somebody has
    changed since `seen_at`."""
    found = Rules.objects.select_related("plan", "question_set", "drafted_by", "next_plan")
    rules = found.select_for_update(of=("self",)).filter(pk=rules_id).first()
    if rules is None:
        raise NotNow(_("This draft is not there any more. Somebody has discarded it."))
    if rules.published_at is not None:
        raise NotNow(
            _("Version %(version)s has been published and never changes. Draft the next one.")
            % {"version": rules.version}
        )
    if seen_at is not None and rules.drafted_at != seen_at:
        raise NotNow(
            _("%(who)s has changed this draft since you opened it. Reload the page and look again.")
            % {"who": rules.drafted_by}
        )
    return rules


def _check_own(rules: Rules, given: Mapping[str, Any]) -> None:
    """The name and the first day of a version are its own within the plan."""
    others = Rules.objects.filter(plan=rules.plan_id).exclude(pk=rules.pk)
    if "version" in given:
        terms.check("version", rules.version)
        if others.filter(version=rules.version).exists():
            raise Invalid(_("Another version of this plan has this name."), field="version")
    if "effective_on" in given and others.filter(effective_on=rules.effective_on).exists():
        raise Invalid(_("Another version of this plan begins on this day."), field="effective_on")


def _write_bands(rules: Rules, bands: Iterable[Band]) -> None:
    BenefitBand.objects.bulk_create(
        BenefitBand(
            rules=rules,
            from_age=band.from_age,
            to_age=band.to_age,
            severity=band.severity,
            benefit_fen=band.benefit_fen,
        )
        for band in bands
    )


def _write_steps(rules: Rules, steps: Iterable[Step]) -> None:
    TenureStep.objects.bulk_create(
        TenureStep(
            rules=rules,
            from_days=step.from_days,
            numerator=step.numerator,
            denominator=step.denominator,
        )
        for step in steps
    )


@transaction.atomic
def discard_draft(*, rules_id: int, by: Account, at: datetime) -> None:
    """A draft goes, with its bands and steps. Locks it. Raises NotNow for a published version."""
    policies.check_staff(by, "members.delete_rules")
    rules = locked_draft(rules_id)
    rules.bands.all().delete()
    rules.steps.all().delete()
    rules.delete()


# --- health questions


@transaction.atomic
def draft_questions(
    *,
    code: str,
    source_id: int | None = None,
    asks_nothing: bool = False,
    by: Account,
    at: datetime,
) -> QuestionSet:
    """A new version of the health questions, copied from another; or one that asks nothing, for a
    plan without a health requirement. Raises Invalid with the field "code" for one that is taken.
    """
    policies.check_staff(by, "members.add_questionset")
    if not terms.VERSION.fullmatch(code):
        raise Invalid(
            _("A version is named by digits, letters, dots and dashes, such as 2022-01."),
            field="code",
        )
    if QuestionSet.objects.filter(code=code).exists():
        raise Invalid(_("Other questions have this name."), field="code")
    source = QuestionSet.objects.filter(pk=source_id).first() if source_id else None
    if asks_nothing and source is not None:
        raise Invalid(_("What asks nothing copies no questions."), field="asks_nothing")
    made = QuestionSet.objects.create(code=code, asks_nothing=asks_nothing)
    copied = list(source.questions.all()) if source else []
    for question in copied:
        question.pk, question.question_set = None, made
    HealthQuestion.objects.bulk_create(copied)
    return made


@transaction.atomic
def edit_questions(
    *, question_set_id: int, questions: Sequence[Mapping[str, str]], by: Account, at: datetime
) -> QuestionSet:
    """All questions of a set, in their order: code, text_zh, text_en, hint_zh, hint_en each. One
    without a code gets one. Locks the drafts that use the set, and the set.

    Raises NotNow once it is in use, Invalid with the field ("questions-2-text_zh").
    """
    policies.check_staff(by, "members.change_questionset")
    drafts = Rules.objects.filter(question_set=question_set_id, published_at__isnull=True)
    list(drafts.select_for_update().order_by("pk"))
    asked = QuestionSet.objects.select_for_update(no_key=True).get(pk=question_set_id)
    if questions_in_use(asked):
        raise NotNow(_("These questions are in use and never change. Copy them to a new version."))
    if asked.asks_nothing and questions:
        raise NotNow(_("This version asks nothing, on purpose. Draft another for questions."))
    rows = [dict(question) for question in questions]
    _check_questions(rows)
    asked.questions.all().delete()
    HealthQuestion.objects.bulk_create(
        HealthQuestion(question_set=asked, place=place, **row)
        for place, row in enumerate(rows, start=1)
    )
    _sign(drafts, by, at)
    return asked


def questions_in_use(asked: QuestionSet) -> bool:
    """Whether a published version of rules uses them, or somebody has answered them."""
    return (
        Rules.objects.published().filter(question_set=asked).exists()
        or Declaration.objects.filter(question_set=asked).exists()
    )


def _check_questions(rows: list[dict[str, str]]) -> None:
    taken = {row.get("code", "") for row in rows}
    seen: set[str] = set()
    for place, row in enumerate(rows):
        row["code"] = row.get("code", "").strip() or _free_code(taken)
        taken.add(row["code"])
        if not terms.CODE.fullmatch(row["code"]) or row["code"] in seen:
            raise Invalid(
                _("The short name of a question is its own: small letters, digits, dashes."),
                field=f"questions-{place}-code",
            )
        seen.add(row["code"])
        if not row.get("text_zh", "").strip():
            raise Invalid(_("Write the question in Chinese."), field=f"questions-{place}-text_zh")


def _free_code(taken: set[str]) -> str:
    return next(code for n in range(1, 1000) if (code := f"question-{n}") not in taken)
