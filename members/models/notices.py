"""What we tell people."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.people import Account
from members.models.plans import Plan
from mutualaid.history import append_only

# What becomes of every notice in the statement that writes it, whoever writes it (an action, a
# statement about a million payers, a COPY): copies that wait, where there is somewhere to send them
# to; of a notice to everybody one row that says how far its copies have gone. Names under .invalid
# lead nowhere (RFC 2606). Whether a copy is wanted, and when, is decided when it is about to leave.
_COPIED = """
    INSERT INTO members_noticecopy (notice_id, account_id, channel, due_at, tries, why)
    SELECT n.id, n.account_id, way.channel, n.at, 0, ''
      FROM fresh AS n
     CROSS JOIN (VALUES ('email'), ('sms')) AS way (channel)
     WHERE n.account_id IS NOT NULL
       AND CASE way.channel
           WHEN 'sms' THEN EXISTS (SELECT FROM members_phone AS p
                                    WHERE p.account_id = n.account_id)
           ELSE EXISTS (SELECT FROM members_account AS a
                         WHERE a.id = n.account_id AND a.email IS NOT NULL
                           AND a.email NOT LIKE '%.invalid')
           END;
    INSERT INTO members_broadcast (notice_id, after, sent, failed)
    SELECT id, 0, 0, 0 FROM fresh WHERE account_id IS NULL;
    RETURN NULL;
"""


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
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="copies_wait",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="fresh"),  # type: ignore[no-untyped-call]
                func=_COPIED,
            ),
        ]
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
    """How an account wants copies of its notices. No row: e-mail and SMS, at once, not at night
    (members/ways.py)."""

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
            models.CheckConstraint(
                name="preference_quiet_ends",
                condition=Q(quiet_from__isnull=True) | ~Q(quiet_from=F("quiet_until")),
            ),
        ]

    def __str__(self) -> str:
        return f"preference of account {self.account_id}"


NOT_OVER = {"sent_at__isnull": True, "failed_at__isnull": True}


class NoticeCopyQuerySet(models.QuerySet["NoticeCopy"]):
    def waiting(self) -> NoticeCopyQuerySet:
        """Neither on its way nor over."""
        return self.filter(claimed_at__isnull=True, **NOT_OVER)

    def under_way(self) -> NoticeCopyQuerySet:
        """Taken up, and nothing known of what came of it."""
        return self.filter(claimed_at__isnull=False, **NOT_OVER)


class NoticeCopy(models.Model):
    """A copy of one notice to one account, by e-mail or SMS: due, on its way, sent, or failed and
    why. Of a notice to everybody only those that wait and those that failed are rows (design §4).
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("SMS")

    class Why(models.TextChoices):
        NO_ANSWER = "no_answer", _("the way out was blocked each time")
        REFUSED = "refused", _("the address was refused")
        UNCLEAR = "unclear", _("nobody knows whether it went out")

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="copies")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    channel = models.TextField(choices=Channel)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    # Somebody is about to send it. Committed before anything leaves, so that nobody else does.
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    why = models.TextField(blank=True, default="", choices=Why)

    objects = NoticeCopyQuerySet.as_manager()

    class Meta:
        verbose_name = _("copy that failed")
        verbose_name_plural = _("copies that failed")
        constraints = [
            models.UniqueConstraint(name="copy_once", fields=["notice", "account", "channel"]),
            models.CheckConstraint(
                name="copy_claimed_before_sent",
                condition=Q(sent_at__isnull=True) | Q(claimed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="copy_failed_says_why",
                condition=Q(failed_at__isnull=True)
                | Q(why__in=["no_answer", "refused", "unclear"]),
            ),
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
            models.Index(fields=["-id"], name="copy_failed", condition=Q(failed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of notice {self.notice_id}"


class Broadcast(models.Model):
    """How far the copies of a notice to everybody have gone: those of accounts up to `after` are
    rows, or were: `sent` and `failed` count them. `done_at`: there is no account after it."""

    notice = models.OneToOneField(Notice, on_delete=models.PROTECT, related_name="broadcast")
    after = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["notice"], name="broadcast_open", condition=Q(done_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"broadcast of notice {self.notice_id}"
