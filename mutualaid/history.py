"""Tables that are only added to: the trigger, the missing right, and how a migration says so.

Two locks on one door. The trigger refuses everybody, the owner included; the application's role
does not even hold the right. tests/mutualaid/test_roles.py holds the two lists equal.
"""

from __future__ import annotations

import pgtrigger
from django.db.migrations import RunSQL

APPLICATION = "mutualaid_app"


def append_only() -> list[pgtrigger.Trigger]:
    """Triggers for Meta.triggers: rows are never updated or deleted, the table never truncated."""
    return [
        pgtrigger.Protect(name="rows_never_change", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="never_truncated",
            operation=pgtrigger.Truncate,
            when=pgtrigger.Before,
            level=pgtrigger.Statement,
            func="RAISE EXCEPTION 'pgtrigger: % is never truncated', TG_TABLE_NAME;",
        ),
    ]


def published_never_changes() -> list[pgtrigger.Trigger]:
    """Triggers for a table with `published_at`: a draft is edited, what is published stays as it
    is, and nothing published is ever deleted."""
    return [
        pgtrigger.Protect(
            name="published_never_changes",
            operation=pgtrigger.Update | pgtrigger.Delete,
            condition=pgtrigger.Q(old__published_at__isnull=False),
        ),
    ]


def parts_of_published_never_change() -> list[pgtrigger.Trigger]:
    """Triggers for rows that belong to `rules`: they are written and changed with the draft. Who
    writes waits for who is publishing, and then looks."""
    return [
        pgtrigger.Trigger(
            name="parts_of_published_never_change",
            operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            when=pgtrigger.Before,
            declare=[("of", "bigint[]")],
            func=f"""
                of := {_both_ends("rules_id")};
                PERFORM FROM members_rules WHERE id = ANY(of) FOR SHARE;
                IF EXISTS (SELECT FROM members_rules
                            WHERE id = ANY(of) AND published_at IS NOT NULL) THEN
                    RAISE EXCEPTION 'pgtrigger: rules that are published never change';
                END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            """,
        ),
    ]


def questions_in_use_never_change(column: str, *, insert: bool = True) -> list[pgtrigger.Trigger]:
    """Triggers for a question set (column "id") and its questions: once a published version of
    rules uses it, or somebody has answered it, it stays as it is."""
    operation = pgtrigger.Update | pgtrigger.Delete
    return [
        pgtrigger.Trigger(
            name="questions_in_use_never_change",
            operation=pgtrigger.Insert | operation if insert else operation,
            when=pgtrigger.Before,
            declare=[("of", "bigint[]")],
            func=f"""
                of := {_both_ends(column)};
                PERFORM FROM members_rules WHERE question_set_id = ANY(of) FOR SHARE;
                IF EXISTS (SELECT FROM members_rules
                            WHERE question_set_id = ANY(of) AND published_at IS NOT NULL)
                   OR EXISTS (SELECT FROM members_declaration
                               WHERE question_set_id = ANY(of)) THEN
                    RAISE EXCEPTION 'pgtrigger: questions that are in use never change';
                END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            """,  # noqa: S608 the column is a constant of the models
        ),
    ]


def _both_ends(column: str) -> str:
    """What a row belongs to: before and after, so that nothing moves out of what is closed."""
    return (
        f"CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.{column}] WHEN 'DELETE' THEN ARRAY[OLD.{column}]"
        f" ELSE ARRAY[OLD.{column}, NEW.{column}] END"
    )


def revoke_changes(*tables: str) -> RunSQL:
    """A migration step: the application may read and add rows of these tables, nothing else."""
    names = ", ".join(f'"{table}"' for table in tables)
    return RunSQL(
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {names} FROM {APPLICATION}",
        f"GRANT UPDATE, DELETE ON {names} TO {APPLICATION}",
    )
