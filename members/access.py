"""The codes of an access record in words: what was read, and why."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from members.models import Account

WHAT = {
    "id_number": _("ID number"),
    "contact": _("phone number and e-mail address"),
    "declaration": _("health declaration"),
    "draft": _("answers that were not sent yet"),
    "precheck": _("question to a reviewer, and the answer"),
    "precheck_story": _("question to a reviewer, in the family's words"),
    "precheck_reply": _("a reviewer's answer"),
    "receipt": _("receipt of joining"),
    "evidence": _("paper"),
    "illness": _("the illness in the claimant's words"),
    "payee": _("account for the payout"),
    "export": _("copy of all data"),
    "new_number": _("phone number of somebody who asks for the account"),
}
# Why staff opened something beyond their daily work; the page asks for one of them.
ASKED = {
    "compare": _("Compare with the papers"),
    "phone": _("Call the claimant"),
    "hospital": _("Ask the hospital"),
    "twice": _("Look for another claim of the same person"),
}
# Why a member's page on the desk shows somebody in full.
SHOWN = {
    "asked": _("The family has asked us"),
    "list": _("Compare with the list of a co-operative"),
    "law": _("An authority asks by law"),
}
WHY = {
    "own": _("the family itself"),
    "work": _("works on the claim or on the question"),
    "jury": _("sits on the jury"),
    "payout": _("sends the payout"),
    "export": _("copy of all data, asked for by the family"),
    "recovery": _("makes sure who asks for the account"),
    **ASKED,
    **SHOWN,
}

# What the help line did in a call: the verbs of members/actions/helping.py.
DID = {
    "leave": _("leaving the plan"),
    "keep": _("staying in the plan after all"),
    "undo_join": _("undoing the joining"),
    "revoke_mandate": _("revoking the payment agreement"),
    "withdraw_erasure": _("taking back the wish to be forgotten"),
    "object_to_recovery": _("objecting to somebody who asks for the account"),
}

# The roles of mutualaid/roles.py, for who is told of them.
ROLES = {
    "adjuster": _("adjuster"),
    "reviewer": _("reviewer"),
    "finance": _("finance"),
    "data_officer": _("data officer"),
    "help_line": _("help line"),
}


def what(code: str) -> str:
    """What was read; an unknown code is shown as it is."""
    return str(WHAT.get(code, code))


def did(verb: str) -> str:
    """What the help line did; an unknown verb is shown as it is."""
    return str(DID.get(verb, verb))


def reader(account: Account, why: str = "") -> str:
    """Who read it: staff by name and number, the family and the jurors as such (who sits on a jury
    is told to nobody)."""
    if why == "jury" or not account.is_staff:
        return str(_("a juror, drawn by lot") if why == "jury" else _("the family itself"))
    return " ".join(part for part in (str(account), account.staff_number) if part)


def role(account: Account) -> str:
    """What staff work as; "" for everybody else."""
    if not account.is_staff:
        return ""
    names = sorted(group.name for group in account.groups.all())
    return str(_(", ")).join(str(ROLES.get(name, name)) for name in names)


def why(code: str) -> str:
    """Why; an unknown code is shown as it is."""
    return str(WHY.get(code, code))
