"""Declarations and their corrections: what stands, what a correction changes. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from members.models import Declaration, HealthQuestion, Membership, PreCheck

# Days from a reviewer's answer in which the family can object to it.
OBJECT_DAYS = 30
# What a correction keeps beside the answers; no question's code begins like this.
_NOTE = "_"


class Since(TextChoices):
    """Since when what is corrected has been so."""

    BEFORE = "before", _("It was so on joining, or earlier")
    AFTER = "after", _("It began after joining")


class Effect(TextChoices):
    """What a correction does to the cover."""

    NONE = "none", _("Nothing changes in the cover")
    REVIEW = "review", _("A reviewer decides in writing")


def effect(answer: str, since: str) -> Effect:
    """What began after joining, and a “no”, change nothing; the rest is judged. Domain.md §1a: the
    health requirement is one of the day of joining."""
    judged = since == Since.BEFORE and answer != "no"
    return Effect.REVIEW if judged else Effect.NONE


def written_with(
    *, answers: Mapping[str, str], code: str, since: str, story: str, membership_id: int
) -> dict[str, str]:
    """The answers of a correction with its notes, as they are sealed."""
    notes = {"code": code, "since": since, "story": story, "membership": str(membership_id)}
    return dict(answers) | {_NOTE + name: value for name, value in notes.items()}


def only_answers(said: Mapping[str, str]) -> dict[str, str]:
    """{question code: answer} of a declaration, without the notes of a correction."""
    return {code: answer for code, answer in said.items() if not code.startswith(_NOTE)}


def note(said: Mapping[str, str], name: str) -> str:
    """A note of a correction (code, since, story); "" for a declaration on joining."""
    return said.get(_NOTE + name, "")


def is_of(said: Mapping[str, str], membership: Membership) -> bool:
    """Whether a correction was made to this membership's declaration."""
    return note(said, "membership") == str(membership.pk)


def corrections(membership: Membership) -> QuerySet[Declaration]:
    """Later declarations of the member to the same questions, the oldest first. Whose membership
    they correct stands inside (`is_of`)."""
    found = Declaration.objects.filter(
        member=membership.member_id,
        kind=Declaration.Kind.CORRECTION,
        question_set=membership.declaration.question_set_id,
        declared_at__gte=membership.joined_at,
    )
    return found.select_related("declared_by").order_by("declared_at", "pk")


def reviews(declaration: Declaration) -> QuerySet[PreCheck]:
    """What reviewers were asked and answered about a declaration, the oldest first."""
    found = declaration.prechecks.select_related("question", "answered_by", "asked_by")
    return found.order_by("asked_at", "pk")


def open_review(membership: Membership, question: HealthQuestion) -> bool:
    """Whether a reviewer has this question at the moment."""
    return PreCheck.objects.filter(
        member=membership.member_id,
        plan=membership.plan_id,
        question=question,
        answered_at__isnull=True,
        withdrawn_at__isnull=True,
    ).exists()


def first_review(review: PreCheck) -> PreCheck:
    """The first review of the same correction; of an objection, the answer it objects to."""
    if review.declaration_id is None or review.kind != Declaration.Kind.CORRECTION:
        return review
    return PreCheck.objects.filter(declaration=review.declaration_id).earliest("asked_at", "pk")


def object_until(review: PreCheck) -> datetime | None:
    """Until when the family may object to “counts as yes”; None where there is nothing to."""
    counts = review.ruling == PreCheck.Ruling.COUNTS_AS_YES
    correction = review.kind == Declaration.Kind.CORRECTION
    if not (counts and correction and review.answered_at):
        return None
    return review.answered_at + timedelta(days=OBJECT_DAYS)


def can_object(review: PreCheck, now: datetime) -> bool:
    """Whether the answer is in its time to object, once: it is no answer to an objection, and has
    not been objected to."""
    until = object_until(review)
    if until is None or now >= until:
        return False
    others = PreCheck.objects.filter(declaration=review.declaration_id).exclude(pk=review.pk)
    return not others.exists()
