"""Everything that can fall due, in the order in which one pass looks at it.

Workers call the same actions app by app (each app's `tasks.due`); the demo and the tests call
`run_due`. Each action finds its own work by a query and may be called at any time, by any number
of callers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from assessments import actions as assessments
from claims import actions as claims
from disclosures import actions as disclosures
from jury import actions as jury
from members import actions as members

ORDER: list[Callable[..., object]] = [
    members.leave_due,
    claims.resume_due,
    jury.convene_due,
    jury.close_due,
    assessments.open_periods_due,
    assessments.lock_due,
    disclosures.publish_due,
    assessments.split_due,
    assessments.debit_due,
    assessments.send_payouts_due,
    members.dissolve_due,
    members.age_out_due,
    members.warn_due,
    members.mandates_due,
    members.payer_changes_due,
    members.rules_due,
    members.erasures_due,
    members.logins_due,
    members.recover_due,
    members.imports_due,
    members.help_calls_due,
]

# Work that only makes files or sends something; the demo leaves it to the worker.
FILES: list[Callable[..., object]] = [
    disclosures.make_files_due,
    members.exports_due,
    members.receipts_due,
    members.copies_due,
]


def run_due(at: datetime, *, files: bool = True) -> None:
    """One pass over all that is due at `at` (the clock's now)."""
    for action in ORDER + (FILES if files else []):
        action(at=at)
