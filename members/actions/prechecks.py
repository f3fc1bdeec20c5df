"""Pre-checks: a health question that somebody cannot answer, answered in writing by a reviewer.

The answer binds: it stands for the answer on joining and is kept with the declaration (domain.md
§6, "optional pre-check by a reviewer at entry").
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from members import places, policies, rules
from members.actions.admission import check_open
from members.actions.declaring import after_correction_ruling, check_other_reviewer
from members.actions.notifying import notify
from members.actions.sealing import open_sealed, seal
from members.models import (
    Account,
    Declaration,
    HealthQuestion,
    HouseholdLink,
    Member,
    Plan,
    PreCheck,
    Rules,
)
from mutualaid.clock import day, midnight
from mutualaid.errors import Forbidden, Invalid, NotNow
from mutualaid.sequences import next_id

ANSWER = "members.change_precheck"  # the permission of whoever rules
READ = "members.view_precheck"
WORKING_DAYS = 3
AGAIN = timedelta(days=30)  # after a ruling of "yes" the same question can be described anew
LEAST, MOST = 20, 2000  # characters of a reply; of a story, any up to MOST


@transaction.atomic
def ask_precheck(
    *, member_id: int, plan_id: int, code: str, story: str, by: Account, at: datetime
) -> PreCheck:
    """Put a health question before a reviewer, described in the family's words. Locks the member.

    Answered by the end of the third working day (Monday to Friday). Raises NotNow while one is
    open or a ruling is there (one of "yes" for thirty days: health changes), Invalid (field
    "story") without a description.
    """
    policies.check_acts_for(by, member_id)
    member = Member.objects.select_for_update().get(pk=member_id)
    question = _question(plan_id, code, at)
    story = _checked_story(story)
    if standing(member, plan_id, question, at) is not None:
        raise NotNow(_("A reviewer has this question already, or has answered it."))
    precheck_id = next_id(PreCheck)
    made = PreCheck.objects.create(
        pk=precheck_id,
        member=member,
        plan_id=plan_id,
        question=question,
        story_sealed=seal(
            member_id=member_id, text=story, where=places.precheck_story(precheck_id)
        ),
        asked_by=by,
        asked_at=at,
        due_at=due(at),
    )
    notify(code="precheck_asked", facts=_facts(made), at=at, account_id=by.pk)
    return made


@transaction.atomic
def withdraw_precheck(*, precheck_id: int, by: Account, at: datetime) -> PreCheck:
    """Take the question back: the member has found out. Locks it; raises NotNow once answered."""
    precheck = PreCheck.objects.select_for_update().get(pk=precheck_id)
    policies.check_acts_for(by, precheck.member_id)
    _check_open(precheck)
    if precheck.kind != Declaration.Kind.JOINING:
        raise NotNow(_("A correction cannot be taken back; it can be corrected again."))
    precheck.withdrawn_at = at
    precheck.save(update_fields=["withdrawn_at"])
    return precheck


@transaction.atomic
def answer_precheck(
    *, precheck_id: int, ruling: str, reply: str, by: Account, at: datetime
) -> PreCheck:
    """A reviewer's ruling with its reasons in writing. Locks the pre-check; answered once.

    Raises Forbidden without the permission and for one's own family, Invalid (with `field`) for a
    ruling that is none or a reply of under twenty characters.
    """
    precheck = PreCheck.objects.select_for_update().get(pk=precheck_id)
    check_rules(by, precheck)
    _check_open(precheck)
    check_words(ruling, reply)
    precheck.ruling, precheck.answered_by, precheck.answered_at = ruling, by, at
    precheck.reply_sealed = seal(
        member_id=precheck.member_id, text=reply.strip(), where=places.precheck_reply(precheck.pk)
    )
    precheck.save(update_fields=["ruling", "reply_sealed", "answered_by", "answered_at"])
    if precheck.kind == Declaration.Kind.CORRECTION:
        after_correction_ruling(precheck=precheck, by=by, at=at)
    else:
        code = f"precheck_counts_as_{ruling}"
        notify(code=code, facts=_facts(precheck), at=at, account_id=precheck.asked_by_id)
    return precheck


def open_precheck(*, precheck_id: int, part: str, by: Account, why: str, at: datetime) -> str:
    """The story or the reply ("" while there is none); recorded. May-I is the caller's."""
    precheck = PreCheck.objects.get(pk=precheck_id)
    sealed = precheck.story_sealed if part == "story" else precheck.reply_sealed
    place = places.precheck_story if part == "story" else places.precheck_reply
    if sealed is None:
        return ""
    return open_sealed(
        member_id=precheck.member_id, sealed=sealed, where=place(precheck_id),
        what=f"precheck_{part}", by=by, why=why, at=at, object_id=precheck_id,
    ).decode()  # fmt: skip


def standing(
    member: Member, plan_id: int, question: HealthQuestion, at: datetime
) -> PreCheck | None:
    """The pre-check on joining that is open or answered and not yet used for a declaration. None
    where the question can be asked: never asked, or ruled a "yes" thirty days ago or more."""
    found = _unused(member, plan_id).filter(question=question).order_by("-asked_at").first()
    if found is None or found.ruling != PreCheck.Ruling.COUNTS_AS_YES:
        return found
    return None if at >= again_from(found) else found


def again_from(precheck: PreCheck) -> datetime:
    """When a question that was ruled a "yes" can be described anew."""
    return (precheck.answered_at or precheck.asked_at) + AGAIN


def newest_rulings(member: Member, plan_id: int) -> list[PreCheck]:
    """Of each question the last ruling on joining that no declaration rests on yet."""
    ruled = _unused(member, plan_id).filter(answered_at__isnull=False)
    return list(ruled.order_by("question_id", "-answered_at").distinct("question_id"))


def _unused(member: Member, plan_id: int) -> QuerySet[PreCheck]:
    return PreCheck.objects.filter(
        member=member, plan=plan_id, kind=Declaration.Kind.JOINING,
        withdrawn_at__isnull=True, declaration__isnull=True,
    )  # fmt: skip


def waiting_for(by: Account) -> QuerySet[PreCheck]:
    """What waits for any reviewer and this one may answer, by due date: nothing of the own family,
    no objection to an answer of one's own."""
    waiting = PreCheck.objects.filter(answered_at__isnull=True, withdrawn_at__isnull=True)
    if not by.has_perm(ANSWER):
        return waiting.none()
    family = HouseholdLink.objects.filter(account__household__member__household__account=by)
    own = PreCheck.objects.filter(
        declaration=OuterRef("declaration"), kind=Declaration.Kind.CORRECTION, answered_by=by
    )
    found = waiting.exclude(member__in=family.values("member")).exclude(Exists(own))
    return found.order_by("due_at", "pk")


def check_reads(by: Account, precheck: PreCheck) -> None:
    """May read what was asked and answered, and is not of the family."""
    policies.check_staff(by, READ)
    _check_not_family(by, precheck)


def check_rules(by: Account, precheck: PreCheck) -> None:
    """May rule on pre-checks, is not of the family, and answers no objection to an own answer."""
    policies.check_staff(by, ANSWER)
    _check_not_family(by, precheck)
    check_other_reviewer(by, precheck)


def _check_not_family(by: Account, precheck: PreCheck) -> None:
    if policies.shares_family(by, precheck.member_id):
        raise Forbidden(_("This is about your own family. Somebody else has to answer it."))


def check_words(ruling: str, reply: str) -> None:
    """Whether an answer can be sent as it is written. Raises Invalid (with `field`)."""
    if ruling not in PreCheck.Ruling.values:
        raise Invalid(_("Choose whether it counts as “no” or as “yes”."), field="ruling")
    if not LEAST <= len(reply.strip()) <= MOST:
        raise Invalid(
            _("Write the reasons in at least %(least)s characters; the member reads them.")
            % {"least": LEAST},
            field="reply",
        )


def due(at: datetime) -> datetime:
    """The end of the third working day after that instant (Monday to Friday)."""
    on, left = day(at), WORKING_DAYS
    while left:
        on += timedelta(days=1)
        left -= on.isoweekday() <= 5  # noqa: PLR2004 - Friday
    return midnight(on + timedelta(days=1))


def _question(plan_id: int, code: str, at: datetime) -> HealthQuestion:
    plan = Plan.objects.get(pk=plan_id)
    check_open(plan, at)
    in_force = Rules.objects.in_force(plan, day(at))
    asked = HealthQuestion.objects.filter(question_set=in_force.question_set_id, code=code).first()
    if asked is None:
        raise Invalid(_("Choose one of the questions that were asked."), field="code")
    return asked


def _checked_story(story: str) -> str:
    story = story.strip()
    if not 1 <= len(story) <= MOST:
        raise Invalid(
            _("Write in your own words what was found, when, and by which doctor."), field="story"
        )
    return story


def _check_open(precheck: PreCheck) -> None:
    if precheck.answered_at is not None or precheck.withdrawn_at is not None:
        raise NotNow(_("This question has been answered, or taken back. There is nothing to do."))


def _facts(precheck: PreCheck) -> dict[str, object]:
    return {
        "name": rules.mask_name(precheck.member.name),
        "place": precheck.question.place,
        "due_on": (day(precheck.due_at) - timedelta(days=1)).isoformat(),
    }
