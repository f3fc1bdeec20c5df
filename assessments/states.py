"""The life of a period 期 and of a payout 打款."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    OPEN = "open", _("Collecting cases")
    LOCKED = "locked", _("Roster locked")
    DISCLOSED = "disclosed", _("In disclosure")
    SPLITTING = "splitting", _("Being split")
    SPLIT = "split", _("Split")
    COLLECTING = "collecting", _("Being debited")
    COLLECTED = "collected", _("Debits over")


TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    Stage.OPEN: frozenset({Stage.LOCKED}),
    Stage.LOCKED: frozenset({Stage.DISCLOSED}),
    Stage.DISCLOSED: frozenset({Stage.SPLITTING}),
    Stage.SPLITTING: frozenset({Stage.SPLIT}),
    Stage.SPLIT: frozenset({Stage.COLLECTING}),
    Stage.COLLECTING: frozenset({Stage.COLLECTED}),
    Stage.COLLECTED: frozenset(),
}


class PayoutState(models.TextChoices):
    PREPARED = "prepared", _("Prepared")
    RELEASED = "released", _("Released")
    SENT = "sent", _("Sent, outcome not known")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")


PAYOUT_TRANSITIONS: dict[PayoutState, frozenset[PayoutState]] = {
    PayoutState.PREPARED: frozenset({PayoutState.RELEASED}),
    PayoutState.RELEASED: frozenset({PayoutState.SENT}),
    PayoutState.SENT: frozenset({PayoutState.PAID, PayoutState.FAILED}),
    PayoutState.PAID: frozenset(),
    PayoutState.FAILED: frozenset({PayoutState.PREPARED}),
}


class Problem(models.TextChoices):
    """Why a period does not go on. Named on the staff page."""

    NO_RULES = "no_rules", _("No rules are in force on the day of the roster")
    NO_MEMBERS = "no_members", _("There is no member to share the cost")
    PREVIOUS_NOT_SPLIT = "previous_not_split", _("The period before is not split yet")
    ROSTER_CHANGED = "roster_changed", _("The roster is not the one that was locked")


DONE = [Stage.SPLIT, Stage.COLLECTING, Stage.COLLECTED]  # the figures of the split stand
