"""From the first answer to the end: drafts, declarations, memberships, consents."""

from __future__ import annotations

from datetime import date, datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.people import Account, Member
from members.models.plans import HealthQuestion, Invitation, Plan, QuestionSet, Rules
from mutualaid.history import append_only


class JoinDraft(models.Model):
    """Answers on the way to joining, kept until the member confirms; sealed like a declaration."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    answers_sealed = models.BinaryField(null=True)
    rules_read_at = models.DateTimeField(null=True)
    quiz_passed_at = models.DateTimeField(null=True)
    payment_agreed_at = models.DateTimeField(null=True)
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.PROTECT)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="draft_once", fields=["member", "plan"]),
        ]

    def __str__(self) -> str:
        return f"draft of member {self.member_id}"


class Declaration(models.Model):
    """Dated answers to one version of the health questions; never changed, only followed."""

    class Kind(models.TextChoices):
        JOINING = "joining", _("on joining")
        CORRECTION = "correction", _("corrected later")

    kind = models.TextField(choices=Kind, default=Kind.JOINING)
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="declarations")
    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT)
    answers_sealed = models.BinaryField()
    digest = models.BinaryField(max_length=32)  # keyed SHA-256 of the canonical answers
    declared_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.CheckConstraint(
                name="declaration_kind_known", condition=Q(kind__in=["joining", "correction"])
            ),
        ]

    def __str__(self) -> str:
        return f"declaration {self.pk}"


class PreCheck(models.Model):
    """A health question that somebody could not answer: described in their words, answered in
    writing by a reviewer. The answer binds, and is kept with the declaration (domain.md §6)."""

    class Ruling(models.TextChoices):
        COUNTS_AS_NO = "no", _("counts as “no”: the requirement is met")
        COUNTS_AS_YES = "yes", _("counts as “yes”: the requirement is not met")

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="prechecks")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    question = models.ForeignKey(HealthQuestion, on_delete=models.PROTECT)
    kind = models.TextField(choices=Declaration.Kind, default=Declaration.Kind.JOINING)
    story_sealed = models.BinaryField()
    asked_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    ruling = models.TextField(choices=Ruling, null=True)
    reply_sealed = models.BinaryField(null=True)
    answered_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    # The declaration that rests on the answer; set once.
    declaration = models.ForeignKey(
        Declaration, null=True, on_delete=models.PROTECT, related_name="prechecks"
    )

    class Meta:
        verbose_name = _("pre-check")
        verbose_name_plural = _("pre-checks")
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="precheck_waiting",
                condition=Q(answered_at__isnull=True, withdrawn_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="precheck_one_open",
                fields=["member", "plan", "question"],
                condition=Q(answered_at__isnull=True, withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                name="precheck_answer_whole",
                condition=Q(
                    answered_at__isnull=True,
                    answered_by__isnull=True,
                    ruling__isnull=True,
                    reply_sealed__isnull=True,
                )
                | Q(
                    answered_at__isnull=False,
                    answered_by__isnull=False,
                    ruling__in=["no", "yes"],
                    reply_sealed__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"pre-check {self.pk}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def open(self) -> MembershipQuerySet:
        return self.filter(ended_at__isnull=True)

    def on_roster(self, plan: Plan, roster_at: datetime) -> MembershipQuerySet:
        """Who shares the period locked at `roster_at`: joined before, neither ended nor left
        before (a wish to leave counts from its instant, written as an end or not yet); the waiting
        count too (domain.md §1b)."""
        return self.filter(
            Q(ended_at__gte=roster_at)
            | Q(ended_at__isnull=True)
            & (Q(leaving_at__isnull=True) | Q(leaving_at__gte=roster_at)),
            plan=plan,
            joined_at__lt=roster_at,
        )


# Membership.End, for the constraint inside the class.
ENDS = ["left", "aged_out", "arrears", "helped", "undone", "not_met", "dissolved", "died"]


class Membership(models.Model):
    """Member × plan, from joining to an end with a reason. At most one open."""

    class End(models.TextChoices):
        LEFT = "left", _("left")
        AGED_OUT = "aged_out", _("past the highest age")
        ARREARS = "arrears", _("shares not paid")
        HELPED = "helped", _("received the benefit")
        UNDONE = "undone", _("joining was undone")
        NOT_MET = "not_met", _("the health requirement was not met on joining")
        DISSOLVED = "dissolved", _("the plan has ended")
        DIED = "died", _("died")

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="memberships")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    payer = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="pays_for")
    rules = models.ForeignKey(Rules, on_delete=models.PROTECT)
    declaration = models.ForeignKey(Declaration, on_delete=models.PROTECT)
    joined_at = models.DateTimeField(_("joined"))
    covered_from = models.DateField(_("covered from"))
    quiz_passed_at = models.DateTimeField(null=True)
    # The membership that this one goes on from: reinstated, or the next plan by age. Its waiting
    # days count; its tenure goes on.
    continues = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    # The wish to leave takes effect at this instant, unless it is taken back before.
    leaving_at = models.DateTimeField(_("leaving"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.TextField(_("why it ended"), choices=End, null=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        indexes = [
            models.Index(fields=["plan", "joined_at"], name="membership_roster"),
            models.Index(fields=["payer", "id"], name="membership_payer"),
            models.Index(fields=["-joined_at", "-id"], name="membership_newest"),
            models.Index(fields=["plan", "-joined_at", "-id"], name="membership_plan_newest"),
            models.Index(
                fields=["leaving_at"],
                name="membership_leaving",
                condition=Q(leaving_at__isnull=False, ended_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="membership_one_open_per_plan",
                fields=["member", "plan"],
                condition=Q(ended_at__isnull=True),
                violation_error_message=_("This person is already a member of the plan."),
            ),
            models.CheckConstraint(
                name="membership_end_has_reason",
                condition=Q(ended_at__isnull=True, end_reason__isnull=True)
                | Q(ended_at__isnull=False, end_reason__in=ENDS),
            ),
            models.CheckConstraint(
                name="membership_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("joined_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"M{self.pk:09d}"

    @property
    def number(self) -> str:
        """The number on the receipt."""
        return str(self)

    def terms_on(self, on: date) -> Rules:
        """The rules that hold for this membership on that Shanghai day: those in force, whether
        they were accepted or met with silence (design §5). `rules` is the version of joining.
        Raises Rules.DoesNotExist before the plan's first."""
        return Rules.objects.in_force(self.plan_id, on)


class RuleConsent(models.Model):
    """Who accepted which rules, when; silence is recorded as silence on the day they begin."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        SILENT = "silent", _("did not answer")

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="consents")
    rules = models.ForeignKey(Rules, on_delete=models.PROTECT)
    kind = models.TextField(choices=Kind)
    by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(name="consent_once", fields=["membership", "rules", "kind"]),
            models.CheckConstraint(
                name="consent_kind_known", condition=Q(kind__in=["accepted", "silent"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.kind} {self.rules_id}"


class PayerChange(models.Model):
    """Another account is to pay for a membership: both agree, or it does not happen."""

    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="payer_changes"
    )
    from_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    to_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    from_agreed_at = models.DateTimeField(null=True)
    to_agreed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)  # both agreed, one declined, or expired

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="payer_change_one_open",
                fields=["membership"],
                condition=Q(closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="payer_change_changes", condition=~Q(from_account=F("to_account"))
            ),
        ]

    def __str__(self) -> str:
        return f"payer change {self.pk}"

    @property
    def took_effect(self) -> bool:
        return bool(self.closed_at and self.from_agreed_at and self.to_agreed_at)


class MandateQuerySet(models.QuerySet["Mandate"]):
    def live(self, on: date) -> MandateQuerySet:
        """Not revoked, and valid on that Shanghai day."""
        return self.filter(revoked_at__isnull=True, expires_on__gt=on)


class Mandate(models.Model):
    """That shares may be debited from a payer: given, expires, revoked. One live per account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="mandates")
    given_at = models.DateTimeField()
    expires_on = models.DateField()  # the first day without it
    revoked_at = models.DateTimeField(null=True)

    objects = MandateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="mandate_one_live",
                fields=["account"],
                condition=Q(revoked_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_on"],
                name="mandate_expiring",
                condition=Q(revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"mandate {self.pk}"


class Receipt(models.Model):
    """The receipt of joining as a PDF: asked for, made by a worker, kept for some days, and asked
    for again at will. Sealed under the member's key: who forgets the member forgets it."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="receipts")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="receipts")
    language = models.TextField()
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    pdf_sealed = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="receipt_once_a_language", fields=["membership", "language"]
            ),
            models.CheckConstraint(
                name="receipt_made_whole",
                condition=Q(made_at__isnull=True, pdf_sealed__isnull=True)
                | Q(made_at__isnull=False, pdf_sealed__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_at", "id"],
                name="receipt_waiting",
                condition=Q(made_at__isnull=True),
            ),
            models.Index(
                fields=["made_at"], name="receipt_old", condition=Q(made_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"receipt of membership {self.membership_id}"


class ImportRun(models.Model):
    """A list of members read from a file, part by part; killed, it goes on where it stopped."""

    class Stage(models.TextChoices):
        READY = "ready", _("ready")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("stopped")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    file_name = models.TextField()
    digest = models.BinaryField(max_length=32)
    path = models.TextField()
    dry_run = models.BooleanField(default=False)
    stage = models.TextField(choices=Stage, default=Stage.READY)
    lines = models.BigIntegerField(default=0)
    done_bytes = models.BigIntegerField(default=0)
    size = models.BigIntegerField()
    done_lines = models.BigIntegerField(default=0)
    good = models.BigIntegerField(default=0)
    bad = models.BigIntegerField(default=0)
    by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)  # its files were removed: the list, the lines refused

    class Meta:
        verbose_name = _("list of members")
        verbose_name_plural = _("lists of members")
        constraints = [
            models.CheckConstraint(
                name="import_counts_add_up", condition=Q(done_lines=F("good") + F("bad"))
            ),
            models.UniqueConstraint(
                name="import_once",
                fields=["plan", "digest"],
                condition=Q(dry_run=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.pk})"
