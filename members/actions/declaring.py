"""Corrections of what was declared on joining: kept, and judged where they may change the cover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from members import declared, places, policies
from members.actions.ends import end_membership
from members.actions.notifying import facts_of, notify
from members.actions.sealing import open_declaration, seal
from members.models import Account, Declaration, HealthQuestion, Membership, PreCheck
from members.reference import ANSWERS
from mutualaid import clock
from mutualaid.clock import day, midnight
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.sequences import next_id

REVIEW_DAYS = 10  # in which a reviewer answers a correction in writing
MOST_TEXT = 2000


@transaction.atomic
def correct_declaration(
    *,
    membership_id: int,
    code: str,
    answer: str,
    since: str,
    story: str,
    by: Account,
    at: datetime,
) -> Declaration:
    """A later declaration that corrects the answer to one question. Locks the membership.

    `answer`: no, yes or unsure. `since`: "after" (it began after joining: the cover stays as it is)
    or "before" (it was so on joining: unless the answer is "no", a reviewer decides in writing).
    `story`: their own words. The earlier declarations stay. Raises NotNow for an ended membership
    and while a reviewer has the question; Invalid (with `field`) for what is missing.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    if membership.ended_at is not None:
        raise NotNow(_("This membership has ended, so its declaration can no longer be corrected."))
    question = _question(membership, code)
    story = _checked(answer, since, story)
    _check_none_open(membership, question)
    standing = _standing(membership, by, at)
    if standing[code] == answer:
        raise Invalid(
            _("This is what has been declared already. Choose another answer."), field="answer"
        )
    more = declared.written_with(
        answers=standing | {code: answer},
        code=code,
        since=since,
        story=story,
        membership_id=membership.pk,
    )
    declaration = _write(membership, more, by, at)
    if declared.effect(answer, since) == declared.Effect.REVIEW:
        _ask(membership, question=question, declaration=declaration, story=story, by=by, at=at)
    else:
        facts = facts_of(membership)
        notify(code="correction_kept", facts=facts, at=at, account_id=membership.payer_id)
    return declaration


def _question(membership: Membership, code: str) -> HealthQuestion:
    asked = membership.declaration.question_set.questions.filter(code=code).first()
    if asked is None:
        raise Invalid(_("Choose one of the questions that were asked."), field="code")
    return asked


def _checked(answer: str, since: str, story: str) -> str:
    if answer not in ANSWERS:
        raise Invalid(
            _("Choose an answer. If you are not sure, choose “not sure”."), field="answer"
        )
    if since not in declared.Since.values:
        raise Invalid(_("Say whether it was so on joining or began later."), field="since")
    story = story.strip()
    if not story:
        raise Invalid(
            _("Write in your own words what was found, when, and by which doctor."), field="story"
        )
    if len(story) > MOST_TEXT:
        raise Invalid(
            _("Please write at most %(most)s characters.") % {"most": MOST_TEXT}, field="story"
        )
    return story


def _check_none_open(membership: Membership, question: HealthQuestion) -> None:
    if declared.open_review(membership, question):
        raise NotNow(
            _("A reviewer has this question already. Wait for the answer, or call us to add to it.")
        )


def _standing(membership: Membership, by: Account, at: datetime) -> dict[str, str]:
    """The answers as they stand now: those of joining and the corrections. Recorded as read."""
    answers = open_declaration(
        declaration_id=membership.declaration_id, by=by, why="own", at=at
    )  # fmt: skip
    for later in declared.corrections(membership):
        said = open_declaration(declaration_id=later.pk, by=by, why="own", at=at)
        if declared.is_of(said, membership):
            answers = said
    return declared.only_answers(answers)


def _write(
    membership: Membership, answers: Mapping[str, str], by: Account, at: datetime
) -> Declaration:
    declaration_id, member_id = next_id(Declaration), membership.member_id
    text = places.written(answers)
    return Declaration.objects.create(
        pk=declaration_id,
        kind=Declaration.Kind.CORRECTION,
        member_id=member_id,
        question_set_id=membership.declaration.question_set_id,
        answers_sealed=seal(
            member_id=member_id, text=text, where=places.declaration(declaration_id)
        ),
        digest=places.digest(member_id, text),
        declared_by=by,
        declared_at=at,
    )


def _ask(
    membership: Membership,
    *,
    question: HealthQuestion,
    declaration: Declaration,
    story: str,
    by: Account,
    at: datetime,
) -> PreCheck:
    """Put it before a reviewer, and tell the payer by when the answer comes."""
    precheck_id = next_id(PreCheck)
    due_at = midnight(day(at) + timedelta(days=REVIEW_DAYS + 1))
    made = PreCheck.objects.create(
        pk=precheck_id,
        member_id=membership.member_id,
        plan_id=membership.plan_id,
        question=question,
        kind=Declaration.Kind.CORRECTION,
        story_sealed=seal(
            member_id=membership.member_id, text=story, where=places.precheck_story(precheck_id)
        ),
        asked_by=by,
        asked_at=at,
        due_at=due_at,
        declaration=declaration,
    )
    due_on = (day(due_at) - timedelta(days=1)).isoformat()
    facts = facts_of(membership) | {"due_on": due_on}
    notify(code="correction_in_review", facts=facts, at=at, account_id=membership.payer_id)
    return made


@transaction.atomic
def after_correction_ruling(*, precheck: PreCheck, by: Account, at: datetime) -> None:
    """What a reviewer's answer to a correction brings: "counts as no" and the cover stays,
    "counts as yes" and the membership ends as not met, with a notice of the way to object.

    `answer_precheck` calls it within its transaction, after it has written the ruling. An objection
    is answered by another reviewer (Forbidden); if it holds, the end is undone as if it had not
    been. Locks the membership.
    """
    check_other_reviewer(by, precheck)
    found = Membership.objects.select_for_update().filter(
        member=precheck.member_id, plan=precheck.plan_id
    )
    membership = found.latest("joined_at", "pk")
    if precheck.ruling == PreCheck.Ruling.COUNTS_AS_YES:
        _not_met(membership, by, at)
        return
    _reopen(membership)
    facts = facts_of(membership)
    notify(code="correction_counts_as_no", facts=facts, at=at, account_id=membership.payer_id)


def check_other_reviewer(by: Account, review: PreCheck) -> None:
    """An objection is not answered by whose answer it objects to. Raises Forbidden."""
    first = declared.first_review(review)
    if first != review and first.answered_by_id == by.pk:
        raise Forbidden(
            _("An objection is answered by somebody who did not answer the first time.")
        )


def _not_met(membership: Membership, by: Account, at: datetime) -> None:
    if membership.ended_at is None:
        end_membership(
            membership_id=membership.pk, reason=Membership.End.NOT_MET, by=by, at=at
        )  # fmt: skip
    elif membership.end_reason == Membership.End.NOT_MET:
        facts = facts_of(membership)
        notify(code="objection_not_met", facts=facts, at=at, account_id=membership.payer_id)


def _reopen(membership: Membership) -> None:
    """An end that a reviewer has taken back was none: the cover has no gap. What was shared
    meanwhile is not asked for."""
    if membership.end_reason == Membership.End.NOT_MET:
        membership.ended_at = membership.end_reason = None
        membership.save(update_fields=["ended_at", "end_reason"])


@transaction.atomic
def object_to_ruling(*, precheck_id: int, story: str, by: Account, at: datetime) -> PreCheck:
    """The family does not agree with “counts as yes”: another reviewer answers, once. Locks the
    first review. Raises NotNow when its time is over or it was objected to before."""
    first = PreCheck.objects.select_for_update().get(pk=precheck_id)
    policies.check_acts_for(by, first.member_id)
    story = _checked("yes", declared.Since.BEFORE, story)
    if not declared.can_object(first, clock.now()):
        raise NotNow(_("The time to object to this answer is over, or it was objected to before."))
    found = Membership.objects.filter(member=first.member_id, plan=first.plan_id)
    membership = found.latest("joined_at", "pk")
    if first.declaration is None or membership.end_reason != Membership.End.NOT_MET:
        raise NotNow(_("There is no end of a membership to object to."))
    return _ask(
        membership,
        question=first.question,
        declaration=first.declaration,
        story=story,
        by=by,
        at=at,
    )
