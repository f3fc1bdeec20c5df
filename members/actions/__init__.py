"""The writer of people, answers and memberships, one verb each; sets are written by `bulk`.

Keyword-only, handed `by` and `at`; lock, check, write, record. Callers write
`from members import actions` and `actions.join(…)`: the files here only keep what belongs together
in one place. Everything that decrypts goes through `open_sealed`, which first writes who reads what
and why.
"""

from members.actions.accounts import (
    account_by_phone,
    ask_code,
    check_turn,
    confirm_fresh,
    count_turn,
    enter,
    forget_turns,
    logins_due,
    network,
    set_phone,
)
from members.actions.admission import check_open, invite, use_invitation
from members.actions.calendar import make_feed, remove_feed
from members.actions.contacts import masked_contacts, phone_number
from members.actions.copying import copies_due
from members.actions.declaring import (
    after_correction_ruling,
    correct_declaration,
    object_to_ruling,
)
from members.actions.ends import (
    age_out_due,
    can_reinstate_until,
    end_membership,
    first_day_of_cover,
    keep,
    leave,
    leave_due,
    predecessor,
    reinstate,
    undo_join,
    undo_until,
    warn_due,
)
from members.actions.family import (
    answer_consent,
    answer_request,
    answerers,
    ask_consent,
    ask_to_act,
    end_link,
)
from members.actions.importing import (
    MOST_BYTES,
    PART_LINES,
    begin_import,
    import_for_real,
    imports_due,
    list_kept_until,
    problems_file,
    run_import,
    upload_list,
)
from members.actions.inbox import mark_read, set_preference
from members.actions.joining import (
    agree_payment,
    check_age,
    draft_answers,
    join,
    read_rules,
    save_answer,
    take_quiz,
)
from members.actions.notifying import notify
from members.actions.payers import (
    answer_payer_change,
    ask_payer_change,
    payer_changes_due,
    withdraw_payer_change,
)
from members.actions.payment import give_mandate, mandates_due, revoke_mandate
from members.actions.people import add_member
from members.actions.prechecks import (
    answer_precheck,
    ask_precheck,
    open_precheck,
    withdraw_precheck,
)
from members.actions.receipts import RECEIPT_DAYS, ask_receipt, open_receipt, receipts_due
from members.actions.recovering import (
    RECOVERY_HOLD_DAYS,
    ask_recovery,
    confirm_recovery,
    object_to_recovery,
    open_recovery,
    recover_due,
)
from members.actions.register import phone_of, show_person
from members.actions.rights import (
    HOLD_DAYS,
    ask_erasure,
    ask_export,
    check_may_erase,
    erasures_due,
    export_until,
    exports_due,
    open_export,
    replay_erasures,
    withdraw_erasure,
)
from members.actions.rotating import keys_by_name, rotate_keys
from members.actions.rulebook import accept_rules, announce, rules_due
from members.actions.sealing import open_declaration, open_id_number, open_sealed, seal

__all__ = [
    "HOLD_DAYS",
    "MOST_BYTES",
    "PART_LINES",
    "RECEIPT_DAYS",
    "RECOVERY_HOLD_DAYS",
    "accept_rules",
    "account_by_phone",
    "add_member",
    "after_correction_ruling",
    "age_out_due",
    "agree_payment",
    "announce",
    "answer_consent",
    "answer_payer_change",
    "answer_precheck",
    "answer_request",
    "answerers",
    "ask_code",
    "ask_consent",
    "ask_erasure",
    "ask_export",
    "ask_payer_change",
    "ask_precheck",
    "ask_receipt",
    "ask_recovery",
    "ask_to_act",
    "begin_import",
    "can_reinstate_until",
    "check_age",
    "check_may_erase",
    "check_open",
    "check_turn",
    "confirm_fresh",
    "confirm_recovery",
    "copies_due",
    "correct_declaration",
    "count_turn",
    "draft_answers",
    "end_link",
    "end_membership",
    "enter",
    "erasures_due",
    "export_until",
    "exports_due",
    "first_day_of_cover",
    "forget_turns",
    "give_mandate",
    "import_for_real",
    "imports_due",
    "invite",
    "join",
    "keep",
    "keys_by_name",
    "leave",
    "leave_due",
    "list_kept_until",
    "logins_due",
    "make_feed",
    "mandates_due",
    "mark_read",
    "masked_contacts",
    "network",
    "notify",
    "object_to_recovery",
    "object_to_ruling",
    "open_declaration",
    "open_export",
    "open_id_number",
    "open_precheck",
    "open_receipt",
    "open_recovery",
    "open_sealed",
    "payer_changes_due",
    "phone_number",
    "phone_of",
    "predecessor",
    "problems_file",
    "read_rules",
    "receipts_due",
    "recover_due",
    "reinstate",
    "remove_feed",
    "replay_erasures",
    "revoke_mandate",
    "rotate_keys",
    "rules_due",
    "run_import",
    "save_answer",
    "seal",
    "set_phone",
    "set_preference",
    "show_person",
    "take_quiz",
    "undo_join",
    "undo_until",
    "upload_list",
    "use_invitation",
    "warn_due",
    "withdraw_erasure",
    "withdraw_payer_change",
    "withdraw_precheck",
]
