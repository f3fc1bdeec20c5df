"""The life of a claim. What is not in this table cannot happen.

Whether a granted claim is disclosed, shared or paid is a row of another app, not a status here.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    REPORTED = "reported", _("Reported, papers to come")
    SUBMITTED = "submitted", _("Papers complete")
    INVESTIGATING = "investigating", _("Under investigation")
    PAPERS_WANTED = "papers_wanted", _("More papers asked for")
    REVIEWING = "reviewing", _("First review")
    WAITING = "waiting", _("Waiting for a date")
    PROPOSED = "proposed", _("Awaiting confirmation")
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")
    APPEALED = "appealed", _("Before the jury")
    UPHELD = "upheld", _("Refusal upheld")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Turn(models.TextChoices):
    """Who must act next. The clock of a decision stands still only for the first two."""

    CLAIMANT = "claimant", _("the claimant")
    DATE = "date", _("nobody: a date must come")
    ADJUSTER = "adjuster", _("the adjuster")
    REVIEWER = "reviewer", _("the first reviewer")
    CONFIRMER = "confirmer", _("the second reviewer")
    JURY = "jury", _("the jury")
    PERIOD = "period", _("the next period")
    NOBODY = "nobody", _("nobody")


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.REPORTED: frozenset({Status.SUBMITTED, Status.WITHDRAWN}),
    Status.SUBMITTED: frozenset({Status.INVESTIGATING, Status.WITHDRAWN}),
    Status.INVESTIGATING: frozenset({Status.PAPERS_WANTED, Status.REVIEWING, Status.WITHDRAWN}),
    Status.PAPERS_WANTED: frozenset({Status.INVESTIGATING, Status.WITHDRAWN}),
    Status.REVIEWING: frozenset(
        {Status.PROPOSED, Status.WAITING, Status.INVESTIGATING, Status.WITHDRAWN}
    ),
    Status.WAITING: frozenset({Status.REVIEWING, Status.WITHDRAWN}),
    Status.PROPOSED: frozenset(
        {Status.GRANTED, Status.REFUSED, Status.REVIEWING, Status.WITHDRAWN}
    ),
    Status.REFUSED: frozenset({Status.APPEALED}),
    Status.APPEALED: frozenset({Status.GRANTED, Status.UPHELD, Status.REFUSED}),  # by a jury
    Status.GRANTED: frozenset(),
    Status.UPHELD: frozenset(),
    Status.WITHDRAWN: frozenset(),
}

TURNS: dict[Status, Turn] = {
    Status.REPORTED: Turn.CLAIMANT,
    Status.SUBMITTED: Turn.ADJUSTER,
    Status.INVESTIGATING: Turn.ADJUSTER,
    Status.PAPERS_WANTED: Turn.CLAIMANT,
    Status.REVIEWING: Turn.REVIEWER,
    Status.WAITING: Turn.DATE,
    Status.PROPOSED: Turn.CONFIRMER,
    Status.GRANTED: Turn.PERIOD,
    Status.REFUSED: Turn.CLAIMANT,
    Status.APPEALED: Turn.JURY,
    Status.UPHELD: Turn.NOBODY,
    Status.WITHDRAWN: Turn.NOBODY,
}

# Somebody is working on it: a member has at most one such claim.
OPEN = [
    Status.REPORTED,
    Status.SUBMITTED,
    Status.INVESTIGATING,
    Status.PAPERS_WANTED,
    Status.REVIEWING,
    Status.WAITING,
    Status.PROPOSED,
    Status.APPEALED,
]
UNDECIDED = [status for status in OPEN if status != Status.APPEALED]
