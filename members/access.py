"""The codes of an access record in words: what was read, and why."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from members.models import Account

WHAT = {
    "id_number": _("ID number"),
    "declaration": _("health declaration"),
    "draft": _("answers on the way to joining"),
    "precheck": _("question to a reviewer, and the answer"),
    "evidence": _("paper"),
    "illness": _("the illness in the claimant's words"),
    "payee": _("account for the payout"),
}
# Why staff opened something beyond their daily work; the page asks for one of them.
ASKED = {
    "compare": _("Compare with the papers"),
    "phone": _("Call the claimant"),
    "hospital": _("Ask the hospital"),
    "twice": _("Look for another claim of the same person"),
}
WHY = {
    "own": _("the family itself"),
    "work": _("works on the claim"),
    "jury": _("sits on the jury"),
    "payout": _("sends the payout"),
    **ASKED,
}


def what(code: str) -> str:
    """What was read; an unknown code is shown as it is."""
    return str(WHAT.get(code, code))


def reader(account: Account) -> str:
    """Who read it: staff by name, the family as such."""
    return str(account) if account.is_staff else str(_("the family itself"))


def why(code: str) -> str:
    """Why; an unknown code is shown as it is."""
    return str(WHY.get(code, code))
