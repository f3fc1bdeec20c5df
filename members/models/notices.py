"""What we tell people."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from members.models.people import Account
from members.models.plans import Plan
from mutualaid.history import append_only


class Notice(models.Model):
    """A message in the inbox: to one account, or one row for all payers of a plan. `code` names the
    text (members/notices.py), `facts` fill it in the reader's language. Never changed."""

    account = models.ForeignKey(
        Account, null=True, on_delete=models.PROTECT, related_name="notices"
    )
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT)
    code = models.TextField()
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        indexes = [models.Index(fields=["account", "-at"], name="notice_of_account")]
        constraints = [
            models.CheckConstraint(
                name="notice_to_one_or_all",
                condition=Q(account__isnull=False) | Q(plan__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.pk}"


class NoticePreference(models.Model):
    """How an account wants copies of its notices. No row: e-mail and SMS, at once, not at night."""

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, primary_key=True, related_name="notice_preference"
    )
    email = models.BooleanField(default=True)
    sms = models.BooleanField(default=True)
    digest = models.BooleanField(default=False)  # once a day instead of each at once
    quiet_from = models.TimeField(null=True)  # Asia/Shanghai; both or neither
    quiet_until = models.TimeField(null=True)
    language = models.TextField(default="zh-hans")
    read_to = models.BigIntegerField(default=0)  # the newest notice that was on a page

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="preference_quiet_whole",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"preference of account {self.account_id}"


class NoticeCopy(models.Model):
    """A copy of one notice to one account, by e-mail or SMS: due, sent, or failed and why. Of a
    notice to everybody only the failed copies are rows (design §4)."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("SMS")

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="copies")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    channel = models.TextField(choices=Channel)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    why = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="copy_once", fields=["notice", "account", "channel"]),
            models.CheckConstraint(
                name="copy_sent_or_failed",
                condition=Q(sent_at__isnull=True) | Q(failed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="copy_channel_known", condition=Q(channel__in=["email", "sms"])
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="copy_waiting",
                condition=Q(sent_at__isnull=True, failed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of notice {self.notice_id}"


class Broadcast(models.Model):
    """How far the copies of a notice to everybody have gone: accounts up to `after` have theirs."""

    notice = models.OneToOneField(Notice, on_delete=models.PROTECT, related_name="broadcast")
    after = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"broadcast of notice {self.notice_id}"
