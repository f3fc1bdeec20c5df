"""The life of a case before the jury, and of a seat on its panel."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    OPEN = "open", _("Voting")
    EXTENDED = "extended", _("Voting, extended once")
    CLOSED = "closed", _("Decided")
    WITHDRAWN = "withdrawn", _("Withdrawn by the claimant")


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.EXTENDED, Status.CLOSED, Status.WITHDRAWN}),
    Status.EXTENDED: frozenset({Status.CLOSED, Status.WITHDRAWN}),
    Status.CLOSED: frozenset(),
    Status.WITHDRAWN: frozenset(),
}
VOTING = [Status.OPEN, Status.EXTENDED]
