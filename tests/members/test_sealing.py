"""What is decrypted is recorded, in the same transaction; what is sealed is bound to its place."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from members import actions
from members.models import AccessRecord, Account, DataKey, Member
from mutualaid import vault
from mutualaid.errors import NotNow
from tests import make

pytestmark = pytest.mark.django_db


def read(
    member: Member,
    sealed: bytes,
    where: str = "claims_claim.story:7",
    by: Account | None = None,
) -> bytes:
    return actions.open_sealed(
        member_id=member.pk,
        sealed=sealed,
        where=where,
        what="illness",
        by=by or make.guardian(member),
        why="own",
        at=make.NOON,
        object_id=7,
        page=2,
    )


def test_a_read_leaves_who_what_why_and_when() -> None:
    member = make.member()
    reader = make.staff("adjuster")
    sealed = actions.seal(member_id=member.pk, text="胸痛三天", where="claims_claim.story:7")

    assert read(member, sealed, by=reader).decode() == "胸痛三天"

    record = AccessRecord.objects.get()
    assert (record.member, record.by, record.what, record.why) == (member, reader, "illness", "own")
    assert (record.object_id, record.page, record.at) == (7, 2, make.NOON)


def test_the_record_and_the_read_are_rolled_back_together() -> None:
    member = make.member()
    sealed = actions.seal(member_id=member.pk, text="x", where="claims_claim.story:7")

    with transaction.atomic():
        read(member, sealed)
        transaction.set_rollback(True)

    assert not AccessRecord.objects.exists()


def test_a_read_that_cannot_be_recorded_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    member = make.member()
    sealed = actions.seal(member_id=member.pk, text="x", where="claims_claim.story:7")
    opened: list[int] = []
    monkeypatch.setattr(vault, "open_bytes", lambda *a, **k: opened.append(1))

    with pytest.raises(DatabaseError), transaction.atomic():
        actions.open_sealed(
            member_id=member.pk,
            sealed=sealed,
            where="claims_claim.story:7",
            what="illness",
            by=make.guardian(member),
            why="",  # access_has_a_reason
            at=make.NOON,
        )

    assert opened == []


def test_a_seal_opens_at_its_place_alone() -> None:
    member = make.member()
    sealed = actions.seal(member_id=member.pk, text="x", where="claims_claim.story:7")

    with pytest.raises(vault.SealBroken):
        read(member, sealed, where="claims_claim.story:8")


def test_a_seal_opens_for_its_member_alone() -> None:
    member, other = make.member(), make.member()
    sealed = actions.seal(member_id=member.pk, text="x", where="claims_claim.story:7")

    with pytest.raises(vault.SealBroken):
        read(other, sealed)


def test_without_the_data_key_nothing_opens() -> None:
    member = make.member()
    sealed = actions.seal(member_id=member.pk, text="x", where="claims_claim.story:7")
    DataKey.objects.filter(member=member).delete()

    with pytest.raises(NotNow):
        read(member, sealed)
    assert not AccessRecord.objects.exists()
