"""The house's key changes while people write: no row is lost, and everything opens afterwards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import BinaryField

from members import actions, places
from members.actions import rotating
from members.models import DataKey, Declaration, JoinDraft, Member, Phone, PreCheck
from members.rules import demo_id_number
from mutualaid import sealed_files, vault
from tests import make
from tests.trials import trials

OLD, NEW = "old:" + "11" * 32, "new:" + "22" * 32
WRITERS = 8


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.VAULT_KEYS = OLD


def number_of(member: Member) -> str:
    return actions.open_id_number(
        member_id=member.pk, by=make.guardian(member), why="own", at=make.NOON
    )


@pytest.mark.django_db
def test_everything_opens_by_the_new_key_alone_and_no_value_was_touched(settings: Any) -> None:
    membership = make.membership()
    member, before = membership.member, bytes(membership.member.id_number_sealed)
    answers = actions.open_declaration(
        declaration_id=membership.declaration_id, by=membership.payer, why="own", at=make.NOON
    )
    settings.VAULT_KEYS = f"{NEW},{OLD}"

    count = actions.rotate_keys(size=1)

    settings.VAULT_KEYS = NEW
    assert count == DataKey.objects.count() == 1
    assert len(number_of(member)) == 18
    assert bytes(Member.objects.get().id_number_sealed) == before
    assert answers == actions.open_declaration(
        declaration_id=membership.declaration_id, by=membership.payer, why="own", at=make.NOON
    )


@pytest.mark.django_db
def test_phones_and_files_are_wrapped_anew(settings: Any, tmp_path: Path) -> None:
    account, path = make.account(), Path(settings.IMPORT_DIR) / "list"
    sealed = vault.new_sealer(account.pk)
    Phone.objects.create(
        number_hash=b"1", account=account, tail="0001", set_at=make.NOON,
        key_wrapped=sealed[0], number_sealed=sealed[1]("12000000001", places.phone(account.pk)),
    )  # fmt: skip
    writer = sealed_files.SealedWriter(path)
    writer.write(b"x" * 100_000)
    writer.close()
    settings.VAULT_KEYS = f"{NEW},{OLD}"

    assert actions.rotate_keys() == 2
    assert actions.rotate_keys() == 0

    settings.VAULT_KEYS = NEW
    phone = Phone.objects.get()
    where: dict[str, Any] = {"member_id": account.pk, "where": places.phone(account.pk)}
    opened = vault.open_text(bytes(phone.number_sealed), key=bytes(phone.key_wrapped), **where)
    assert opened == "12000000001"
    with sealed_files.open_file(path) as file:
        assert file.read() == b"x" * 100_000


def test_every_column_of_wrapped_keys_is_rotated() -> None:
    columns = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField) and field.name.endswith("wrapped")
    }

    assert columns == {(column.table, column.column) for column in rotating.COLUMNS}


@pytest.mark.django_db
def test_the_command_says_when_the_old_key_can_go(settings: Any) -> None:
    make.member()
    settings.VAULT_KEYS = f"{NEW},{OLD}"
    said = StringIO()

    with pytest.raises(CommandError, match="Run rotate_keys again"):
        call_command("rotate_keys", check=True, stdout=StringIO())
    call_command("rotate_keys", stdout=said)

    assert "1 keys were wrapped anew by “new”." in said.getvalue()
    assert "Nothing in the database needs old any more" in said.getvalue()


@pytest.mark.django_db
def test_a_house_key_that_is_missing_is_named_and_nothing_is_lost(settings: Any) -> None:
    member = make.member()
    settings.VAULT_KEYS = NEW

    with pytest.raises(CommandError, match="not configured"):
        call_command("rotate_keys", stdout=StringIO())

    settings.VAULT_KEYS = OLD
    assert len(number_of(member)) == 18


class Writers:
    """Eight people who write until they are stopped, each over a connection of their own."""

    def __init__(self) -> None:
        self.plan = make.plan()
        self.added: dict[int, str] = {}  # member: ID number
        self.drafts: dict[int, str] = {}  # member: the last answer
        self.stop, self.lock = Event(), Lock()
        self.begun = {number: Event() for number in range(WRITERS)}

    def run(self, number: int, rounds: int) -> None:
        try:
            done = 0
            while done < rounds or not self.stop.is_set():
                self.write(1000 * number + done)
                done += 1
                self.begun[number].set()
        finally:
            self.begun[number].set()
            connection.close()

    def write(self, serial: int) -> None:
        account = make.account()
        id_number = demo_id_number(region="33", birth_on=make.BORN, sex="m", serial=serial)
        person: dict[str, Any] = {"name": "林秀梅", "relation": "self", "id_number": id_number}
        member = actions.add_member(account_id=account.pk, by=account, at=make.NOON, **person)
        way: dict[str, Any] = {"member_id": member.pk, "plan_id": self.plan.pk}
        for answer in ("yes", "no", "unsure"):
            actions.save_answer(code="cancer", answer=answer, by=account, at=make.NOON, **way)
        with self.lock:
            self.added[member.pk], self.drafts[member.pk] = id_number, "unsure"


@pytest.mark.trials
@pytest.mark.django_db(transaction=True)
def test_eight_writers_lose_no_row_while_the_key_changes(settings: Any) -> None:
    for _ in range(2):
        make.membership()
    known, writers = Member.objects.count(), Writers()

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(writers.run, n, trials(60)) for n in range(WRITERS)]
        assert all(begun.wait(60) for begun in writers.begun.values())
        settings.VAULT_KEYS = f"{NEW},{OLD}"  # the restart, in the middle of their work
        first = actions.rotate_keys(size=3)
        writers.stop.set()
        for future in running:
            future.result()
    last = actions.rotate_keys(size=50)

    settings.VAULT_KEYS = NEW
    assert first >= WRITERS
    assert first + last <= Member.objects.count() == known + len(writers.added)
    assert set(actions.keys_by_name()) == {"new"}
    for member in Member.objects.filter(pk__in=writers.added):
        assert number_of(member) == writers.added[member.pk]
        given = actions.draft_answers(
            member_id=member.pk, plan_id=writers.plan.pk, by=make.guardian(member), at=make.NOON
        )
        assert given == {"cancer": writers.drafts[member.pk]}


# --- what was swapped does not open


def swapped_rows(one: Member, other: Member) -> None:
    Member.objects.filter(pk=one.pk).update(id_number_sealed=other.id_number_sealed)


def swapped_keys(one: Member, other: Member) -> None:
    theirs = DataKey.objects.get(member=other)
    DataKey.objects.filter(member=one).update(wrapped=theirs.wrapped)


def swapped_rows_and_keys(one: Member, other: Member) -> None:
    swapped_rows(one, other)
    swapped_keys(one, other)


def draft_in_the_number(one: Member, other: Member) -> None:
    draft = JoinDraft.objects.get(member=one)
    Member.objects.filter(pk=one.pk).update(id_number_sealed=draft.answers_sealed)


def declaration_in_the_number(one: Member, other: Member) -> None:
    kept = Declaration.objects.get(member=one)
    Member.objects.filter(pk=one.pk).update(id_number_sealed=kept.answers_sealed)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "swap",
    [swapped_rows, swapped_keys, swapped_rows_and_keys, draft_in_the_number,
     declaration_in_the_number],
)  # fmt: skip
def test_a_ciphertext_in_another_row_or_column_does_not_open(
    swap: Callable[[Member, Member], None],
) -> None:
    one, other = make.membership().member, make.membership().member
    second = make.plan(waiting_days=0)
    actions.save_answer(
        member_id=one.pk, plan_id=second.pk, code="cancer", answer="no",
        by=make.guardian(one), at=make.NOON,
    )  # fmt: skip

    swap(one, other)

    with pytest.raises(vault.SealBroken):
        number_of(one)


@pytest.mark.django_db
def test_a_story_does_not_open_as_the_reply() -> None:
    member, plan = make.member(), make.plan()
    asked = actions.ask_precheck(
        member_id=member.pk, plan_id=plan.pk, code="lumps", story="结节，四毫米。",
        by=make.guardian(member), at=make.NOON,
    )  # fmt: skip
    reviewer = make.staff("reviewer")
    actions.answer_precheck(
        precheck_id=asked.pk, ruling="no", reply="四毫米的良性结节不算这一题说的情况，可以选没有。",
        by=reviewer, at=make.NOON,
    )  # fmt: skip

    PreCheck.objects.filter(pk=asked.pk).update(
        reply_sealed=PreCheck.objects.get(pk=asked.pk).story_sealed
    )

    with pytest.raises(vault.SealBroken):
        actions.open_precheck(
            precheck_id=asked.pk, part="reply", by=reviewer, why="work", at=make.NOON
        )
