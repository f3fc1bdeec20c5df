"""Who may join a plan: everybody, whoever is invited, up to a ceiling, above a score (domain.md
§1a: 相互保 asked for 650 points)."""

from __future__ import annotations

import secrets
from datetime import date, datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from members import identity, policies
from members.actions.sealing import open_id_number
from members.models import Account, Invitation, JoinDraft, Member, Membership, Plan, Rules
from mutualaid import vault
from mutualaid.clock import day
from mutualaid.errors import Invalid, NotNow
from mutualaid.templatetags.look import day as day_in_words

CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that are taken for each other
CODE_LENGTH = 10


@transaction.atomic
def invite(
    *,
    plan_id: int,
    uses_allowed: int,
    note: str = "",
    expires_on: date | None = None,
    by: Account,
    at: datetime,
) -> tuple[Invitation, str]:
    """A code with which so many people may join; shown once, kept as a hash. Staff alone."""
    policies.check_staff(by, "members.add_invitation")
    if uses_allowed < 1:
        raise Invalid(_("An invitation is for at least one person."), field="uses_allowed")
    code = "".join(secrets.choice(CODE_LETTERS) for _letter in range(CODE_LENGTH))
    made = Invitation.objects.create(
        plan_id=plan_id,
        code_hash=_hash(code),
        note=note,
        uses_allowed=uses_allowed,
        expires_on=expires_on,
        by=by,
        at=at,
    )
    return made, code


@transaction.atomic
def use_invitation(
    *, member_id: int, plan_id: int, code: str, by: Account, at: datetime
) -> JoinDraft:
    """Keep an invitation with the draft of joining; it is counted on joining. Locks the draft.

    Raises Invalid (field "code") for one that is none, is used up, or is past its day.
    """
    policies.check_acts_for(by, member_id)
    found = Invitation.objects.filter(plan=plan_id, code_hash=_hash(code)).first()
    if found is None or found.uses >= found.uses_allowed or _is_past(found, at):
        raise Invalid(
            _("This invitation does not count, or no longer. Ask whoever gave it to you."),
            field="code",
        )
    JoinDraft.objects.get_or_create(
        member_id=member_id, plan_id=plan_id, defaults={"changed_at": at}
    )
    draft = JoinDraft.objects.select_for_update().get(member_id=member_id, plan_id=plan_id)
    draft.invitation, draft.changed_at = found, at
    draft.save(update_fields=["invitation", "changed_at"])
    return draft


def check_open(plan: Plan, at: datetime) -> None:
    """Raises NotNow for a plan that takes nobody yet, or nobody any more."""
    if day(at) < plan.opened_on:
        raise NotNow(
            _("The %(plan)s opens on %(day)s. Please come back then.")
            % {"plan": plan.name, "day": day_in_words(plan.opened_on)}
        )
    if plan.closed_on is not None and day(at) >= plan.closed_on:
        raise NotNow(_("This plan is closed and takes nobody any more."))
    if not Rules.objects.published().filter(plan=plan, effective_on__lte=day(at)).exists():
        raise NotNow(_("This plan is still being set up. Please come back later."))


def check_score(member: Member, in_force: Rules, *, by: Account, at: datetime) -> None:
    """Ask the identity provider where the rules want a score. Reads the ID number; recorded. Raises
    Invalid below it, NotNow where the provider knows none. Nothing of the score is kept."""
    if in_force.admission != Rules.Admission.SCORE:
        return
    number = open_id_number(member_id=member.pk, by=by, why="own", at=at)
    score = identity.score(member.name, number)
    asked = {"points": in_force.min_score}
    if score is None:
        raise NotNow(
            _(
                "This plan asks for %(points)s points of the identity provider, which knows none of"
                " this person now. Please try again later, or choose another plan."
            )
            % asked
        )
    if score < (in_force.min_score or 0):
        raise Invalid(
            _(
                "This plan asks for %(points)s points of the identity provider, and this person has"
                " fewer. Other plans may fit."
            )
            % asked
        )


def admit(in_force: Rules, draft: JoinDraft, at: datetime) -> None:
    """Count the invitation, and see that there is room. Locks the invitation; the plan, where it
    has a ceiling, so that two who join at once are counted one after the other. Raises NotNow."""
    if in_force.admission == Rules.Admission.INVITATION:
        _count_invitation(draft, at)
    if in_force.ceiling_members is not None:
        Plan.objects.select_for_update(no_key=True).get(pk=in_force.plan_id)
        # A plan with a ceiling is a small one; nobody counts a large one (design §4).
        if Membership.objects.open().filter(plan=in_force.plan_id).count() >= (
            in_force.ceiling_members
        ):
            raise NotNow(
                _("The plan takes no more than %(most)s members, and it is full.")
                % {"most": in_force.ceiling_members}
            )


def _count_invitation(draft: JoinDraft, at: datetime) -> None:
    if draft.invitation_id is None:
        raise NotNow(_("This plan is open by invitation. Please enter the code of yours first."))
    invitation = Invitation.objects.select_for_update().get(pk=draft.invitation_id)
    if invitation.uses >= invitation.uses_allowed or _is_past(invitation, at):
        raise NotNow(_("This invitation does not count, or no longer. Ask whoever gave it to you."))
    Invitation.objects.filter(pk=invitation.pk).update(uses=F("uses") + 1)


def _is_past(invitation: Invitation, at: datetime) -> bool:
    return invitation.expires_on is not None and day(at) > invitation.expires_on


def _hash(code: str) -> bytes:
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    return vault.keyed_hash(plain, purpose="invitation")
