"""Encrypting, and decrypting with a record of who reads what and why."""

from __future__ import annotations

import json
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from members import places
from members.models import AccessRecord, Account, DataKey, Declaration, Member
from mutualaid import vault
from mutualaid.errors import NotNow


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

    `what` and `why` are codes (models.AccessRecord). Raises vault.SealBroken at a wrong place, and
    NotNow for somebody who was forgotten. May-I is asked by whoever calls.
    """
    AccessRecord.objects.create(
        member_id=member_id, by=by, what=what, object_id=object_id, page=page, why=why, at=at
    )
    return vault.open_bytes(bytes(sealed), key=_key(member_id), member_id=member_id, where=where)


def _key(member_id: int) -> bytes:
    """The wrapped data key. Raises NotNow for somebody who was forgotten: it is gone for good."""
    key = DataKey.objects.filter(member_id=member_id).first()
    if key is None:
        raise NotNow(_("This person's data were erased at their wish. There is nothing to show."))
    return bytes(key.wrapped)


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
