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


def revoke_changes(*tables: str) -> RunSQL:
    """A migration step: the application may read and add rows of these tables, nothing else."""
    names = ", ".join(f'"{table}"' for table in tables)
    return RunSQL(
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {names} FROM {APPLICATION}",
        f"GRANT UPDATE, DELETE ON {names} TO {APPLICATION}",
    )
