"""The appeal before fellow members 赔审团. Only jury.actions writes these tables."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from claims.models import Appeal
from jury.states import VOTING, Status
from members.models import Account, Member, Membership, Plan, in_language
from mutualaid.history import append_only


class ExamQuestion(models.Model):
    """One question of the juror exam. The right answer never leaves the server before grading."""

    code = models.TextField(unique=True)
    topic = models.TextField()
    text_zh = models.TextField()
    text_en = models.TextField()
    options_zh = models.JSONField()
    options_en = models.JSONField()
    right = models.PositiveSmallIntegerField()  # index into the options
    explanation_zh = models.TextField()
    explanation_en = models.TextField()

    def __str__(self) -> str:
        return self.code

    @property
    def text(self) -> str:
        return in_language(self, "text")

    @property
    def options(self) -> list[str]:
        english = in_language(self, "text") == self.text_en
        return list(self.options_en if english else self.options_zh)

    @property
    def explanation(self) -> str:
        return in_language(self, "explanation")


class ExamAttempt(models.Model):
    """Six questions drawn for one account; all must be right."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="exams")
    questions = models.JSONField()  # ids in the order asked
    answers = models.JSONField(default=list)
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    passed = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="exam_one_under_way",
                fields=["account"],
                condition=Q(finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="exam_result_paired",
                condition=Q(finished_at__isnull=True, passed__isnull=True)
                | Q(finished_at__isnull=False, passed__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"exam {self.pk}"


class JurorQuerySet(models.QuerySet["Juror"]):
    def active(self) -> JurorQuerySet:
        """In office, with a login that is open, and not working here."""
        return self.filter(
            resigned_at__isnull=True, account__is_active=True, account__is_staff=False
        )

    def serving(self, plan: Plan, joined_before: datetime) -> JurorQuerySet:
        """Active, and sharing this plan's costs since before that instant. In order of id."""
        memberships = Membership.objects.open().filter(plan=plan, joined_at__lt=joined_before)
        return self.active().filter(member_id__in=memberships.values("member_id")).order_by("pk")


class Juror(models.Model):
    """A member certified to sit on panels 赔审员."""

    member = models.OneToOneField(Member, on_delete=models.PROTECT, related_name="juror")
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="juror")
    certified_at = models.DateTimeField()
    resigned_at = models.DateTimeField(null=True)

    objects = JurorQuerySet.as_manager()

    class Meta:
        verbose_name = _("juror")
        verbose_name_plural = _("jurors")

    def __str__(self) -> str:
        return f"juror {self.pk}"


class CaseQuerySet(models.QuerySet["Case"]):
    def voting(self) -> CaseQuerySet:
        return self.filter(status__in=VOTING)

    def out_of_time(self, instant: datetime) -> CaseQuerySet:
        """Still voting, though the closing instant has come."""
        return self.voting().filter(closes_at__lte=instant)

    def appeal_withdrawn(self) -> CaseQuerySet:
        """Still voting, though the claimant has taken the appeal back."""
        return self.voting().filter(appeal__withdrawn_at__isnull=False)


class Case(models.Model):
    """An appeal as jurors see it 赔审案件: frozen when voting opens."""

    number = models.TextField(_("number"), unique=True)  # random, says nothing of the claim
    appeal = models.OneToOneField(Appeal, on_delete=models.PROTECT, related_name="case")
    status = models.TextField(_("status"), choices=Status, default=Status.OPEN)
    # Both sides, the clause and the criteria table as they stood at opening.
    pack = models.JSONField()
    panel_size = models.PositiveIntegerField()
    quorum = models.PositiveIntegerField()
    extension_hours = models.PositiveIntegerField()
    # Frozen before the draw: ids of jurors in order, and those of them with a conflict.
    roster = models.JSONField()
    excluded = models.JSONField()
    roster_digest = models.BinaryField(max_length=32)
    seed = models.BinaryField(max_length=32)
    seed_commitment = models.BinaryField(max_length=32)
    opened_at = models.DateTimeField(_("opened"))
    closes_at = models.DateTimeField(_("closes"))
    closed_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("jury case")
        verbose_name_plural = _("jury cases")
        constraints = [
            models.CheckConstraint(name="case_status_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="case_closed_iff_over",
                condition=Q(status__in=VOTING, closed_at__isnull=True)
                | (~Q(status__in=VOTING) & Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="case_quorum_within_panel",
                condition=Q(quorum__gte=1, quorum__lte=F("panel_size")),
            ),
            models.CheckConstraint(
                name="case_closes_after_it_opens", condition=Q(closes_at__gt=F("opened_at"))
            ),
        ]

    def __str__(self) -> str:
        return self.number


class SeatQuerySet(models.QuerySet["Seat"]):
    def held(self) -> SeatQuerySet:
        """Not declined."""
        return self.filter(declined_at__isnull=True)

    def of_account(self, account: Account) -> SeatQuerySet:
        """The seats this account holds, the newest first."""
        return self.held().filter(juror__account=account).order_by("-seated_at", "-pk")


class Seat(models.Model):
    """A juror's place on a panel; may be declined without reason and is refilled in drawn order."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="seats")
    juror = models.ForeignKey(Juror, on_delete=models.PROTECT, related_name="seats")
    drawn = models.PositiveIntegerField()  # place in the drawn order
    seated_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)  # opened the whole pack

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="seat_once", fields=["case", "juror"]),
            models.UniqueConstraint(name="seat_drawn_once", fields=["case", "drawn"]),
        ]

    def __str__(self) -> str:
        return f"seat {self.pk}"


class Ballot(models.Model):
    """One ballot a seat, final once cast 选票."""

    class Choice(models.TextChoices):
        SUPPORT = "support", _("Support granting the benefit")
        AGAINST = "against", _("Do not support it")
        ABSTAIN = "abstain", _("Not enough information: abstain")

    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, related_name="ballot")
    choice = models.TextField(choices=Choice)
    clause = models.TextField(blank=True, default="")
    reason = models.TextField()
    receipt = models.TextField(unique=True)
    cast_at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.CheckConstraint(
                name="ballot_choice_known",
                condition=Q(choice__in=["support", "against", "abstain"]),
            ),
        ]

    def __str__(self) -> str:
        return f"ballot {self.pk}"


class Verdict(models.Model):
    """The result, written once from tally.decide 结论."""

    class Outcome(models.TextChoices):
        OVERTURNED = "overturned", _("The refusal is overturned")
        UPHELD = "upheld", _("The refusal stands")

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="verdict")
    outcome = models.TextField(choices=Outcome)
    why = models.TextField()  # majority, tie, no_quorum
    support = models.PositiveIntegerField()
    against = models.PositiveIntegerField()
    abstain = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        constraints = [
            models.CheckConstraint(
                name="verdict_outcome_known", condition=Q(outcome__in=["overturned", "upheld"])
            ),
            models.CheckConstraint(
                name="verdict_overturns_by_majority",
                condition=~Q(outcome="overturned") | Q(support__gt=F("against")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.outcome}"
