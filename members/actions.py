"""The writer of people, answers and memberships, one at a time. Sets are written by `bulk`.

Everything that decrypts goes through `open_sealed`, which first writes who reads what and why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _

from members import bulk, notices, places, policies, rules
from members.models import (
    AccessRecord,
    Account,
    DataKey,
    Declaration,
    HealthQuestion,
    HouseholdLink,
    IdentityNumber,
    JoinDraft,
    Member,
    Membership,
    Notice,
    Plan,
    RuleConsent,
    Rules,
)
from members.reference import ANSWERS
from mutualaid import vault
from mutualaid.clock import day
from mutualaid.errors import Forbidden, Invalid, NotNow

NAME_LETTERS = range(2, 61)


# --- sealing


def seal(*, member_id: int, text: str | bytes, where: str) -> bytes:
    """Encrypt under the member's data key, bound to the place `where` (table.column:row)."""
    return vault.seal(text, key=_key(member_id), member_id=member_id, where=where)


@transaction.atomic
def open_sealed(
    *,
    member_id: int,
    sealed: bytes | memoryview,
    where: str,
    what: str,
    by: Account,
    why: str,
    at: datetime,
    object_id: int | None = None,
    page: int | None = None,
) -> bytes:
    """What was sealed. Writes the AccessRecord first: rolled back together, or kept together.

    `what` and `why` are codes (models.AccessRecord). Raises vault.SealBroken at a wrong place.
    May-I is asked by whoever calls.
    """
    AccessRecord.objects.create(
        member_id=member_id, by=by, what=what, object_id=object_id, page=page, why=why, at=at
    )
    return vault.open_bytes(bytes(sealed), key=_key(member_id), member_id=member_id, where=where)


def _key(member_id: int) -> bytes:
    return bytes(DataKey.objects.get(member_id=member_id).wrapped)


def _next_id(model: type[models.Model]) -> int:
    """An id before its row, so that what is sealed can be bound to it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
        number: int = cursor.fetchone()[0]
    return number


# --- people


@transaction.atomic
def add_member(
    *, account_id: int, name: str, id_number: str, relation: str, by: Account, at: datetime
) -> Member:
    """A person this account acts for: Member, data key, identity, household link.

    Locks the account. Raises Forbidden for another's account, Invalid (with `field`) for a name,
    number or relation that will not do. A number that is already known is refused in a sentence
    that does not tell whose it is.
    """
    account = Account.objects.select_for_update().get(pk=account_id)
    if by.pk != account.pk or not account.is_active:
        raise Forbidden(_("You can add people to your own family only."))
    name = _checked_name(name)
    number = _checked_number(id_number, at)
    _check_relation(account, relation)
    member = _write_member(name, number, at)
    _register(account, member, number.number)
    HouseholdLink.objects.create(account=account, member=member, relation=relation, made_at=at)
    return member


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) not in NAME_LETTERS:
        raise Invalid(_("Write the full name as it stands on the ID card."), field="name")
    return name


def _checked_number(text: str, at: datetime) -> rules.IdNumber:
    try:
        number = rules.check_id_number(text, allow_demo=settings.DEMO)
    except ValueError as error:
        raise Invalid(str(error), field="id_number") from error
    if number.birth_on > day(at):
        raise Invalid(
            _("The date of birth in this ID number is still to come. Check digits 7 to 14."),
            field="id_number",
        )
    return number


def _check_relation(account: Account, relation: str) -> None:
    if relation not in HouseholdLink.Relation.values:
        raise Invalid(_("Choose how this person is related to you."), field="relation")
    if relation == "self" and account.household.filter(relation="self").exists():
        raise Invalid(
            _("You have already added yourself. Choose parent, spouse or child."),
            field="relation",
        )


def _write_member(name: str, number: rules.IdNumber, at: datetime) -> Member:
    member_id = _next_id(Member)
    key = vault.new_data_key(member_id)
    sealed = vault.seal(
        number.number, key=key, member_id=member_id, where=places.id_number(member_id)
    )
    member = Member.objects.create(
        pk=member_id,
        name=name,
        id_number_sealed=sealed,
        birth_on=number.birth_on,
        sex=number.sex,
        region=number.region,
        made_at=at,
    )
    DataKey.objects.create(member=member, wrapped=key)
    return member


def _register(account: Account, member: Member, number: str) -> None:
    """One person is one member: the unique hash decides, also between two at once."""
    id_hash = places.id_hash(number)
    known = IdentityNumber.objects.filter(id_hash=id_hash).first()
    if known and account.household.filter(member_id=known.member_id).exists():
        raise Invalid(_("This person is already in your family."), field="id_number")
    try:
        with transaction.atomic():
            IdentityNumber.objects.create(id_hash=id_hash, member=member)
    except IntegrityError as error:
        raise Invalid(
            _(
                "This ID number cannot be added here. Check its digits; if they are right, call us"
                " and we sort it out with you."
            ),
            field="id_number",
        ) from error


# --- joining


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
    notify(code="joined", facts=_facts(membership), at=at, account_id=by.pk)
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
    declaration_id = _next_id(Declaration)
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


def open_declaration(*, declaration_id: int, by: Account, why: str, at: datetime) -> dict[str, str]:
    """The answers of a declaration, {question code: answer}; recorded. May-I is the caller's."""
    declaration = Declaration.objects.get(pk=declaration_id)
    answers: dict[str, str] = json.loads(
        open_sealed(
            member_id=declaration.member_id,
            sealed=declaration.answers_sealed,
            where=places.declaration(declaration_id),
            what="declaration",
            by=by,
            why=why,
            at=at,
            object_id=declaration_id,
        )
    )
    return answers


def open_id_number(*, member_id: int, by: Account, why: str, at: datetime) -> str:
    """The ID number of a member; recorded. May-I is the caller's."""
    member = Member.objects.get(pk=member_id)
    return open_sealed(
        member_id=member_id,
        sealed=member.id_number_sealed,
        where=places.id_number(member_id),
        what="id_number",
        by=by,
        why=why,
        at=at,
        object_id=member_id,
    ).decode()


# --- ends


@transaction.atomic
def leave(*, membership_id: int, by: Account, at: datetime) -> Membership:
    """End it at the member's wish. Locks the membership; raises NotNow if it has ended.

    A period whose roster was locked before still counts the member (domain.md §1a, exit).
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    policies.check_acts_for(by, membership.member_id)
    _end(membership, Membership.End.LEFT, at)
    notify(code="left", facts=_facts(membership), at=at, account_id=membership.payer_id)
    return membership


@transaction.atomic
def end_membership(
    *, membership_id: int, reason: str, by: Account | None, at: datetime
) -> Membership:
    """End it for another reason (arrears, helped). Locks it; raises NotNow if it has ended.

    For the clock and for the rooms to the right, which have asked may-I themselves.
    """
    membership = Membership.objects.select_for_update().get(pk=membership_id)
    end = Membership.End(reason)
    _end(membership, end, at)
    code = {
        Membership.End.LEFT: "left",
        Membership.End.AGED_OUT: "aged_out",
        Membership.End.ARREARS: "membership_ended_arrears",
        Membership.End.HELPED: "membership_ended_helped",
    }[end]
    notify(code=code, facts=_facts(membership), at=at, account_id=membership.payer_id)
    return membership


def _end(membership: Membership, reason: Membership.End, at: datetime) -> None:
    """The only place that ends a single membership; the caller holds its lock."""
    if membership.ended_at is not None:
        raise NotNow(_("This membership has already ended. There is nothing to do."))
    membership.ended_at, membership.end_reason = at, reason
    membership.save(update_fields=["ended_at", "end_reason"])


@transaction.atomic
def age_out_due(*, at: datetime) -> int:
    """End every membership whose member is past the highest age of its rules; returns how many."""
    return bulk.age_out(on=day(at), at=at)


# --- notices


def notify(
    *,
    code: str,
    facts: Mapping[str, object],
    at: datetime,
    account_id: int | None = None,
    plan_id: int | None = None,
) -> Notice:
    """One row for one account, or for all payers of a plan.

    Raises KeyError now, not before its reader, for a code or a fact that is missing.
    """
    notices.render(code, facts)
    return Notice.objects.create(
        account_id=account_id, plan_id=plan_id, code=code, facts=dict(facts), at=at
    )


def _facts(membership: Membership) -> dict[str, object]:
    """What the notices about a membership say. The name is masked: notices leave the house."""
    ended = membership.ended_at
    return {
        "name": rules.mask_name(membership.member.name),
        "number": membership.number,
        "joined_on": day(membership.joined_at).isoformat(),
        "covered_on": membership.covered_from.isoformat(),
        "age": membership.rules.max_age_years,
    } | ({"ended_on": day(ended).isoformat()} if ended else {})
