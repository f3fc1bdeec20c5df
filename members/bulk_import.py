"""The writer of imported people: a part of a list by COPY, all of it or nothing.

What is unique across members decides here: the registries of ID numbers, phones and addresses. The
rows are built as text once; `actions.judging` has judged each line by the rules of joining.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from members.phones import SealedPhone
from members.rules import IdNumber
from mutualaid.clock import midnight

# In the order of their foreign keys.
COLUMNS = {
    "account": "id, email, password, display_name, staff_number, is_staff, is_active,"
    " is_superuser, made_at",
    "phone": "number_hash, account_id, number_sealed, key_wrapped, tail, set_at",
    "member": "id, name, id_number_sealed, birth_on, sex, region, made_at",
    "datakey": "member_id, wrapped",
    "identitynumber": "id_hash, member_id",
    "householdlink": "account_id, member_id, relation, made_at, consented_at, consent_way",
    "declaration": "id, kind, member_id, question_set_id, answers_sealed, digest, declared_by_id,"
    " declared_at",
    "membership": "id, member_id, plan_id, payer_id, rules_id, declaration_id, joined_at,"
    " covered_from",
    "ruleconsent": "membership_id, rules_id, kind, by_id, at",
    "mandate": "account_id, given_at, expires_on",
    "notice": "account_id, code, facts, at",
}

_KNOWN = """
SELECT id_hash FROM members_identitynumber WHERE id_hash = ANY(%(numbers)s)
UNION ALL
SELECT number_hash FROM members_phone WHERE number_hash = ANY(%(phones)s)
"""
_KNOWN_EMAILS = "SELECT email FROM members_account WHERE email = ANY(%s)"

# A dry run writes no member; what it would have written it remembers for itself.
_REMEMBER = "CREATE TEMPORARY TABLE IF NOT EXISTS import_seen (what text PRIMARY KEY)"
_FORGET = "DROP TABLE IF EXISTS pg_temp.import_seen"
_SEEN = "SELECT what FROM import_seen WHERE what = ANY(%s)"
_SEE = "INSERT INTO import_seen SELECT DISTINCT unnest(%s::text[])"

_TOGETHER = "SELECT pg_advisory_lock(%s, %s)"
_IF_FREE = "SELECT pg_try_advisory_lock(%s, %s)"
_GO = "SELECT pg_advisory_unlock(%s, %s)"
_LOCK = 0x1A905  # of imports, among the advisory locks of this database


class Person(NamedTuple):
    """One line that may become a membership; all but the days is settled."""

    number: int  # of the line
    name: str
    identity: IdNumber
    id_hash: bytes
    relation: str
    consent: str
    member_id: int
    declaration_id: int
    membership_id: int
    key: bytes
    sealed_number: bytes
    sealed_answers: bytes
    digest: bytes
    question_set_id: int
    rules_id: int
    joined_on: date | None
    covered_from: date
    payment_agreed: tuple[date, date] | None  # given on, expires on


class Household(NamedTuple):
    """An account that comes with the people it pays for."""

    account_id: int
    email: str | None
    phone: SealedPhone | None
    people: Sequence[Person]

    @property
    def keys(self) -> list[str]:
        """What no other account may have."""
        phone = [hex_of(self.phone.number_hash)] if self.phone else []
        return phone + ([self.email] if self.email else [])


def hex_of(value: bytes) -> str:
    """How a hash is written among the known ones."""
    return value.hex()


def known(households: Iterable[Household], *, also_seen: bool) -> set[str]:
    """Which of their ID hashes, phone hashes (both in hex) and addresses are taken already.

    `also_seen`: by this dry run, too.
    """
    numbers, phones, emails = [], [], []
    for household in households:
        numbers += [person.id_hash for person in household.people]
        phones += [household.phone.number_hash] if household.phone else []
        emails += [household.email] if household.email else []
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, {"numbers": numbers, "phones": phones})
        taken = {bytes(value).hex() for (value,) in cursor.fetchall()}
        cursor.execute(_KNOWN_EMAILS, [emails])
        taken |= {email for (email,) in cursor.fetchall()}
        if also_seen:
            asked = [value.hex() for value in numbers + phones] + emails
            cursor.execute(_SEEN, [asked])
            taken |= {what for (what,) in cursor.fetchall()}
    return taken


def remember() -> None:
    """Begin a dry run: an empty memory of this connection."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        cursor.execute(_REMEMBER)


def forget() -> None:
    """The dry run is over."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


def see(households: Iterable[Household]) -> None:
    """In a dry run: remember who would have been written."""
    what = [key for household in households for key in household.keys]
    what += [hex_of(p.id_hash) for household in households for p in household.people]
    with connection.cursor() as cursor:
        cursor.execute(_SEE, [what])


def take_turn(run_id: int, *, wait: bool) -> bool:
    """One process at a time reads a list: wait for the turn, or say whether it is free. Kept until
    `end_turn` or the end of the connection."""
    with connection.cursor() as cursor:
        cursor.execute(_TOGETHER if wait else _IF_FREE, [_LOCK, run_id % 2**31])
        return wait or bool(cursor.fetchone()[0])


def end_turn(run_id: int) -> None:
    """Let the next one."""
    with connection.cursor() as cursor:
        cursor.execute(_GO, [_LOCK, run_id % 2**31])


class Terms(NamedTuple):
    """What all of a part have in common."""

    plan_id: int
    made_at: datetime
    notice: dict[str, object]


def write(households: Sequence[Household], terms: Terms) -> None:
    """COPY a part into the tables of people and memberships. Raises IntegrityError if somebody took
    a number, phone or address meanwhile; the caller's savepoint undoes it all. The registries come
    first, so that this shows at once."""
    for table, rows in _rows(households, terms).items():
        if rows:
            copy(table, "".join(rows).encode())


def copy(table: str, data: bytes | bytearray) -> None:
    """COPY prepared text into a table of this room, the columns being those of COLUMNS."""
    statement = f"COPY members_{table} ({COLUMNS[table]}) FROM STDIN"
    guarded = connection.wrap_database_errors
    with connection.cursor() as cursor, guarded, cursor.copy(statement) as stream:
        stream.write(data)


def _rows(households: Sequence[Household], terms: Terms) -> dict[str, list[str]]:
    at = terms.made_at.isoformat()
    rows: dict[str, list[str]] = {
        name: [] for name in ("identitynumber", "phone", "account", *COLUMNS)
    }
    for household in households:
        _account_rows(rows, household, terms, at)
        for person in household.people:
            _person_rows(rows, household.account_id, person, at)
            _membership_rows(rows, household.account_id, person, terms.plan_id, at)
    return rows


def _account_rows(rows: dict[str, list[str]], household: Household, terms: Terms, at: str) -> None:
    account = household.account_id
    email = _text(household.email) if household.email else "\\N"
    rows["account"].append(f"{account}\t{email}\t!\t\t\tf\tt\tf\t{at}\n")
    if phone := household.phone:
        rows["phone"].append(
            f"{_bytes(phone.number_hash)}\t{account}\t{_bytes(phone.number_sealed)}"
            f"\t{_bytes(phone.key_wrapped)}\t{phone.tail}\t{at}\n"
        )
    agreed = next((p.payment_agreed for p in household.people if p.payment_agreed), None)
    if agreed:
        rows["mandate"].append(f"{account}\t{_midnight(agreed[0])}\t{agreed[1]}\n")
    facts = json.dumps(terms.notice | {"people": len(household.people)}, ensure_ascii=False)
    rows["notice"].append(f"{account}\tbrought_in\t{_text(facts)}\t{at}\n")


def _person_rows(rows: dict[str, list[str]], account: int, who: Person, at: str) -> None:
    member, identity = who.member_id, who.identity
    joined = _midnight(who.joined_on) if who.joined_on else at
    rows["identitynumber"].append(f"{_bytes(who.id_hash)}\t{member}\n")
    rows["member"].append(
        f"{member}\t{_text(who.name)}\t{_bytes(who.sealed_number)}\t{identity.birth_on}"
        f"\t{identity.sex}\t{identity.region}\t{at}\n"
    )
    rows["datakey"].append(f"{member}\t{_bytes(who.key)}\n")
    rows["householdlink"].append(
        f"{account}\t{member}\t{who.relation}\t{at}\t{at}\t{who.consent}\n"
    )
    rows["declaration"].append(
        f"{who.declaration_id}\tjoining\t{member}\t{who.question_set_id}"
        f"\t{_bytes(who.sealed_answers)}\t{_bytes(who.digest)}\t{account}\t{joined}\n"
    )


def _membership_rows(
    rows: dict[str, list[str]], account: int, who: Person, plan_id: int, at: str
) -> None:
    joined = _midnight(who.joined_on) if who.joined_on else at
    rows["membership"].append(
        f"{who.membership_id}\t{who.member_id}\t{plan_id}\t{account}\t{who.rules_id}"
        f"\t{who.declaration_id}\t{joined}\t{who.covered_from}\n"
    )
    rows["ruleconsent"].append(
        f"{who.membership_id}\t{who.rules_id}\taccepted\t{account}\t{joined}\n"
    )


def _bytes(value: bytes) -> str:
    return f"\\\\x{value.hex()}"


def _text(value: str) -> str:
    """Names, addresses and facts have no control characters; a backslash is doubled."""
    return value.replace("\\", "\\\\")


@lru_cache(maxsize=4096)
def _midnight(on: date) -> str:
    return midnight(on).isoformat()
