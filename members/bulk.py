"""The writer of sets: ends of memberships, copies of notices to everybody, and the demo crowd.

The same checks as `actions`, as SQL.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from django.db import connection, transaction

from members import crowd as invented
from members import places
from members.models import (
    Account,
    Declaration,
    HouseholdLink,
    Member,
    Membership,
    Notice,
    Plan,
    RuleConsent,
    Rules,
)
from members.rules import COMPOUND_SURNAMES, covered_from
from mutualaid import vault
from mutualaid.clock import SHANGHAI
from mutualaid.sequences import next_ids

EXPIRED_TOLD_DAYS = 30  # so long after a mandate has run out its payer may still be told

_END = """
UPDATE members_membership
   SET ended_at = %(at)s, end_reason = %(reason)s
 WHERE id = ANY(%(ids)s) AND ended_at IS NULL AND joined_at <= %(at)s
"""

# The name as rules.mask_name masks it, of a row that has `name` without spaces.
_MASKED = (
    """left(name, 1 + (length(name) > 2 AND left(name, 2) = ANY(%(compound)s))::int) || '**'"""
)

_LEAVE = f"""
WITH ended AS (
    UPDATE members_membership AS s
       SET ended_at = s.leaving_at, end_reason = 'left'
      FROM members_member AS m
     WHERE m.id = s.member_id AND s.ended_at IS NULL AND s.leaving_at <= %(at)s
 RETURNING s.id, s.payer_id, replace(m.name, ' ', '') AS name, s.leaving_at
), told AS (
    INSERT INTO members_notice (account_id, code, facts, at)
    SELECT payer_id, 'left',
           jsonb_build_object(
               'name', {_MASKED}, 'number', 'M' || lpad(id::text, 9, '0'),
               'ended_on', (leaving_at AT TIME ZONE 'Asia/Shanghai')::date),
           %(at)s
      FROM ended
)
SELECT count(*) FROM ended
"""  # noqa: S608 the part is a constant of this file

_AGE_OUT = f"""
WITH ended AS (
    UPDATE members_membership AS s
       SET ended_at = %(at)s, end_reason = 'aged_out'
      FROM members_member AS m
     WHERE m.id = s.member_id AND s.plan_id = %(plan)s
       AND s.ended_at IS NULL AND s.joined_at <= %(at)s
       AND m.birth_on <= %(born_by)s
 RETURNING s.id, s.payer_id, replace(m.name, ' ', '') AS name
), told AS (
    INSERT INTO members_notice (account_id, code, facts, at)
    SELECT payer_id, %(code)s,
           jsonb_build_object(
               'name', {_MASKED}, 'number', 'M' || lpad(id::text, 9, '0'),
               'ended_on', %(on)s::date, 'age', %(age)s::int) || %(offer)s::jsonb,
           %(at)s
      FROM ended
)
SELECT count(*) FROM ended
"""  # noqa: S608

_WARN_OF_AGE = f"""
WITH told AS (
    INSERT INTO members_notice (account_id, code, facts, at)
    SELECT payer_id, %(code)s,
           jsonb_build_object('name', {_MASKED}, 'number', number, 'age', %(age)s::int,
                              'ends_on', ends_on) || %(offer)s::jsonb,
           %(at)s
      FROM (SELECT s.payer_id, 'M' || lpad(s.id::text, 9, '0') AS number,
                   replace(m.name, ' ', '') AS name,
                   -- of 29 February, 1 March in other years
                   past::date + (extract(day FROM past) <> extract(day FROM m.birth_on))::int
                       AS ends_on
              FROM members_membership AS s
              JOIN members_member AS m ON m.id = s.member_id
             CROSS JOIN LATERAL
                   (SELECT m.birth_on + make_interval(years => %(age)s::int + 1) AS past) AS b
             WHERE s.plan_id = %(plan)s AND s.ended_at IS NULL
               AND m.birth_on > %(born_after)s AND m.birth_on <= %(born_by)s) AS soon
     WHERE NOT EXISTS (SELECT FROM members_notice AS n
                        WHERE n.account_id = payer_id AND n.code = %(code)s
                          AND n.facts->>'number' = number
                          AND n.facts->'age' = to_jsonb(%(age)s::int))
 RETURNING id
)
SELECT count(*) FROM told
"""  # noqa: S608

# Payers of open memberships whose mandate runs out in `step` days or less; once a step.
_WARN_OF_MANDATES = """
WITH told AS (
    INSERT INTO members_notice (account_id, code, facts, at)
    SELECT d.account_id, %(code)s,
           jsonb_build_object('expires_on', d.expires_on, 'step', %(step)s::int), %(at)s
      FROM members_mandate AS d
     WHERE d.revoked_at IS NULL AND d.expires_on > %(after)s AND d.expires_on <= %(until)s
       AND EXISTS (SELECT FROM members_membership AS s
                    WHERE s.payer_id = d.account_id AND s.ended_at IS NULL)
       AND NOT EXISTS (SELECT FROM members_notice AS n
                        WHERE n.account_id = d.account_id AND n.code = %(code)s
                          AND n.facts @> jsonb_build_object(
                                  'expires_on', d.expires_on, 'step', %(step)s::int))
 RETURNING id
)
SELECT count(*) FROM told
"""

_SILENCE = """
WITH part AS MATERIALIZED (
    SELECT id, joined_at, ended_at
      FROM members_membership
     WHERE plan_id = %(plan)s AND id > %(after)s
     ORDER BY id
     LIMIT %(size)s
), silent AS (
    INSERT INTO members_ruleconsent (membership_id, rules_id, kind, at)
    SELECT p.id, %(rules)s, 'silent', %(at)s
      FROM part AS p
     WHERE p.joined_at < %(begins)s AND (p.ended_at IS NULL OR p.ended_at >= %(begins)s)
       AND NOT EXISTS (SELECT FROM members_ruleconsent AS c
                        WHERE c.membership_id = p.id AND c.rules_id = %(rules)s
                          AND (c.kind = 'silent' OR c.at < %(begins)s))
 RETURNING id
)
SELECT (SELECT max(id) FROM part), (SELECT count(*) FROM silent)
"""

# The next accounts by id, whoever they are, so that a page is never a long search; of them those
# that pay for a membership of the plan. By the same rules as the trigger of members/models/notices.
_SPREAD = """
WITH part AS MATERIALIZED (
    SELECT id, email, is_active
      FROM members_account
     WHERE id > %(after)s
     ORDER BY id
     LIMIT %(size)s
), copied AS (
    INSERT INTO members_noticecopy (notice_id, account_id, channel, due_at, tries, why)
    SELECT %(notice)s, a.id, way.channel, %(at)s, 0, ''
      FROM part AS a
     CROSS JOIN (VALUES ('email'), ('sms')) AS way (channel)
     WHERE a.is_active
       AND EXISTS (SELECT FROM members_membership AS s
                    WHERE s.payer_id = a.id AND s.plan_id = %(plan)s
                      AND s.joined_at <= %(at)s
                      AND (s.ended_at IS NULL OR s.ended_at > %(since)s))
       AND CASE way.channel
           WHEN 'sms' THEN EXISTS (SELECT FROM members_phone AS p WHERE p.account_id = a.id)
           ELSE a.email IS NOT NULL AND a.email NOT LIKE '%%.invalid'
           END
)
SELECT max(id) FROM part
"""

# No membership ends before it begins: who joined on the very day of closing, in a plan whose rules
# leave no time after it, ends at the instant of joining.
_DISSOLVE = """
WITH part AS MATERIALIZED (
    SELECT id FROM members_membership
     WHERE plan_id = %(plan)s AND id > %(after)s AND ended_at IS NULL
     ORDER BY id
     LIMIT %(size)s
), ended AS (
    UPDATE members_membership AS s
       SET ended_at = greatest(s.joined_at, %(ends_at)s), end_reason = 'dissolved'
      FROM part AS p
     WHERE s.id = p.id AND s.ended_at IS NULL
 RETURNING s.id
)
SELECT (SELECT max(id) FROM part), (SELECT count(*) FROM ended)
"""


def end_in_sets(membership_ids: Sequence[int], reason: str, at: datetime) -> int:
    """End those that are open, all at once; returns how many. Locks their rows.

    Notices are the caller's. Raises ValueError for a reason that is none.
    """
    values: dict[str, Any] = {
        "ids": list(membership_ids),
        "reason": Membership.End(reason).value,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_END, values)
        count: int = cursor.rowcount
    return count


def leave(*, at: datetime) -> int:
    """End every membership whose wish to leave took effect by then, at that instant, and tell its
    payer; returns how many. Locks their rows."""
    return _count(_LEAVE, {"at": at, "compound": list(COMPOUND_SURNAMES)})


def age_out(*, terms: Rules, on: date, at: datetime) -> int:
    """End every open membership of the plan whose member has passed the highest age of the rules in
    force, and tell its payer; returns how many. Locks their rows."""
    age = terms.max_age_years
    values = _about_age(terms, "aged_out", on) | {"on": on, "at": at, "age": age}
    return _count(_AGE_OUT, values | {"born_by": born_by(age + 1, on)})


def warn_of_age(*, terms: Rules, on: date, until: date, at: datetime) -> int:
    """Tell the payer of every open membership that will end by age after `on` and by `until`, once
    for each; returns how many were told."""
    age = terms.max_age_years
    values = _about_age(terms, "ageing_out", on) | {"at": at, "age": age}
    born = {"born_after": born_by(age + 1, on), "born_by": born_by(age + 1, until)}
    return _count(_WARN_OF_AGE, values | born)


def born_by(age: int, on: date) -> date:
    """The latest birthday of whoever is at least that old on that day (rules.age_on)."""
    if (on.month, on.day) == (2, 28) and not _is_leap(on.year) and _is_leap(on.year - age):
        return date(on.year - age, 2, 28)  # of 29 February: a year older only tomorrow
    if (on.month, on.day) == (2, 29) and not _is_leap(on.year - age):
        return date(on.year - age, 2, 28)
    return on.replace(year=on.year - age)


def _is_leap(year: int) -> bool:
    return monthrange(year, 2)[1] == 29  # noqa: PLR2004 - days of February


def _about_age(terms: Rules, code: str, on: date) -> dict[str, Any]:
    """The plan, and the code and facts of a notice that offers the next one where there is one that
    takes people on that day."""
    after = terms.next_plan
    closed = after is None or (after.closed_on is not None and after.closed_on <= on)
    offer = {} if closed or after is None else {"next_zh": after.name_zh, "next_en": after.name_en}
    return {
        "plan": terms.plan_id,
        "compound": list(COMPOUND_SURNAMES),
        "code": f"{code}_offer" if offer else code,
        "offer": json.dumps(offer),
    }


def warn_of_mandates(*, on: date, at: datetime, steps: Sequence[int]) -> int:
    """Tell the payers of open memberships whose mandate expires within the smallest of `steps`
    days, or has expired; once a step and mandate. Returns how many were told."""
    told = 0
    ends = [-EXPIRED_TOLD_DAYS, 0, *sorted(steps)]
    for low, high in pairwise(ends):
        code = "mandate_expired" if high == 0 else "mandate_expiring"
        window = {"after": on + timedelta(days=low), "until": on + timedelta(days=high)}
        told += _count(_WARN_OF_MANDATES, {"code": code, "step": high, "at": at} | window)
    return told


def spread(*, notice: Notice, after: int, size: int, since: datetime) -> int | None:
    """Write the copies of a notice to everybody for the next `size` accounts after the id `after`:
    of those who pay for somebody that was in the plan at its instant, or until `since`. Returns the
    last id of the part, None when none was left. The caller holds the broadcast."""
    values: dict[str, Any] = {
        "notice": notice.pk,
        "plan": notice.plan_id,
        "at": notice.at,
        "since": since,
        "after": after,
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, values)
        last: int | None = cursor.fetchone()[0]
    return last


def _count(statement: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        count: int = cursor.fetchone()[0]
    return count


def dissolve(*, plan_id: int, ends_at: datetime, after: int, size: int) -> tuple[int | None, int]:
    """Of the plan's next `size` open memberships after the id `after`, end each as of `ends_at`.
    Returns the last id of the part, None when none was left, and how many ended. Locks their rows.
    """
    values: dict[str, Any] = {
        "plan": plan_id,
        "ends_at": ends_at,
        "after": after,
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DISSOLVE, values)
        last, ended = cursor.fetchone()
    return last, ended


def silence(
    *, rules: Rules, begins: datetime, after: int, size: int, at: datetime
) -> tuple[int | None, int]:
    """Of the plan's next `size` memberships after the id `after`, write down those that were open
    when the version began and had not accepted it by then: silent, once.

    Returns the last id of the part, None when none was left, and how many were silent. The caller
    keeps acceptances out meanwhile.
    """
    values: dict[str, Any] = {
        "plan": rules.plan_id,
        "rules": rules.pk,
        "begins": begins,
        "after": after,
        "size": size,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SILENCE, values)
        last, silent = cursor.fetchone()
    return last, silent


# --- the demo crowd

# How the people of the crowd agreed that the first of their family acts for them.
CONSENT = {"self": "self", "child": "guardian", "spouse": "code", "parent": "code"}

_AT_ODDS = """
SELECT count(*)
  FROM members_membership AS s
  JOIN members_member AS m ON m.id = s.member_id
  JOIN members_rules AS r ON r.id = s.rules_id
 WHERE s.id BETWEEN %(first)s AND %(last)s
   AND ((s.joined_at AT TIME ZONE 'Asia/Shanghai')::date - m.birth_on < r.min_age_days
        OR m.birth_on + make_interval(years => r.max_age_years::int + 1)
           <= (s.joined_at AT TIME ZONE 'Asia/Shanghai')::date
        OR s.covered_from
           <> (s.joined_at AT TIME ZONE 'Asia/Shanghai')::date + r.waiting_days
        OR NOT EXISTS (SELECT FROM members_householdlink AS h
                        WHERE h.member_id = m.id AND h.account_id = s.payer_id))
"""


class Crowd(NamedTuple):
    """What `crowd` wrote, and the range of its membership ids (no others lie within)."""

    accounts: int
    members: int
    first_membership: int
    last_membership: int


class CrowdUnsound(Exception):
    """The crowd breaks a rule that `actions.join` keeps. Nothing was written."""


class _Row(NamedTuple):
    """One person on the way into the tables: the ids of its rows, and what is sealed."""

    person: invented.Person
    account: int
    member: int
    link: int
    declaration: int
    membership: int
    consent: int
    joined_on: date
    joined_at: str


class _Sealed(NamedTuple):
    key: bytes
    number: bytes
    answers: bytes


@transaction.atomic
def crowd(
    *, plan_id: int, joined_on: Sequence[date], people: int = 71_177, seed: int = 20211207
) -> Crowd:
    """Invented members of a plan, in sets: accounts, people, keys, identities, family links,
    declarations, memberships, consents.

    `joined_on`: days in Asia/Shanghai over which families are spread. The same seed gives the same
    people; only keys and nonces differ. Once per database: the ID numbers would meet again.
    Raises CrowdUnsound when a check fails. 71,177: a thousandth of the real plan (domain.md §2a).
    """
    families = list(invented.families(people=people, joined_on=list(joined_on), seed=seed))
    rows = list(_numbered(families, seed))
    terms = _terms(plan_id, joined_on)
    _copy_people(rows, terms)
    _copy_memberships(rows, plan_id, terms)
    _check(rows[0].membership, rows[-1].membership)
    return Crowd(len(families), len(rows), rows[0].membership, rows[-1].membership)


def _numbered(families: Sequence[invented.Family], seed: int) -> Iterator[_Row]:
    people = sum(len(family.people) for family in families)
    accounts = iter(next_ids(Account, len(families)))
    tables = (Member, HouseholdLink, Declaration, Membership, RuleConsent)
    ids = zip(*(next_ids(table, people) for table in tables), strict=True)
    chance = Random(seed)  # noqa: S311 - a repeatable crowd, not a secret
    for family in families:
        account = next(accounts)
        at = datetime.combine(family.joined_on, time(8), tzinfo=SHANGHAI)
        at += timedelta(seconds=chance.randrange(14 * 3600))
        for person in family.people:
            member, link, declaration, membership, consent = next(ids)
            yield _Row(
                person=person,
                account=account,
                member=member,
                link=link,
                declaration=declaration,
                membership=membership,
                consent=consent,
                joined_on=family.joined_on,
                joined_at=at.isoformat(),
            )


def _terms(plan_id: int, joined_on: Sequence[date]) -> dict[date, tuple[Rules, str]]:
    """For each day the rules in force and the answers of who meets their health requirement."""
    plan = Plan.objects.get(pk=plan_id)
    terms = {}
    for on in set(joined_on):
        rules = Rules.objects.in_force(plan, on)
        codes = rules.question_set.questions.values_list("code", flat=True)
        terms[on] = (rules, places.written(dict.fromkeys(codes, "no")))
    return terms


def _sealed(row: _Row, answers: str) -> _Sealed:
    key, seal = vault.new_sealer(row.member)
    return _Sealed(
        key,
        seal(row.person.number, places.id_number(row.member)),
        seal(answers, places.declaration(row.declaration)),
    )


def _copy(table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    statement = f"COPY members_{table} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_people(rows: Sequence[_Row], terms: dict[date, tuple[Rules, str]]) -> None:
    """Accounts without a password, people, keys, identities, family links, declarations."""
    _copy(
        "account",
        "id, email, password, display_name, staff_number, is_staff, is_active, is_superuser,"
        " made_at",
        (_account(row) for row in rows if row.person.relation == "self"),
    )
    both = [(row, _sealed(row, terms[row.joined_on][1])) for row in rows]
    _copy(
        "member",
        "id, name, id_number_sealed, birth_on, sex, region, made_at",
        (_member(row, sealed) for row, sealed in both),
    )
    _copy("datakey", "member_id, wrapped", ((row.member, sealed.key) for row, sealed in both))
    _copy(
        "identitynumber",
        "id_hash, member_id",
        ((places.id_hash(row.person.number), row.member) for row in rows),
    )
    _copy(
        "householdlink",
        "id, account_id, member_id, relation, made_at, consented_at, consent_way",
        (
            (r.link, r.account, r.member, who, r.joined_at, r.joined_at, CONSENT[who])
            for r in rows
            for who in [r.person.relation]
        ),
    )
    payers = (row for row in rows if row.person.relation == "self")
    _copy(
        "mandate",
        "account_id, given_at, expires_on",
        ((r.account, r.joined_at, _mandate_ends(r, terms[r.joined_on][0])) for r in payers),
    )
    _copy(
        "declaration",
        "id, kind, member_id, question_set_id, answers_sealed, digest, declared_by_id, declared_at",
        (_declaration(row, sealed, *terms[row.joined_on]) for row, sealed in both),
    )


def _mandate_ends(row: _Row, rules: Rules) -> date:
    return row.joined_on + timedelta(days=rules.mandate_days)


def _account(row: _Row) -> Sequence[Any]:
    email = f"{row.account}@crowd.invalid"
    return row.account, email, "!", row.person.name, "", "f", "t", "f", row.joined_at


def _member(row: _Row, sealed: _Sealed) -> Sequence[Any]:
    who = row.person
    return row.member, who.name, sealed.number, who.born, who.sex, who.province, row.joined_at


def _declaration(row: _Row, sealed: _Sealed, rules: Rules, answers: str) -> Sequence[Any]:
    digest = places.digest(row.member, answers)
    return (
        row.declaration,
        "joining",
        row.member,
        rules.question_set_id,
        sealed.answers,
        digest,
        row.account,
        row.joined_at,
    )


def _copy_memberships(
    rows: Sequence[_Row], plan_id: int, terms: dict[date, tuple[Rules, str]]
) -> None:
    covered = {on: covered_from(on, rules.waiting_days) for on, (rules, _) in terms.items()}
    version = {on: rules.pk for on, (rules, _) in terms.items()}
    _copy(
        "membership",
        "id, member_id, plan_id, payer_id, rules_id, declaration_id, joined_at, covered_from",
        (
            (
                r.membership,
                r.member,
                plan_id,
                r.account,
                version[r.joined_on],
                r.declaration,
                r.joined_at,
                covered[r.joined_on],
            )
            for r in rows
        ),
    )
    _copy(
        "ruleconsent",
        "id, membership_id, rules_id, kind, by_id, at",
        (
            (r.consent, r.membership, version[r.joined_on], "accepted", r.account, r.joined_at)
            for r in rows
        ),
    )


def _check(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_AT_ODDS, {"first": first, "last": last})
        at_odds = cursor.fetchone()[0]
    if at_odds:
        raise CrowdUnsound(f"{at_odds} invented memberships break the rules of joining.")
