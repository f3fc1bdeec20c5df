"""The books: balanced, only added to, and every fen of the schema proved or exempt."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from assessments import actions, books, tasks
from assessments.models import Arrears, JournalEntry, Period, Posting, Share
from assessments.states import PayoutState, Stage
from members.models import Membership
from mutualaid import clock
from tests import make
from tests.assessments.conftest import Obedient

pytestmark = pytest.mark.django_db
PROVED = sorted({column for proof in books.PROOFS for column in proof.columns})


def check_books() -> tuple[int, str]:
    """Exit code and what was printed."""
    out = StringIO()
    try:
        call_command("check_books", stdout=out)
    except SystemExit as error:
        return int(error.code or 0), out.getvalue()
    return 0, out.getvalue()


def whole_world(provider: Obedient) -> None:
    """Two periods: shares, a failed debit, an advance, a late payment, a payout."""
    first = make.period(Stage.SPLIT, members=4, benefit_fen=100_00)
    late, never = Membership.objects.open().order_by("pk")[:2]
    provider.failing = {late.pk, never.pk}
    actions.debit_due(at=clock.now())
    for _day in range(5):
        clock.move_to(clock.now() + timedelta(days=1), frozen=True)
        actions.debit_due(at=clock.now())
    provider.failing = set()
    arrears = Arrears.objects.get(membership=late)
    actions.record_late_payment(arrears_id=arrears.pk, by=make.staff("finance"), at=clock.now())
    make.payout(PayoutState.PAID, case=first.cases.get())
    make.period(Stage.COLLECTED, members=3)


def test_every_fen_column_of_the_schema_is_proved_or_exempt_with_a_reason() -> None:
    assert books.fen_columns() == set(PROVED) | books.EXEMPT.keys()
    assert not set(PROVED) & books.EXEMPT.keys()
    assert all(books.EXEMPT.values())


def test_the_books_of_a_whole_world_are_proved(provider: Obedient) -> None:
    whole_world(provider)

    code, said = check_books()

    assert (code, "BROKEN" in said) == (0, False), said
    assert said.count("ok  ") == len(books.PROOFS)
    tasks.check_books()


def owner_sql(*statements: str) -> None:
    with connections["owner"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def open_up(table: str) -> None:
    """What a superuser with bad intentions does first: no checks, no triggers."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', conrelid::regclass, conname)"
            "  FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
            [table],
        )
        drops = [statement for (statement,) in cursor.fetchall()]
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [table],
        )
        tables = [table, *(name for (name,) in cursor.fetchall())]
    owner_sql(*drops, *(f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in tables))


def add_to_one_row(column: str) -> tuple[str, str]:
    """One fen more in one row: the statement that takes it back, and the value it had."""
    table, name = column.split(".")
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {name} = {name} + 1 WHERE (tableoid, ctid) IN"  # noqa: S608
            f" (SELECT tableoid, ctid FROM {table} WHERE {name} IS NOT NULL LIMIT 1)"
            f" RETURNING tableoid, ctid::text, {name} - 1"
        )
        ((oid, ctid, before),) = cursor.fetchall()
    undo = (
        f"UPDATE {table} SET {name} = {name} - 1"  # noqa: S608
        f" WHERE tableoid = {oid} AND ctid = '{ctid}'"
    )
    return undo, f"{before}"


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_each_proved_column_changed_by_one_fen_is_found_and_named(provider: Obedient) -> None:
    whole_world(provider)
    for table in {column.split(".")[0] for column in PROVED}:
        open_up(table)

    silent = []
    for column in PROVED:
        undo, before = add_to_one_row(column)
        code, said = check_books()
        if code != 1 or "BROKEN" not in said or f"    {column}: " not in said:
            silent.append(f"{column} (was {before}): exit {code}\n{said}")
        owner_sql(undo)

    assert not silent
    assert check_books()[0] == 0


def test_a_missing_a_double_and_a_foreign_share_are_found() -> None:
    period = make.period(Stage.COLLECTED, members=3)
    stranger = make.membership(joined=clock.now())
    Share.objects.bulk_create(
        [Share(period=period, membership=stranger, member=stranger.member, amount_fen=0)]
    )

    found = [str(item) for result in books.check() for item in result.found]

    assert any("is not on the roster" in item for item in found)
    assert any("assessments_period.charged_fen" in item for item in found)
    with pytest.raises(AssertionError, match="roster"):
        tasks.check_books()


def test_an_event_that_was_never_booked_is_found() -> None:
    make.period(Stage.COLLECTED, members=3)
    payout = make.payout(PayoutState.RELEASED, case=Period.objects.get().cases.get())
    posted: list[object] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(books, "post", lambda **values: posted.append(values))
        actions.send_payouts_due(at=clock.now())

    code, said = check_books()

    assert posted
    assert (code, f"payout:{payout.pk}" in said) == (1, True)


def test_a_journal_that_does_not_balance_is_refused_by_the_database() -> None:
    def post(*legs: tuple[str, int]) -> None:
        books.post(kind="test", reference="test", legs=list(legs), at=clock.now())
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    for legs in ([("bank", 1)], [("bank", 1), ("fees", -2)], [("bank", 5), ("bank", 5)]):
        with pytest.raises(DatabaseError, match="does not balance"), transaction.atomic():
            post(*legs)

    post(("bank", 7), ("fees", -7))
    assert JournalEntry.objects.count() == 1


def test_an_event_is_booked_once_and_an_event_of_nothing_not_at_all() -> None:
    legs = [("bank", 7), ("fees", -7)]
    books.post(kind="test", reference="once", legs=legs, at=clock.now())

    with pytest.raises(DatabaseError), transaction.atomic():
        books.post(kind="test", reference="once", legs=legs, at=clock.now())
    assert books.post(kind="test", reference="nil", legs=[("bank", 0)], at=clock.now()) is None
    with pytest.raises(ValueError, match="No such accounts"):
        books.post(kind="test", reference="odd", legs=[("bnak", 1)], at=clock.now())


STATEMENTS = [
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "DROP TABLE {table}",
    "SET session_replication_role = replica",
]


def test_the_application_cannot_change_shares_or_books() -> None:
    period = make.period(Stage.SPLIT)
    tables = {
        "assessments_share": "amount_fen",
        f"assessments_share_p{period.pk}": "amount_fen",
        "assessments_journalentry": "kind",
        "assessments_posting": "amount_fen",
    }

    for table, column in tables.items():
        for statement in STATEMENTS:
            with (
                pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement.format(table=table, column=column))

    assert Posting.objects.exists()
    assert Share.objects.count() == 3
