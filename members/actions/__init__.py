"""The writer of people, answers and memberships, one verb each; sets are written by `bulk`.

Keyword-only, handed `by` and `at`; lock, check, write, record. Callers write
`from members import actions` and `actions.join(…)`: the files here only keep what belongs together
in one place. Everything that decrypts goes through `open_sealed`, which first writes who reads what
and why.
"""

from members.actions.calendar import make_feed, remove_feed
from members.actions.declaring import (
    after_correction_ruling,
    correct_declaration,
    object_to_ruling,
)
from members.actions.ends import age_out_due, end_membership, leave
from members.actions.importing import (
    PART_LINES,
    begin_import,
    import_for_real,
    imports_due,
    problems_file,
    run_import,
)
from members.actions.joining import check_age, draft_answers, join, read_rules, save_answer
from members.actions.notifying import notify
from members.actions.people import add_member
from members.actions.rulebook import accept_rules, announce, rules_due
from members.actions.sealing import open_declaration, open_id_number, open_sealed, seal

__all__ = [
    "PART_LINES",
    "accept_rules",
    "add_member",
    "after_correction_ruling",
    "age_out_due",
    "announce",
    "begin_import",
    "check_age",
    "correct_declaration",
    "draft_answers",
    "end_membership",
    "import_for_real",
    "imports_due",
    "join",
    "leave",
    "make_feed",
    "notify",
    "object_to_ruling",
    "open_declaration",
    "open_id_number",
    "open_sealed",
    "problems_file",
    "read_rules",
    "remove_feed",
    "rules_due",
    "run_import",
    "save_answer",
    "seal",
]
