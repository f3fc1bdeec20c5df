"""From a report to a decision that stands. Only claims.actions writes these tables.

Claim, its papers and its decision hold health data: what a person wrote about an illness and every
paper is sealed under the member's data key (mutualaid/vault.py).
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from claims.states import OPEN, TURNS, UNDECIDED, Status, Turn
from members.models import Account, Member, Membership, Rules
from mutualaid.history import append_only


class ClaimQuerySet(models.QuerySet["Claim"]):
    def open(self) -> ClaimQuerySet:
        """Somebody is working on it."""
        return self.filter(status__in=OPEN)

    def undecided(self) -> ClaimQuerySet:
        return self.filter(status__in=UNDECIDED)

    def of_account(self, account: Account) -> ClaimQuerySet:
        """Claims of the account's family."""
        return self.filter(member__household__account=account).distinct()

    def granted_before(self, instant: datetime) -> ClaimQuerySet:
        return self.filter(status=Status.GRANTED, decided_at__lt=instant)


class Claim(models.Model):
    """A request for the benefit 互助申请."""

    number = models.TextField(_("number"), unique=True)  # HZ-2021-000042
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="claims")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="claims")
    rules = models.ForeignKey(Rules, on_delete=models.PROTECT)  # the cover terms that bind it
    filed_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    disease = models.TextField(_("disease"))  # code of a definition of the rules' norm
    accident = models.BooleanField(default=False)
    diagnosed_on = models.DateField(_("first diagnosed"))
    story_sealed = models.BinaryField()  # the illness in the claimant's own words
    hospital_sealed = models.BinaryField()
    call_back = models.TextField(blank=True, default="")
    publish_consent = models.BooleanField(default=False)  # facts beyond the amount (design §9.5)
    status = models.TextField(_("status"), choices=Status, default=Status.REPORTED)
    reported_at = models.DateTimeField(_("reported"))
    complete_at = models.DateTimeField(_("papers complete"), null=True)
    decided_at = models.DateTimeField(_("decided"), null=True)
    not_before = models.DateField(null=True)  # the date a criterion waits for
    # Nobody waits without a name and a date (design §9.7).
    owner = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="work")
    due_at = models.DateTimeField(_("due"), null=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        permissions = [
            ("investigate_claim", "Can investigate claims"),
            ("decide_claim", "Can propose and confirm decisions"),
        ]
        indexes = [
            models.Index(fields=["status", "due_at"], name="claim_queue"),
            models.Index(fields=["owner", "due_at"], name="claim_of_owner"),
        ]
        constraints = [
            models.CheckConstraint(
                name="claim_status_known", condition=Q(status__in=Status.values)
            ),
            models.UniqueConstraint(
                name="claim_one_open_per_membership",
                fields=["membership"],
                condition=Q(status__in=OPEN),
                violation_error_message=_("There is already an open claim for this member."),
            ),
            models.CheckConstraint(
                name="claim_open_has_a_date",
                condition=Q(due_at__isnull=False) | ~Q(status__in=OPEN),
            ),
            models.CheckConstraint(
                name="claim_decided_iff_final",
                condition=Q(
                    status__in=["granted", "refused", "appealed", "upheld"],
                    decided_at__isnull=False,
                )
                | (
                    ~Q(status__in=["granted", "refused", "appealed", "upheld"])
                    & Q(decided_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="claim_waiting_has_its_date",
                condition=~Q(status="waiting") | Q(not_before__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def turn(self) -> Turn:
        """Who must act next."""
        return TURNS[Status(self.status)]


class ClaimEvent(models.Model):
    """What happened to a claim. `code` and `facts` make the sentence in the reader's language."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="events")
    code = models.TextField()  # moved, paper_added, paper_removed, finding, request, message …
    old = models.TextField(choices=Status, blank=True, default="")
    new = models.TextField(choices=Status, blank=True, default="")
    facts = models.JSONField(default=dict)
    by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.claim_id} {self.code}"


class Evidence(models.Model):
    """One uploaded paper 材料. The file is sealed and written once under its random name."""

    class Kind(models.TextChoices):
        IDENTITY = "identity", _("ID card")
        DIAGNOSIS = "diagnosis", _("proof of diagnosis")
        RECORD = "record", _("hospital record")
        DISCHARGE = "discharge", _("discharge summary")
        TEST = "test", _("test or pathology report")
        OTHER = "other", _("other paper")

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="papers")
    place = models.PositiveIntegerField()  # 1, 2, 3 … within the claim, never reused
    kind = models.TextField(choices=Kind, default=Kind.OTHER)
    name = models.TextField()  # as the claimant's phone called it, cut to 100 characters
    media_type = models.TextField()  # found from the bytes
    size = models.PositiveIntegerField()
    pages = models.PositiveIntegerField(default=1)
    sha256 = models.BinaryField(max_length=32)
    file = models.UUIDField(unique=True)  # name of the sealed file in EVIDENCE_DIR
    added_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(name="evidence_place_once", fields=["claim", "place"]),
            models.CheckConstraint(
                name="evidence_type_known",
                condition=Q(media_type__in=["image/jpeg", "image/png", "application/pdf"]),
            ),
            models.CheckConstraint(
                name="evidence_has_bytes", condition=Q(size__gt=0, size__lte=20 * 2**20)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.name}"


class EvidenceRequest(models.Model):
    """One named paper asked for, with a reason and a date."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="requests")
    kind = models.TextField(choices=Evidence.Kind)
    why = models.TextField()
    due_on = models.DateField()
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.claim_id} {self.kind}"


class Investigation(models.Model):
    """An adjuster's work on a claim: facts, no judgement."""

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="investigation")
    adjuster = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    report = models.TextField(blank=True, default="")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="investigation_closed_has_report",
                condition=Q(closed_at__isnull=True) | ~Q(report=""),
            ),
        ]

    def __str__(self) -> str:
        return f"investigation of {self.claim_id}"


class Finding(models.Model):
    """One fact found, pointing at a paper where there is one."""

    investigation = models.ForeignKey(
        Investigation, on_delete=models.PROTECT, related_name="findings"
    )
    text = models.TextField()
    paper = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT)
    page = models.PositiveIntegerField(null=True)
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return self.text[:40]


class CriterionAnswer(models.Model):
    """The reviewer's answer to one leaf of the definition; frozen into the decision's table."""

    class Answer(models.TextChoices):
        MET = "met", _("Met")
        NOT_MET = "not_met", _("Not met")
        NOT_SHOWN = "not_shown", _("Not shown")

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="answers")
    code = models.TextField()
    answer = models.TextField(choices=Answer)
    measured = models.DecimalField(null=True, max_digits=12, decimal_places=3)
    since = models.DateField(null=True)
    paper = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT)
    page = models.PositiveIntegerField(null=True)
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="answer_once", fields=["claim", "code"]),
            models.CheckConstraint(
                name="answer_known", condition=Q(answer__in=["met", "not_met", "not_shown"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.answer}"


class Decision(models.Model):
    """Proposed by one reviewer, confirmed by another; reasons bound to clauses (审核决定)."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="decisions")
    granted = models.BooleanField()
    benefit_fen = models.BigIntegerField(null=True)  # half up to the fen once; null for a refusal
    # [{code, clause, text_zh, text_en, answer, measured, paper, remedy_zh, remedy_en}], as answered
    table = models.JSONField()
    clauses = models.JSONField()  # the clauses it rests on
    failing = models.JSONField(default=list)  # codes of the criteria that decided a refusal
    reason = models.TextField()
    would_change = models.TextField(blank=True, default="")
    proposed_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    sent_back_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    sent_back_at = models.DateTimeField(null=True)
    sent_back_why = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="decision_benefit_iff_granted",
                condition=Q(granted=True, benefit_fen__isnull=False, benefit_fen__gt=0)
                | Q(granted=False, benefit_fen__isnull=True),
            ),
            models.CheckConstraint(
                name="decision_confirmed_by_another",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("proposed_by")),
                violation_error_message=_(
                    "You proposed this decision. Another reviewer has to confirm it."
                ),
            ),
            models.CheckConstraint(
                name="decision_confirmation_paired",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="decision_sent_back_paired",
                condition=Q(sent_back_by__isnull=True, sent_back_at__isnull=True)
                | Q(sent_back_by__isnull=False, sent_back_at__isnull=False),
            ),
            models.CheckConstraint(
                name="decision_not_both",
                condition=Q(confirmed_at__isnull=True) | Q(sent_back_at__isnull=True),
            ),
            models.CheckConstraint(
                name="decision_refusal_says_what_would_change_it",
                condition=Q(granted=True) | (~Q(would_change="") & ~Q(failing=[])),
            ),
            models.UniqueConstraint(
                name="decision_one_under_way",
                fields=["claim"],
                condition=Q(sent_back_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.pk}"


class Payee(models.Model):
    """Whose account the benefit goes to, and why (收款人). The account number is sealed."""

    class Relation(models.TextChoices):
        SELF = "self", _("the member")
        GUARDIAN = "guardian", _("guardian")
        HEIR = "heir", _("heir")

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="payee")
    relation = models.TextField(choices=Relation)
    holder = models.TextField(_("account holder"))
    bank = models.TextField(_("bank"))
    account_sealed = models.BinaryField()
    account_tail = models.CharField(max_length=4)
    account_hash = models.BinaryField(max_length=32)
    reason = models.TextField(blank=True, default="")
    given_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)  # by the claimant, before a payout

    def __str__(self) -> str:
        return f"{self.bank} …{self.account_tail}"


class Appeal(models.Model):
    """The claimant's request for a jury (申诉), with what jurors may read."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="appeals")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    statement = models.TextField()
    publish_consent = models.BooleanField(default=False)
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"appeal {self.pk}"


class Message(models.Model):
    """A word between the claimant and the person who works on the claim."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="messages")
    text = models.TextField()
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        triggers = append_only()

    def __str__(self) -> str:
        return self.text[:40]
