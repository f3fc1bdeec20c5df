"""The way into a plan: rules read, questions answered, membership made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from members import places, policies, rules
from members.actions.notifying import facts_of, notify
from members.actions.sealing import open_sealed, seal
from members.models import (
    Account,
    Declaration,
    HealthQuestion,
    JoinDraft,
    Member,
    Membership,
    Plan,
    RuleConsent,
    Rules,
)
from members.reference import ANSWERS
from mutualaid.clock import day
from mutualaid.errors import Invalid, NotNow
from mutualaid.sequences import next_id


@transaction.atomic
def read_rules(*, member_id: int, plan_id: int, by: Account, at: datetime) -> JoinDraft:
    """Keep that the rules were read, on the way to joining."""
    policies.check_acts_for(by, member_id)
    draft = _locked_draft(member_id, plan_id, at)
    if draft.rules_read_at is None:
        draft.rules_read_at = draft.changed_at = at
        draft.save(update_fields=["rules_read_at", "changed_at"])
    return draft


@transaction.atomic
def save_answer(
    *, member_id: int, plan_id: int, code: str, answer: str, by: Account, at: datetime
) -> JoinDraft:
    """Keep one answer (no, yes, unsure) to one health question, sealed. Locks the draft.

    Raises Invalid (field "answer") for another answer and for a question not asked.
    """
    policies.check_acts_for(by, member_id)
    in_force = Rules.objects.in_force(Plan.objects.get(pk=plan_id), day(at))
    asked = HealthQuestion.objects.filter(question_set=in_force.question_set_id, code=code)
    if answer not in ANSWERS or not asked.exists():
        raise Invalid(
            _("Choose an answer. If you are not sure, choose “not sure”."), field="answer"
        )
    draft = _locked_draft(member_id, plan_id, at)
    answers = _draft_answers(draft, by, at) | {code: answer}
    draft.answers_sealed = seal(
        member_id=member_id, text=places.written(answers), where=places.draft(draft.pk)
    )
    draft.changed_at = at
    draft.save(update_fields=["answers_sealed", "changed_at"])
    return draft


@transaction.atomic
def draft_answers(*, member_id: int, plan_id: int, by: Account, at: datetime) -> dict[str, str]:
    """The answers kept so far, {question code: answer}. A read of health data: it is recorded."""
    policies.check_acts_for(by, member_id)
    draft = JoinDraft.objects.filter(member_id=member_id, plan_id=plan_id).first()
    return _draft_answers(draft, by, at) if draft else {}


def _locked_draft(member_id: int, plan_id: int, at: datetime) -> JoinDraft:
    JoinDraft.objects.get_or_create(
        member_id=member_id, plan_id=plan_id, defaults={"changed_at": at}
    )
    return JoinDraft.objects.select_for_update().get(member_id=member_id, plan_id=plan_id)


def _draft_answers(draft: JoinDraft, by: Account, at: datetime) -> dict[str, str]:
    if draft.answers_sealed is None:
        return {}
    answers: dict[str, str] = json.loads(
        open_sealed(
            member_id=draft.member_id,
            sealed=draft.answers_sealed,
            where=places.draft(draft.pk),
            what="draft",
            by=by,
            why="own",
            at=at,
            object_id=draft.pk,
        )
    )
    return answers


@transaction.atomic
def join(*, member_id: int, plan_id: int, by: Account, at: datetime) -> Membership:
    """Make the membership, with the declaration and the consent it rests on. Locks the member.

    Raises NotNow for who is in the plan already or has something left to do, Invalid for an age
    outside the rules (whole years on the day of joining) and for a health answer other than "no"
    (domain.md §1a). `by` becomes the payer.
    """
    policies.check_acts_for(by, member_id)
    member = Member.objects.select_for_update().get(pk=member_id)
    plan = Plan.objects.get(pk=plan_id)
    _check_not_in(member, plan)
    in_force = Rules.objects.in_force(plan, day(at))
    check_age(member, in_force, at)
    draft = _ready_draft(member, plan)
    answers = _draft_answers(draft, by, at)
    _check_health(in_force, answers)
    declaration = _declare(member, in_force, answers, by, at)
    membership = _write_membership(member, in_force, declaration, by, at)
    draft.delete()
    notify(code="joined", facts=facts_of(membership), at=at, account_id=by.pk)
    return membership


def _check_not_in(member: Member, plan: Plan) -> None:
    if member.memberships.open().filter(plan=plan).exists():
        raise NotNow(_("This person is already a member of the plan. There is nothing to do."))


def check_age(member: Member, in_force: Rules, at: datetime) -> None:
    """Raises Invalid unless the member's age on that day is within the rules."""
    on = day(at)
    if (on - member.birth_on).days < in_force.min_age_days:
        raise Invalid(
            _("A child can join from the age of %(days)s days. Please come back then.")
            % {"days": in_force.min_age_days}
        )
    if rules.age_on(member.birth_on, on) > in_force.max_age_years:
        raise Invalid(
            _("This plan takes people up to %(age)s years, so this person cannot join it.")
            % {"age": in_force.max_age_years}
        )


def _ready_draft(member: Member, plan: Plan) -> JoinDraft:
    draft = JoinDraft.objects.filter(member=member, plan=plan).first()
    if draft is None or draft.rules_read_at is None:
        raise NotNow(_("Please read the rules first; they are the first step of the list."))
    return draft


def _check_health(in_force: Rules, answers: Mapping[str, str]) -> None:
    """Every question of the version in force is answered, and each answer is "no"."""
    codes = in_force.question_set.questions.values_list("code", flat=True)
    if set(codes) - set(answers):
        raise NotNow(_("Some health questions are still open. Please answer them all first."))
    given = {answers[code] for code in codes}
    if "yes" in given:
        raise Invalid(
            _(
                "With a “yes” among the answers the health requirement of this plan is not met, so"
                " this person cannot join. If an answer is wrong, change it; other plans may fit."
            )
        )
    if "unsure" in given:
        raise Invalid(
            _(
                "One answer is “not sure”. Ask the doctor or call us, and change the answer when"
                " you know it. What you have filled in is kept."
            )
        )


def _declare(
    member: Member, in_force: Rules, answers: Mapping[str, str], by: Account, at: datetime
) -> Declaration:
    declaration_id = next_id(Declaration)
    text = places.written(answers)
    return Declaration.objects.create(
        pk=declaration_id,
        member=member,
        question_set=in_force.question_set,
        answers_sealed=seal(
            member_id=member.pk, text=text, where=places.declaration(declaration_id)
        ),
        digest=places.digest(member.pk, text),
        declared_by=by,
        declared_at=at,
    )


def _write_membership(
    member: Member, in_force: Rules, declaration: Declaration, by: Account, at: datetime
) -> Membership:
    membership = Membership.objects.create(
        member=member,
        plan=in_force.plan,
        payer=by,
        rules=in_force,
        declaration=declaration,
        joined_at=at,
        covered_from=rules.covered_from(day(at), in_force.waiting_days),
    )
    RuleConsent.objects.create(
        membership=membership, rules=in_force, kind=RuleConsent.Kind.ACCEPTED, by=by, at=at
    )
    return membership
