"""Invented people in any number, for measurements and for the plans of queries alone.

They fill a scratch database whose owner we are: foreign keys are taken off first (they cost most of
the time and matter for writing alone), indexes stay. What is sealed is random bytes of the right
length; nobody of them can be opened.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connections

from members import phones, places
from members.crowd import GIVEN, SURNAMES
from members.models import Plan

# Tables of which there are as many rows as people (design §4).
MEMBER_SCALE = frozenset({
    "members_account", "members_phone", "members_member", "members_datakey",
    "members_identitynumber", "members_householdlink", "members_declaration",
    "members_membership", "members_ruleconsent", "members_mandate", "members_notice",
    "members_noticepreference", "members_noticecopy", "members_accessrecord",
})  # fmt: skip

_KEYS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
 WHERE contype = 'f' AND conrelid::regclass::text LIKE 'members\\_%%'
"""
_PART = 500_000

# Two people to an account; ids above everything that is there.
_FILL = [
    """INSERT INTO members_account (id, email, password, display_name, staff_number, is_staff,
              is_active, is_superuser, made_at)
       SELECT i, 'p' || i || '@bench.invalid', '!', '', '', false, true, false, %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 2 = 0""",
    """INSERT INTO members_phone (number_hash, account_id, number_sealed, key_wrapped, tail, set_at)
       SELECT sha256(int8send(-i)), i, substr(sha256(int8send(i)) || sha256(int8send(i)), 1, 39),
              sha256(int8send(i)) || sha256(int8send(i + 1)), right('000' || i, 4), %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 2 = 0""",
    """INSERT INTO members_member (id, name, id_number_sealed, birth_on, sex, region, made_at)
       SELECT i, substr(%(surnames)s, 1 + (random() * (length(%(surnames)s) - 1))::int, 1)
                 || substr(%(given)s, 1 + (random() * (length(%(given)s) - 1))::int, 1)
                 || substr(%(given)s, 1 + (random() * (length(%(given)s) - 1))::int, 1),
              substr(sha256(int8send(i)) || sha256(int8send(i + 1)), 1, 46),
              date '1960-01-01' + (random() * 18000)::int, CASE i %% 2 WHEN 0 THEN 'm' ELSE 'f' END,
              '33', %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_datakey (member_id, wrapped)
       SELECT i, sha256(int8send(i)) || sha256(int8send(i + 1))
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_identitynumber (id_hash, member_id)
       SELECT sha256(int8send(i)), i FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_householdlink
              (account_id, member_id, relation, made_at, consented_at, consent_way)
       SELECT i - i %% 2, i, CASE i %% 2 WHEN 0 THEN 'self' ELSE 'spouse' END, %(at)s, %(at)s,
              CASE i %% 2 WHEN 0 THEN 'self' ELSE 'code' END
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_declaration (id, kind, member_id, question_set_id, answers_sealed,
              digest, declared_by_id, declared_at)
       SELECT i, 'joining', i, %(questions)s, sha256(int8send(i)) || sha256(int8send(i + 1)),
              sha256(int8send(i)), i - i %% 2, %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_membership (id, member_id, plan_id, payer_id, rules_id, declaration_id,
              joined_at, covered_from)
       SELECT i, i, %(plan)s, i - i %% 2, %(rules)s, i,
              %(at)s::timestamptz - make_interval(secs => (%(last)s - i) %% 100000),
              %(at)s::timestamptz::date + 90
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_ruleconsent (membership_id, rules_id, kind, by_id, at)
       SELECT i, %(rules)s, 'accepted', i - i %% 2, %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i""",
    """INSERT INTO members_mandate (account_id, given_at, expires_on)
       SELECT i, %(at)s, %(at)s::timestamptz::date + 730
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 2 = 0""",
    """INSERT INTO members_notice (account_id, code, facts, at)
       SELECT i, 'brought_in',
              '{"plan_zh": "x", "plan_en": "x", "joined_on": "2021-01-01", "people": 2}', %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 2 = 0""",
    """INSERT INTO members_noticepreference (account_id, email, sms, digest, language, read_to)
       SELECT i, true, true, false, 'zh-hans', 0
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 2 = 0""",
    """INSERT INTO members_accessrecord (member_id, by_id, what, why, at)
       SELECT i, i - i %% 2, 'id_number', 'own', %(at)s
         FROM generate_series(%(first)s::bigint, %(last)s) AS i WHERE i %% 5 = 0""",
]  # fmt: skip

FIRST = 1_000_000  # even; the ids of the invented begin here


def fill(*, plan: Plan, rows: int, told: Callable[[int], None] | None = None) -> range:
    """So many members of a plan, two to an account; returns their ids, which are also those of
    their memberships. The owner's connection writes, in parts, each committed."""
    rules = plan.rules.latest("effective_on")
    common = {
        "at": rules.published_at,
        "surnames": "".join(name * weight for names, weight in SURNAMES.items() for name in names),
        "given": "".join(GIVEN.values()),
        "plan": plan.pk,
        "rules": rules.pk,
        "questions": rules.question_set_id,
    }
    with connections["owner"].cursor() as cursor:
        _take_off_keys(cursor)
        for first in range(FIRST, FIRST + rows, _PART):
            last = min(first + _PART, FIRST + rows) - 1
            for statement in _FILL:
                cursor.execute(statement, common | {"first": first, "last": last})
            if told:
                told(last - FIRST + 1)
        for table in sorted(MEMBER_SCALE):
            cursor.execute(f"ANALYZE {table}")
    return range(FIRST, FIRST + rows)


def _take_off_keys(cursor: object) -> None:
    cursor.execute(_KEYS)  # type: ignore[attr-defined]
    for table, key in cursor.fetchall():  # type: ignore[attr-defined]
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{key}"')  # type: ignore[attr-defined]


def name_number(*, member_id: int, id_number: str, phone: str) -> None:
    """Let an invented member with an account be found by an ID number and a phone number that the
    caller knows. The phone's is sealed like a real one: pages that show its owner can open it."""
    sealed = phones.sealed(phone, account_id=member_id)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE members_identitynumber SET id_hash = %s WHERE member_id = %s",
            [places.id_hash(id_number), member_id],
        )
        cursor.execute(
            """UPDATE members_phone SET number_hash = %s, number_sealed = %s, key_wrapped = %s,
                      tail = %s WHERE account_id = %s""",
            [*sealed, member_id],
        )
