"""The way into a plan: rules read, questions answered, membership made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from members import places, policies, quiz, rules
from members.actions.admission import admit, check_open, check_score
from members.actions.ends import first_day_of_cover, predecessor
from members.actions.notifying import facts_of, notify
from members.actions.payment import give_mandate
from members.actions.prechecks import newest_rulings
from members.actions.sealing import open_sealed, seal
from members.models import (
    Account,
    Declaration,
    HealthQuestion,
    JoinDraft,
    Member,
    Membership,
    Plan,
    PreCheck,
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
def take_quiz(
    *, member_id: int, plan_id: int, answers: Mapping[str, str], by: Account, at: datetime
) -> JoinDraft:
    """Keep that the quiz was passed, once every answer is right (members/quiz.py). Answers that are
    wrong are no refusal: the page explains them, and one tries again. Locks the draft."""
    policies.check_acts_for(by, member_id)
    draft = _locked_draft(member_id, plan_id, at)
    if not quiz.wrong(answers) and draft.quiz_passed_at is None:
        draft.quiz_passed_at = draft.changed_at = at
        draft.save(update_fields=["quiz_passed_at", "changed_at"])
    return draft


@transaction.atomic
def agree_payment(*, member_id: int, plan_id: int, by: Account, at: datetime) -> JoinDraft:
    """Keep that `by` agrees to pay the shares by debit. The mandate is given on joining."""
    policies.check_acts_for(by, member_id)
    draft = _locked_draft(member_id, plan_id, at)
    draft.payment_agreed_at = draft.changed_at = at
    draft.save(update_fields=["payment_agreed_at", "changed_at"])
    return draft


@transaction.atomic
def save_answer(
    *, member_id: int, plan_id: int, code: str, answer: str, by: Account, at: datetime
) -> JoinDraft:
    """Keep one answer (no, yes, unsure) to one health question, sealed. Locks the draft.

    Raises Invalid (field "answer") for another answer and for a question not asked, NotNow for a
    plan that takes nobody.
    """
    policies.check_acts_for(by, member_id)
    plan = Plan.objects.get(pk=plan_id)
    check_open(plan, at)
    in_force = Rules.objects.in_force(plan, day(at))
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

    Raises NotNow for who is in the plan already or has something left to do, for a plan that is
    closed, full, or by invitation (members/actions/admission.py), Invalid for an age
    outside the rules (whole years on the day of joining) and for a health answer other than "no"
    (domain.md §1a), unless a reviewer has answered in writing that it counts as one. `by` becomes
    the payer and gives the mandate.
    """
    policies.check_acts_for(by, member_id)
    plan = Plan.objects.get(pk=plan_id)
    check_open(plan, at)
    in_force = Rules.objects.in_force(plan, day(at))
    check_score(Member.objects.get(pk=member_id), in_force, by=by, at=at)
    member = Member.objects.select_for_update().get(pk=member_id)
    _check_not_in(member, plan)
    policies.check_consented(by, member)
    check_age(member, in_force, at)
    draft = _ready_draft(member, in_force)
    answers = _draft_answers(draft, by, at)
    rulings = _check_health(member, in_force, answers)
    admit(in_force, draft, at)
    declaration = _declare(member, in_force, answers, rulings=rulings, by=by, at=at)
    membership = _write_membership(member, in_force, declaration, draft=draft, by=by, at=at)
    give_mandate(account_id=by.pk, plan_id=plan_id, by=by, at=at)
    _let_go_of_questions(member, plan, at)
    draft.delete()
    notify(code="joined", facts=facts_of(membership), at=at, account_id=by.pk)
    return membership


def _let_go_of_questions(member: Member, plan: Plan, at: datetime) -> None:
    """What was asked of a reviewer and then answered by the member waits for nobody any more."""
    waiting = PreCheck.objects.filter(member=member, plan=plan, kind=Declaration.Kind.JOINING)
    waiting.filter(answered_at__isnull=True, withdrawn_at__isnull=True).update(withdrawn_at=at)


def _check_not_in(member: Member, plan: Plan) -> None:
    if member.memberships.open().filter(plan=plan).exists():
        raise NotNow(_("This person is already a member of the plan. There is nothing to do."))


def check_age(member: Member, in_force: Rules, at: datetime) -> None:
    """Raises Invalid unless the member's age on that day is within the rules."""
    on = day(at)
    if rules.age_on(member.birth_on, on) < in_force.min_age_years:
        raise Invalid(
            _("This plan takes people from %(age)s years on. Please come back then.")
            % {"age": in_force.min_age_years}
        )
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


def _ready_draft(member: Member, in_force: Rules) -> JoinDraft:
    draft = JoinDraft.objects.filter(member=member, plan=in_force.plan).first()
    if draft is None or draft.rules_read_at is None:
        raise NotNow(_("Please read the rules first; they are the first step of the list."))
    if draft.quiz_passed_at is None:
        raise NotNow(_("Please answer the five questions on shares and claims first."))
    if draft.payment_agreed_at is None:
        raise NotNow(_("Please agree to the payment of the shares first."))
    return draft


def _check_health(member: Member, in_force: Rules, answers: Mapping[str, str]) -> list[PreCheck]:
    """Every question of the version in force is answered, and each answer is "no" or counts as one.
    Returns the rulings that the joining rests on.

    A ruling binds both: one of "yes" stays one whatever is answered afterwards, until a reviewer
    has ruled on the same question anew.
    """
    asked = {question.pk: question.code for question in in_force.question_set.questions.all()}
    if set(asked.values()) - set(answers):
        raise NotNow(_("Some health questions are still open. Please answer them all first."))
    rulings = [
        ruling for ruling in newest_rulings(member, in_force.plan_id) if ruling.question_id in asked
    ]
    ruled = {asked[ruling.question_id]: str(ruling.ruling) for ruling in rulings}
    check_answers({_counts_as(answers[code], ruled.get(code)) for code in asked.values()})
    return [ruling for ruling in rulings if answers[asked[ruling.question_id]] == "unsure"]


def _counts_as(answer: str, ruling: str | None) -> str:
    if ruling == PreCheck.Ruling.COUNTS_AS_YES:
        return "yes"
    return ruling or answer if answer == "unsure" else answer


def check_answers(given: set[str]) -> None:
    """Raises Invalid unless every health answer given is "no" (domain.md §1a)."""
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
    member: Member,
    in_force: Rules,
    answers: Mapping[str, str],
    *,
    rulings: Sequence[PreCheck],
    by: Account,
    at: datetime,
) -> Declaration:
    declaration_id = next_id(Declaration)
    text = places.written(answers)
    declaration = Declaration.objects.create(
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
    for ruling in rulings:
        ruling.declaration = declaration
        ruling.save(update_fields=["declaration"])
    return declaration


def _write_membership(
    member: Member,
    in_force: Rules,
    declaration: Declaration,
    *,
    draft: JoinDraft,
    by: Account,
    at: datetime,
) -> Membership:
    before = predecessor(member, in_force.plan, at)
    membership = Membership.objects.create(
        member=member,
        plan=in_force.plan,
        payer=by,
        rules=in_force,
        declaration=declaration,
        joined_at=at,
        covered_from=first_day_of_cover(member, in_force, before, at),
        continues=before,
        quiz_passed_at=draft.quiz_passed_at,
    )
    RuleConsent.objects.create(
        membership=membership, rules=in_force, kind=RuleConsent.Kind.ACCEPTED, by=by, at=at
    )
    return membership
