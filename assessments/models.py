"""Periods, the split, debits, payouts and the books. Money is whole fen.

Share is member-scale and partitioned by period: inserted once by `bulk`, never changed. That money
came in is a fact of the debit batch; only what failed gets a row of its own (Arrears).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assessments.rules import Half
from assessments.states import DONE, PayoutState, Problem, Stage
from claims.models import Claim, Decision, Payee
from members.models import Account, Member, Membership, Plan, Rules
from mutualaid import clock
from mutualaid.history import append_only

DISCLOSED_DAYS = 7  # nothing is split that was not laid open for seven days (design §2)


class PeriodQuerySet(models.QuerySet["Period"]):
    def split(self) -> PeriodQuerySet:
        """Those whose split is finished: their figures stand."""
        return self.filter(stage__in=DONE)

    def before(self, period: Period) -> Period | None:
        """The period whose surplus goes into this one; one that nobody could share is passed by."""
        nobody = Q(stage=Stage.OPEN, problem=Problem.NO_MEMBERS)
        earlier = self.filter(plan=period.plan_id, number__lt=period.number).exclude(nobody)
        return earlier.order_by("number").last()

    def same_year(self, period: Period) -> PeriodQuerySet:
        """Of the same plan, with a split date in the same Shanghai year: the annual cap's reach."""
        first = clock.day(period.split_at).replace(month=1, day=1)
        begin, end = clock.midnight(first), clock.midnight(first.replace(year=first.year + 1))
        return self.filter(plan=period.plan_id, split_at__gte=begin, split_at__lt=end)


class Period(models.Model):
    """Half a month of one plan: disclosed on the 7th/21st, split on the 14th/28th."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="periods")
    number = models.PositiveIntegerField(_("number"))
    # Instants in Asia/Shanghai, design §6: cases granted before cutoff_at go in.
    cutoff_at = models.DateTimeField()
    roster_at = models.DateTimeField()
    disclose_at = models.DateTimeField()
    split_at = models.DateTimeField()
    stage = models.TextField(choices=Stage, default=Stage.OPEN)
    operator_bears = models.BooleanField(default=False)
    rules = models.ForeignKey(Rules, null=True, on_delete=models.PROTECT)  # money terms, at lock
    members = models.PositiveBigIntegerField(null=True)  # N, counted at the lock
    surplus_in_fen = models.BigIntegerField(null=True)
    # Written by the split, all at once.
    benefits_fen = models.BigIntegerField(null=True)
    fees_fen = models.BigIntegerField(null=True)
    pool_fen = models.BigIntegerField(null=True)
    share_fen = models.BigIntegerField(null=True)
    charged_fen = models.BigIntegerField(null=True)
    operator_fen = models.BigIntegerField(null=True)
    surplus_out_fen = models.BigIntegerField(null=True)
    disclosed_at = models.DateTimeField(null=True)
    digest = models.TextField(blank=True, default="")  # SHA-256 of what was published
    # Why it does not go on.
    problem = models.TextField(blank=True, default="", choices=Problem)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        verbose_name = _("period")
        verbose_name_plural = _("periods")
        ordering = ["plan", "number"]
        permissions = [("close_period", "Can lock, split and publish periods")]
        constraints = [
            models.UniqueConstraint(name="period_number_once", fields=["plan", "number"]),
            models.UniqueConstraint(name="period_cutoff_once", fields=["plan", "cutoff_at"]),
            models.CheckConstraint(name="period_stage_known", condition=Q(stage__in=Stage.values)),
            models.CheckConstraint(
                name="period_in_order",
                condition=Q(
                    cutoff_at__lt=F("roster_at"),
                    roster_at__lte=F("disclose_at"),
                    disclose_at__lt=F("split_at"),
                ),
            ),
            models.CheckConstraint(
                name="period_figures_once_split",
                condition=Q(
                    stage__in=["open", "locked", "disclosed", "splitting"],
                    charged_fen__isnull=True,
                )
                | Q(
                    stage__in=["split", "collecting", "collected"],
                    benefits_fen__gte=0,
                    fees_fen__gte=0,
                    pool_fen__gte=0,
                    share_fen__gte=0,
                    charged_fen__gte=0,
                    operator_fen__gte=0,
                    surplus_in_fen__gte=0,
                    surplus_out_fen__gte=0,
                    charged_fen__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="period_balances",
                condition=Q(charged_fen__isnull=True)
                | Q(
                    charged_fen=F("benefits_fen")
                    + F("fees_fen")
                    + F("surplus_out_fen")
                    - F("operator_fen")
                    - F("surplus_in_fen")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}/{self.number}"

    @property
    def half(self) -> Half:
        """Its place in the calendar."""
        return Half.of(self.cutoff_at - timedelta.resolution)

    @property
    def title(self) -> str:
        """The month and the half in which it is disclosed and split, in the reader's language."""
        half = self.half
        return gettext("Period %(half)s of %(month)s/%(year)s") % {
            "half": half.half,
            "month": half.month,
            "year": half.year,
        }

    @property
    def split_from(self) -> datetime | None:
        """Not before: its date, and seven days after it was laid open. None while it was not."""
        if self.disclosed_at is None:
            return None
        open_until = clock.day(self.disclosed_at) + timedelta(days=DISCLOSED_DAYS)
        return max(self.split_at, clock.midnight(open_until))


class PeriodCaseQuerySet(models.QuerySet["PeriodCase"]):
    def active(self) -> PeriodCaseQuerySet:
        return self.filter(set_aside_at__isnull=True)

    def payable(self) -> PeriodCaseQuerySet:
        """Split, with a payee that the claimant confirmed, and no payout prepared yet."""
        return self.active().filter(
            period__stage__in=DONE,
            claim__payee__confirmed_at__isnull=False,
            claim__payout__isnull=True,
        )


class PeriodCase(models.Model):
    """A granted claim in a period. One active a claim; set aside, it may enter a later one."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="cases")
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="period_cases")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT)
    code = models.TextField(unique=True)  # the random case number that is published
    benefit_fen = models.BigIntegerField()
    fee_fen = models.BigIntegerField()
    set_aside_at = models.DateTimeField(null=True)
    set_aside_why = models.TextField(blank=True, default="")
    cleared_at = models.DateTimeField(null=True)  # its claim may enter the next period

    objects = PeriodCaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="period_case_one_active_a_claim",
                fields=["claim"],
                condition=Q(set_aside_at__isnull=True),
            ),
            models.CheckConstraint(
                name="period_case_cleared_was_set_aside",
                condition=Q(cleared_at__isnull=True) | Q(set_aside_at__isnull=False),
            ),
            models.CheckConstraint(
                name="period_case_amounts", condition=Q(benefit_fen__gt=0, fee_fen__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.code


class SplitRun(models.Model):
    """The one split of a period; killed anywhere, it goes on where it stopped."""

    period = models.OneToOneField(Period, on_delete=models.PROTECT, related_name="run")
    share_fen = models.BigIntegerField()
    begun_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"split of period {self.period_id}"


class SplitPart(models.Model):
    """A range of membership ids [low, high]: one INSERT … SELECT, its count and its sum."""

    run = models.ForeignKey(SplitRun, on_delete=models.PROTECT, related_name="parts")
    low = models.BigIntegerField()
    high = models.BigIntegerField()
    rows = models.BigIntegerField(null=True)
    charged_fen = models.BigIntegerField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["low"]
        constraints = [
            models.UniqueConstraint(name="split_part_once", fields=["run", "low"]),
            models.CheckConstraint(
                name="split_part_done_has_figures",
                condition=Q(done_at__isnull=True, rows__isnull=True, charged_fen__isnull=True)
                | Q(done_at__isnull=False, rows__gte=0, charged_fen__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.low}–{self.high}"


class ShareQuerySet(models.QuerySet["Share"]):
    def of_account(self, account: Account) -> ShareQuerySet:
        """Of the account's family, and of whom else it pays for. Two questions, each with an index:
        one with OR over two tables reads all memberships."""
        pays = Membership.objects.filter(payer=account).values_list("pk", flat=True)
        family = account.household.values("member")
        own = Membership.objects.filter(member__in=family).values_list("pk", flat=True)
        return self.filter(membership_id__in={*pays, *own})


class Share(models.Model):
    """What one membership owes for one period. The table is partitioned by period (see the
    migration); this class only reads it."""

    pk = models.CompositePrimaryKey("period_id", "membership_id")
    period = models.ForeignKey(
        Period, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    membership = models.ForeignKey(
        Membership, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    member = models.ForeignKey(
        Member, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    amount_fen = models.BigIntegerField()

    objects = ShareQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "assessments_share"

    def __str__(self) -> str:
        return f"{self.period_id}/{self.membership_id}: {self.amount_fen}"


class DebitBatch(models.Model):
    """One attempt to debit a period's shares: what was asked, what came in, what failed."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="batches")
    attempt = models.PositiveIntegerField()  # 0 on the day of the split, then 1 … debit_days
    asked_fen = models.BigIntegerField()
    asked_rows = models.BigIntegerField()
    collected_fen = models.BigIntegerField(null=True)
    failed_fen = models.BigIntegerField(null=True)
    failed_rows = models.BigIntegerField(null=True)
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="debit_attempt_once", fields=["period", "attempt"]),
            models.CheckConstraint(
                name="debit_adds_up",
                condition=Q(answered_at__isnull=True, collected_fen__isnull=True)
                | Q(
                    answered_at__isnull=False,
                    collected_fen__gte=0,
                    failed_fen__gte=0,
                    asked_fen=F("collected_fen") + F("failed_fen"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period_id}#{self.attempt}"


class ArrearsQuerySet(models.QuerySet["Arrears"]):
    def open(self) -> ArrearsQuerySet:
        """Still being debited."""
        return self.filter(paid_at__isnull=True, advanced_at__isnull=True)

    def advanced(self) -> ArrearsQuerySet:
        """The operator has paid and waits for the member."""
        return self.filter(paid_at__isnull=True, advanced_at__isnull=False)


class Arrears(models.Model):
    """A share that was not paid 欠款: opened by the first failed debit; paid by a later one, or
    advanced by the operator when the days are over, and perhaps paid late after that."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="arrears")
    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="arrears")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="arrears")
    amount_fen = models.BigIntegerField()
    reason = models.TextField()  # the provider's code
    opened_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    paid_batch = models.ForeignKey(DebitBatch, null=True, on_delete=models.PROTECT)
    advanced_at = models.DateTimeField(null=True)  # the operator paid it into the pool

    objects = ArrearsQuerySet.as_manager()

    class Meta:
        verbose_name = _("arrears")
        verbose_name_plural = _("arrears")
        constraints = [
            models.UniqueConstraint(name="arrears_once", fields=["period", "membership"]),
            models.CheckConstraint(name="arrears_positive", condition=Q(amount_fen__gt=0)),
            models.CheckConstraint(
                name="arrears_batch_has_its_date",
                condition=Q(paid_batch__isnull=True)
                | Q(paid_at__isnull=False, advanced_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} owes {self.amount_fen}"


class Payout(models.Model):
    """The benefit on its way to the payee: prepared by one person, released by another, once."""

    claim = models.OneToOneField(Claim, on_delete=models.PROTECT, related_name="payout")
    case = models.OneToOneField(PeriodCase, on_delete=models.PROTECT, related_name="payout")
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT)
    amount_fen = models.BigIntegerField()
    bound = models.BinaryField(max_length=32)  # keyed hash of claim, payee account and amount
    state = models.TextField(choices=PayoutState, default=PayoutState.PREPARED)
    prepared_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField()
    released_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    released_at = models.DateTimeField(null=True)
    provider_key = models.TextField(unique=True)  # the same at every try
    provider_code = models.TextField(blank=True, default="")
    paid_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        permissions = [
            ("prepare_payout", "Can prepare payouts"),
            ("release_payout", "Can release payouts"),
        ]
        constraints = [
            models.CheckConstraint(
                name="payout_released_by_another",
                condition=Q(released_by__isnull=True) | ~Q(released_by=F("prepared_by")),
                violation_error_message=_(
                    "You prepared this payout. Another person has to release it."
                ),
            ),
            models.CheckConstraint(
                name="payout_release_paired",
                condition=Q(released_by__isnull=True, released_at__isnull=True)
                | Q(released_by__isnull=False, released_at__isnull=False),
            ),
            models.CheckConstraint(
                name="payout_paid_iff_dated",
                condition=Q(state="paid", paid_at__isnull=False)
                | (~Q(state="paid") & Q(paid_at__isnull=True)),
            ),
            models.CheckConstraint(name="payout_positive", condition=Q(amount_fen__gt=0)),
        ]

    def __str__(self) -> str:
        return f"payout of claim {self.claim_id}"


class JournalEntry(models.Model):
    """One event of a period in the books; its postings sum to zero (deferred trigger)."""

    kind = models.TextField()  # split, debit, advance, late_payment, payout, fee, reversal …
    reference = models.TextField(unique=True)  # what it books, so that it is booked once
    period = models.ForeignKey(Period, null=True, on_delete=models.PROTECT, related_name="journal")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT)
    by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal")
        triggers = append_only()

    def __str__(self) -> str:
        return self.reference


class Posting(models.Model):
    """One leg. Debit is positive, credit negative; `account` is a code of assessments/books.py."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="postings")
    account = models.TextField()
    amount_fen = models.BigIntegerField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.CheckConstraint(name="posting_not_zero", condition=~Q(amount_fen=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_fen}"
