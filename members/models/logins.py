"""What signing in leaves for a while: codes under way, and how often somebody has tried."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class PhoneCode(models.Model):
    """A code that was sent to a phone, for one purpose; neither the number nor the code is kept,
    only that they fit. Used once; a wrong one counts."""

    class Purpose(models.TextChoices):
        ENTER = "enter"
        CHANGE = "change"
        FRESH = "fresh"
        RECOVER = "recover"

    purpose = models.TextField(choices=Purpose)
    code_hash = models.BinaryField()
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="phone_code_old")]
        constraints = [
            models.CheckConstraint(
                name="phone_code_purpose_known",
                condition=Q(purpose__in=["enter", "change", "fresh", "recover"]),
            ),
            models.CheckConstraint(
                name="phone_code_ends", condition=Q(expires_at__gt=F("asked_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"code {self.pk}"


class Turn(models.Model):
    """How often something was tried lately, by a number, a login or an address, all as keyed hash:
    each try makes the next one wait longer, and a day of rest makes it new."""

    key = models.BinaryField(primary_key=True)
    tries = models.PositiveSmallIntegerField()
    last_at = models.DateTimeField()
    free_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["last_at"], name="turn_old")]

    def __str__(self) -> str:
        return f"{self.tries} tries until {self.last_at}"
