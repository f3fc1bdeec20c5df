"""The lines of a list of members, judged one by one by the rules of joining.

What a line does not say is not guessed: it is refused in both languages, for whoever reads the file
of the lines that were not taken. Beside the plan's versions, read once, no table is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from members import imports, phones, places, rules
from members.actions.ends import waiting_days
from members.actions.joining import check_age, check_answers
from members.actions.people import checked_name, checked_number
from members.bulk_import import Household, Person
from members.imports import Layout, Line, Refused, Sentence
from members.models import (
    HouseholdLink,
    Member,
    Plan,
    QuestionSet,
    Rules,
)
from members.reference import PAPER_ANSWERS, ensure_paper_questions
from mutualaid import clock, errors, vault
from mutualaid.clock import day
from mutualaid.errors import Invalid

ADULT = 18
NO_ACCOUNT = gettext_lazy(
    "No line of this family names a phone number or e-mail address that does."
)


class Ids(NamedTuple):
    """Ids for as many lines as a part can have, whether they are needed or not."""

    accounts: Iterator[int]
    members: Iterator[int]
    declarations: Iterator[int]
    memberships: Iterator[int]


class Judge:
    """May the people of a list join this plan today? The rules of joining, line by line."""

    def __init__(self, plan: Plan, layout: Layout, at: datetime) -> None:
        """Reads the plan's versions; afterwards no table is asked."""
        self.plan, self.layout, self.at, self.today = plan, layout, at, day(at)
        self.versions = list(
            plan.rules.published().select_related("question_set", "plan").order_by("-effective_on")
        )
        self.codes = {
            version.pk: list(version.question_set.questions.values_list("code", flat=True))
            for version in self.versions
        }
        self.paper: QuestionSet = ensure_paper_questions()
        self.written: dict[str, str] = {}
        self.fit: set[tuple[int, date, date]] = set()

    # -- one family

    def household(self, family: Sequence[Line], ids: Ids) -> tuple[Household | None, list[Refused]]:
        """The account with those of its people who may join, and the others with the reason."""
        refused = [Refused(line, line.problem) for line in family if line.problem]
        contact, checked = _Contact(), []
        for line in family:
            if not line.problem:
                found = in_both(partial(self._checked, line, contact))
                if isinstance(found, _Checked):
                    checked.append((line, found))
                else:
                    refused.append(Refused(line, found))
        if not checked or not (contact.phone or contact.email):
            no_account = imports.sentence(NO_ACCOUNT)
            return None, refused + [Refused(line, no_account) for line, _found in checked]
        account = next(ids.accounts)
        people = [self._sealed(line, found, ids) for line, found in checked]
        phone = phones.sealed(contact.phone, account_id=account) if contact.phone else None
        return Household(account, contact.email or None, phone, people), refused

    # -- one line

    def _checked(self, line: Line, contact: _Contact) -> _Checked:
        """What the line says, if all of it will do. Raises a refusal in the active language."""
        fields = line.fields
        contact.add(fields)
        name = checked_name(fields["name"])
        if not name.isprintable():
            raise Invalid(_("Write the full name as it stands on the ID card."), field="name")
        identity = checked_number(fields["id_number"], self.at)
        relation = imports.RELATIONS.get(fields["relation"].lower())
        if relation is None:
            raise Invalid(
                _("Say how this person is related: self, parent, spouse or child."),
                field="relation",
            )
        joined_on = self._joined_on(fields)
        on = joined_on or self.today
        version = self._version(fields, on)
        self._check_age(identity.birth_on, version, on)
        answers, question_set = self._health(fields, version)
        return _Checked(
            name=name,
            identity=identity,
            relation=relation,
            consent=_consent(fields, relation, rules.age_on(identity.birth_on, self.today)),
            answers=answers,
            question_set_id=question_set,
            rules_id=version.pk,
            joined_on=joined_on,
            covered_from=self._covered_from(fields, identity.birth_on, version, on),
            payment_agreed=contact.payment(fields, version, self.today),
        )

    def _joined_on(self, fields: dict[str, str]) -> date | None:
        """A day before today only where no roster can have been locked without the person."""
        on = _day(fields, "joined_on")
        if on is None or on == self.today:
            return None
        begins = self.plan.shares_from or self.plan.opened_on
        if on > self.today:
            raise Invalid(_("The day of joining is still to come."), field="joined_on")
        if on < self.plan.opened_on:
            raise Invalid(_("The plan was not open yet on the day of joining."), field="joined_on")
        if begins <= self.today:
            raise Invalid(
                _(
                    "This plan shares costs already, so nobody can have joined it before today."
                    " Leave the day of joining empty; waiting_since keeps the days waited."
                ),
                field="joined_on",
            )
        return on

    def _version(self, fields: dict[str, str], on: date) -> Rules:
        version = next((v for v in self.versions if v.effective_on <= on), None)
        if version is None:
            raise Invalid(_("The plan was not open yet on the day of joining."), field="joined_on")
        if fields["rules"] != version.version:
            raise Invalid(
                _("The line does not say that version %(version)s of the rules was accepted.")
                % {"version": version.version},
                field="rules",
            )
        return version

    def _check_age(self, birth_on: date, version: Rules, on: date) -> None:
        known = (version.pk, birth_on, on)
        if known not in self.fit:
            who = cast(Member, SimpleNamespace(birth_on=birth_on))
            check_age(who, version, clock.midnight(on))
            self.fit.add(known)

    def _health(self, fields: dict[str, str], version: Rules) -> tuple[str, int]:
        """The answers as they are kept, and to which questions: on paper, or each in its column."""
        if fields.get("declared", "").lower() in imports.PAPER:
            return places.written(PAPER_ANSWERS), self.paper.pk
        answers = {
            code: imports.ANSWERS.get(fields.get(f"health:{code}", "").lower(), "")
            for code in self.codes[version.pk]
        }
        if fields.get("declared") or not all(answers.values()):
            raise Invalid(
                _(
                    "The line does not say how the health questions were answered: “paper” in the"
                    " column declared, or an answer in the column of each question."
                ),
                field="declared",
            )
        check_answers(set(answers.values()))
        return places.written(answers), version.question_set_id

    def _covered_from(
        self, fields: dict[str, str], birth_on: date, version: Rules, on: date
    ) -> date:
        """By the rules; days waited before count only if the line says since when."""
        wait = waiting_days(version, birth_on, on)
        since = _day(fields, "waiting_since")
        if since is None:
            return rules.covered_from(on, wait)
        if since > on:
            raise Invalid(
                _("The waiting period cannot have begun after the day of joining."),
                field="waiting_since",
            )
        return max(on, rules.covered_from(since, wait))

    def _sealed(self, line: Line, found: _Checked, ids: Ids) -> Person:
        member, declaration = next(ids.members), next(ids.declarations)
        key, seal = vault.new_sealer(member)
        return Person(
            number=line.number,
            name=found.name,
            identity=found.identity,
            id_hash=places.id_hash(found.identity.number),
            relation=found.relation,
            consent=found.consent,
            member_id=member,
            declaration_id=declaration,
            membership_id=next(ids.memberships),
            key=key,
            sealed_number=seal(found.identity.number, places.id_number(member)),
            sealed_answers=seal(found.answers, places.declaration(declaration)),
            digest=places.digest(member, found.answers),
            question_set_id=found.question_set_id,
            rules_id=found.rules_id,
            joined_on=found.joined_on,
            covered_from=found.covered_from,
            payment_agreed=found.payment_agreed,
        )


class _Checked(NamedTuple):
    """What a line says, all of it sound."""

    name: str
    identity: rules.IdNumber
    relation: str
    consent: str
    answers: str
    question_set_id: int
    rules_id: int
    joined_on: date | None
    covered_from: date
    payment_agreed: tuple[date, date] | None


@dataclass
class _Contact:
    """The account of a family, from the first line that names it; no later line may differ."""

    phone: str = ""
    email: str = ""
    agreed_on: date | None = None

    def add(self, fields: dict[str, str]) -> None:
        self.phone = _agree(self.phone, _phone(fields.get("phone", "")), "phone")
        self.email = _agree(self.email, _email(fields.get("email", "")), "email")

    def payment(
        self, fields: dict[str, str], version: Rules, today: date
    ) -> tuple[date, date] | None:
        """(given on, expires on) of the family's agreement to debits, if the line names it."""
        on = _day(fields, "payment_agreed_on")
        if on is None:
            return None
        expires = on + timedelta(days=version.mandate_days)
        if on > today or expires <= today:
            raise Invalid(
                _("The agreement to debits is from a day to come, or has expired since."),
                field="payment_agreed_on",
            )
        if self.agreed_on not in (None, on):
            raise _differs("payment_agreed_on")
        self.agreed_on = on
        return on, expires


def _agree(before: str, now: str, name: str) -> str:
    if before and now and before != now:
        raise _differs(name)
    return before or now


def _differs(name: str) -> Invalid:
    return Invalid(
        _("A line of this family before it says something else in the column %(name)s.")
        % {"name": name},
        field=name,
    )


def _phone(text: str) -> str:
    if not text:
        return ""
    try:
        return phones.normal(text, allow_demo=settings.DEMO)
    except ValueError as error:
        raise Invalid(str(error), field="phone") from error


def _email(text: str) -> str:
    if not text:
        return ""
    try:
        validate_email(text)
    except ValidationError as error:
        raise Invalid(_("This is no e-mail address."), field="email") from error
    return text.lower()


def _day(fields: dict[str, str], name: str) -> date | None:
    text = fields.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError as error:
        raise Invalid(
            _("A day is written like 2021-12-01 in the column %(name)s.") % {"name": name},
            field=name,
        ) from error


def _consent(fields: dict[str, str], relation: str, age: int) -> str:
    """How the person agreed that the account acts for them; an adult's agreement is on paper."""
    if relation == HouseholdLink.Relation.SELF:
        return HouseholdLink.Consent.SELF
    if age < ADULT:
        return HouseholdLink.Consent.GUARDIAN
    if fields.get("consent", "").lower() not in imports.PAPER:
        raise Invalid(
            _(
                "The line does not say that this adult has agreed: “paper” in the column consent,"
                " if you keep the signed sheet."
            ),
            field="consent",
        )
    return HouseholdLink.Consent.PAPER


def in_both(check: Callable[[], _Checked]) -> _Checked | Sentence:
    """What the check found, or its refusal in both languages."""
    said = []
    for language in ("zh-hans", "en"):
        with translation.override(language):
            try:
                return check()
            except errors.Refused as error:
                said.append(str(error))
    return said[0], said[1]
