"""What the public sees of a period: numbered versions, exactly as published, and objections."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from assessments.models import Period, PeriodCase
from members.models import Account
from mutualaid.history import append_only


class DisclosureQuerySet(models.QuerySet["Disclosure"]):
    def latest_versions(self) -> DisclosureQuerySet:
        """The newest version of each period, by period; order it further by wrapping it."""
        return self.order_by("period_id", "-version").distinct("period_id")

    def without_files(self) -> DisclosureQuerySet:
        return self.filter(files__isnull=True)


class Disclosure(models.Model):
    """One published version of a period 公示. A correction is a new version beside the old."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="disclosures")
    version = models.PositiveIntegerField()
    data = models.TextField()  # the canonical JSON, byte for byte what the digest is of
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    objects = DisclosureQuerySet.as_manager()

    class Meta:
        verbose_name = _("disclosure")
        verbose_name_plural = _("disclosures")
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(name="disclosure_version_once", fields=["period", "version"]),
        ]

    def __str__(self) -> str:
        return f"{self.period_id} v{self.version}"

    @cached_property
    def content(self) -> dict[str, Any]:
        """What was published, parsed. Raises ValueError if the text is not what the digest is of:
        nothing is shown from a changed row."""
        if hashlib.sha256(self.data.encode()).hexdigest() != self.sha256:
            raise ValueError(f"Disclosure {self.pk} is not what was published.")
        content: dict[str, Any] = json.loads(self.data)
        return content


class PublishedFile(models.Model):
    """A file of a disclosure under PUBLISHED_DIR, written once; its SHA-256 is on the page."""

    disclosure = models.ForeignKey(Disclosure, on_delete=models.PROTECT, related_name="files")
    name = models.TextField()
    media_type = models.TextField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(name="published_file_once", fields=["disclosure", "name"]),
        ]

    def __str__(self) -> str:
        return self.name


class Objection(models.Model):
    """A member's doubt about a published case, within the seven days 异议 (part 6 deepens it)."""

    case = models.ForeignKey(PeriodCase, on_delete=models.PROTECT, related_name="objections")
    grounds = models.TextField()
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    sustained = models.BooleanField(null=True)
    answer = models.TextField(blank=True, default="")
    answered_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        constraints = [
            models.CheckConstraint(
                name="objection_answer_paired",
                condition=Q(
                    answered_by__isnull=True, answered_at__isnull=True, sustained__isnull=True
                )
                | Q(answered_by__isnull=False, answered_at__isnull=False, sustained__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"objection {self.pk}"
