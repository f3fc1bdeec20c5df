"""What the application's role cannot do, asked of the database itself."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from mutualaid.roles import ROLES, ensure_roles

HISTORY = sorted(
    {
        model._meta.db_table
        for model in apps.get_models()
        if any(t.name == "rows_never_change" for t in getattr(model._meta, "triggers", []))
    }
    | {"assessments_share"}
)


def may(table: str, right: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(current_user, %s, %s)", [table, right])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
def test_tests_run_as_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == "mutualaid_app"


@pytest.mark.django_db
@pytest.mark.parametrize("table", HISTORY)
def test_history_is_added_to_and_nothing_else(table: str) -> None:
    assert [
        right for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE") if may(table, right)
    ] == [
        "SELECT",
        "INSERT",
    ]


@pytest.mark.django_db
def test_every_table_without_update_is_known_as_history() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT has_table_privilege(current_user, oid, 'UPDATE')"
        )
        closed = {row[0] for row in cursor.fetchall()}

    assert closed == {*HISTORY, "mutualaid_clock", "django_migrations"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE members_member CASCADE",
        "ALTER TABLE assessments_posting DISABLE TRIGGER ALL",
        "DROP TABLE jury_ballot",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "GRANT UPDATE ON jury_ballot TO mutualaid_app",
    ],
)
def test_the_application_cannot_take_more(statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        _attempt(statement)


def _attempt(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute("SELECT has_table_privilege(current_user, 'jury_ballot', 'UPDATE')")
        if not cursor.fetchone()[0]:  # a GRANT without the right only warns
            raise DatabaseError


@pytest.mark.django_db
def test_every_role_of_staff_can_be_made_twice() -> None:
    ensure_roles()

    groups = ensure_roles()

    assert {name: group.permissions.count() for name, group in groups.items()} == {
        name: len(set(wanted)) for name, wanted in ROLES.items()
    }
