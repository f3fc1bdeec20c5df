"""Plans and their rules as data: what is covered, what it costs, what is asked on joining."""

from __future__ import annotations

from datetime import date

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from members.models.people import Account
from mutualaid.history import (
    parts_of_published_never_change,
    published_never_changes,
    questions_in_use_never_change,
)

# A change of the rules is announced so many days before it begins (design §5).
DAYS_AHEAD = 30


def announced_ahead() -> pgtrigger.Trigger:
    """No version but a plan's first is published less than DAYS_AHEAD days before it begins."""
    return pgtrigger.Trigger(
        name="announced_ahead",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Q(new__published_at__isnull=False),
        func=f"""
            IF NEW.effective_on
                   - (NEW.published_at AT TIME ZONE 'Asia/Shanghai')::date < {DAYS_AHEAD}
               AND EXISTS (SELECT FROM members_rules
                            WHERE plan_id = NEW.plan_id AND id <> NEW.id
                              AND published_at IS NOT NULL) THEN
                RAISE EXCEPTION
                    'pgtrigger: a change of the rules is announced {DAYS_AHEAD} days ahead';
            END IF;
            RETURN NEW;
        """,
    )


def in_language(thing: object, name: str) -> str:
    """`name_zh` or `name_en` of reference data, by the language of the reader; Chinese binds."""
    language = "en" if (get_language() or "").startswith("en") else "zh"
    return str(getattr(thing, f"{name}_{language}") or getattr(thing, f"{name}_zh"))


def closing_stays() -> pgtrigger.Trigger:
    """A plan that was closed is not opened again, and its last day does not move."""
    return pgtrigger.Protect(
        name="closing_stays",
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.closed_on IS NOT NULL AND (OLD.closed_on, OLD.ends_on)"
            " IS DISTINCT FROM (NEW.closed_on, NEW.ends_on)"
        ),
    )


class QuestionSet(models.Model):
    """One version of the health questions: edited until a published version of rules uses it, or
    somebody has answered it (a trigger)."""

    code = models.TextField(unique=True)
    # A plan without a health requirement says so; a set that is only not finished does not.
    asks_nothing = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("health questions")
        verbose_name_plural = _("health questions")
        triggers = questions_in_use_never_change("id", insert=False)

    def __str__(self) -> str:
        return self.code


class HealthQuestion(models.Model):
    """One question, asked on a page of its own. The health requirement is met by 没有 alone."""

    question_set = models.ForeignKey(
        QuestionSet, on_delete=models.PROTECT, related_name="questions"
    )
    place = models.PositiveSmallIntegerField()
    code = models.TextField()
    text_zh = models.TextField()
    text_en = models.TextField()
    hint_zh = models.TextField(blank=True)
    hint_en = models.TextField(blank=True)

    class Meta:
        ordering = ["question_set", "place"]
        triggers = questions_in_use_never_change("question_set_id")
        constraints = [
            models.UniqueConstraint(name="question_place_once", fields=["question_set", "place"]),
            models.UniqueConstraint(name="question_code_once", fields=["question_set", "code"]),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def text(self) -> str:
        return in_language(self, "text")

    @property
    def hint(self) -> str:
        return in_language(self, "hint")


class PlanQuerySet(models.QuerySet["Plan"]):
    def published(self) -> PlanQuerySet:
        """With rules that were published; any other is still being set up, and nobody's business
        but the staff's."""
        versions = Rules.objects.published().filter(plan=models.OuterRef("pk"))
        return self.filter(models.Exists(versions))


class Plan(models.Model):
    """A mutual-aid plan 互助计划. Each plan has its own pool, roster and periods."""

    code = models.SlugField(unique=True)
    name_zh = models.TextField()
    name_en = models.TextField()
    opened_on = models.DateField()
    # The first period is that whose roster is locked on or after this day (null: opened_on).
    shares_from = models.DateField(null=True)
    intro_zh = models.TextField(blank=True, default="")
    intro_en = models.TextField(blank=True, default="")
    # Too few members (Rules.dissolution_members), or staff with a reason: nobody joins from
    # closed_on, all ends on ends_on, and dissolved_at says when the last membership was ended.
    closed_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    closed_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    closed_why = models.TextField(blank=True, default="")
    dissolved_at = models.DateTimeField(null=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        permissions = [("close_plan", "Can close a plan")]
        triggers = [closing_stays()]
        constraints = [
            models.CheckConstraint(
                name="plan_closed_by_with_reason",
                condition=Q(closed_by__isnull=True, closed_why="")
                | Q(closed_by__isnull=False, closed_on__isnull=False) & ~Q(closed_why=""),
            ),
            models.CheckConstraint(
                name="plan_dissolved_only_at_its_end",
                condition=Q(dissolved_at__isnull=True) | Q(ends_on__isnull=False),
            ),
            models.CheckConstraint(
                name="plan_ends_after_it_closes",
                condition=Q(ends_on__isnull=True)
                | Q(closed_on__isnull=False, ends_on__gte=F("closed_on")),
            ),
        ]
        verbose_name = _("plan")
        verbose_name_plural = _("plans")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_language(self, "name")

    @property
    def intro(self) -> str:
        return in_language(self, "intro")


class RulesQuerySet(models.QuerySet["Rules"]):
    def published(self) -> RulesQuerySet:
        return self.filter(published_at__isnull=False)

    def in_force(self, plan: Plan | int, on: date) -> Rules:
        """The published version in force on that Shanghai day. Raises Rules.DoesNotExist before
        any. Whoever did not accept it left, so it holds for every member (design §5)."""
        found = self.published().filter(plan=plan, effective_on__lte=on)
        return found.select_related("plan").latest("effective_on")

    def announced(self, plan: Plan | int, on: date) -> RulesQuerySet:
        """What is published and will begin after that Shanghai day, the next first."""
        coming = self.published().filter(plan=plan, effective_on__gt=on)
        return coming.order_by("effective_on")


class Rules(models.Model):
    """One dated version of a plan's rules. Cover terms follow the membership; money terms are fixed
    for a period at its roster lock. A draft is edited in the admin; once published neither it nor
    its bands and steps change (a trigger). Sources: domain.md §1a, §1b, §1e, §3a."""

    class Admission(models.TextChoices):
        OPEN = "open", _("open to everybody")
        INVITATION = "invitation", _("by invitation")
        SCORE = "score", _("above a score of the identity provider")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="rules")
    version = models.TextField()
    effective_on = models.DateField()
    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT)
    summary_zh = models.TextField(blank=True)
    summary_en = models.TextField(blank=True)
    # What changed since the version before, in plain words.
    change_zh = models.TextField(blank=True, default="")
    change_en = models.TextField(blank=True, default="")
    # Who changed the draft last, its plan's names or its questions; another one publishes it.
    drafted_at = models.DateTimeField(null=True)
    drafted_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")

    # Admission
    admission = models.TextField(choices=Admission, default=Admission.OPEN)
    min_score = models.PositiveIntegerField(null=True)
    ceiling_members = models.PositiveIntegerField(null=True)
    join_undo_days = models.PositiveIntegerField(default=7)
    leave_undo_days = models.PositiveIntegerField(default=3)

    # Cover terms
    norm = models.TextField(default="2007")
    # Codes of the norm's definitions that the plan covers; null: all of them.
    diseases = ArrayField(models.TextField(), null=True)
    accidents_only = models.BooleanField(default=False)
    min_age_days = models.PositiveIntegerField(default=30)
    min_age_years = models.PositiveIntegerField(default=0)
    max_age_years = models.PositiveIntegerField(default=59)
    waiting_days = models.PositiveIntegerField(default=90)
    # 康爱公社: who joins from that age on waits longer (domain.md §1e). Both or neither.
    waiting_longer_from_age = models.PositiveIntegerField(null=True)
    waiting_longer_days = models.PositiveIntegerField(null=True)
    claim_window_days = models.PositiveIntegerField(default=180)
    decision_days = models.PositiveIntegerField(default=30)
    appeal_days = models.PositiveIntegerField(default=30)
    reinstatement_days = models.PositiveIntegerField(default=30)
    # Whoever grows too old is offered this plan, without a new waiting period if it says so.
    next_plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="+")
    next_plan_waits = models.BooleanField(default=True)

    # Money terms
    fee_bp = models.PositiveIntegerField(default=800)
    case_cap_fen = models.BigIntegerField(null=True, default=10)
    annual_cap_fen = models.BigIntegerField(null=True, default=18_800)
    advance_limit_fen = models.BigIntegerField(default=100_000_000)
    debit_days = models.PositiveIntegerField(default=5)
    payout_days = models.PositiveIntegerField(default=7)
    dissolution_members = models.PositiveIntegerField(null=True, default=3_300_000)
    # A plan begins small: so long after it has opened, the threshold does not count.
    dissolution_after_days = models.PositiveIntegerField(default=90)
    dissolution_days = models.PositiveIntegerField(default=365)
    mandate_days = models.PositiveIntegerField(default=730)

    # The jury
    panel_size = models.PositiveIntegerField(default=31)
    quorum = models.PositiveIntegerField(default=21)
    voting_hours = models.PositiveIntegerField(default=72)
    extension_hours = models.PositiveIntegerField(default=24)
    juror_membership_days = models.PositiveIntegerField(default=30)

    objects = RulesQuerySet.as_manager()

    class Meta:
        verbose_name = _("rules")
        verbose_name_plural = _("rules")
        permissions = [("publish_rules", "Can publish rules")]
        constraints = [
            models.CheckConstraint(
                name="rules_drafted_whole",
                condition=Q(drafted_at__isnull=True, drafted_by__isnull=True)
                | Q(drafted_at__isnull=False, drafted_by__isnull=False),
            ),
            models.CheckConstraint(
                name="rules_published_by_another",
                condition=Q(published_by__isnull=True)
                | Q(published_at__isnull=False, drafted_by__isnull=False)
                & ~Q(published_by=F("drafted_by")),
            ),
            models.UniqueConstraint(name="rules_version_once", fields=["plan", "version"]),
            models.UniqueConstraint(name="rules_one_a_day", fields=["plan", "effective_on"]),
            models.CheckConstraint(
                name="rules_fee_at_most_ten_percent", condition=Q(fee_bp__lte=1000)
            ),
            models.CheckConstraint(
                name="rules_caps_positive",
                condition=(Q(case_cap_fen__isnull=True) | Q(case_cap_fen__gt=0))
                & (Q(annual_cap_fen__isnull=True) | Q(annual_cap_fen__gt=0))
                & Q(advance_limit_fen__gte=0),
            ),
            models.CheckConstraint(
                name="rules_quorum_within_panel",
                condition=Q(quorum__gte=1, quorum__lte=F("panel_size")),
            ),
            models.CheckConstraint(
                name="rules_score_where_asked",
                condition=Q(admission="score", min_score__isnull=False)
                | Q(admission__in=["open", "invitation"], min_score__isnull=True),
            ),
            models.CheckConstraint(
                name="rules_longer_wait_whole",
                condition=Q(waiting_longer_from_age__isnull=True, waiting_longer_days__isnull=True)
                | Q(
                    waiting_longer_from_age__isnull=False,
                    waiting_longer_days__gte=F("waiting_days"),
                ),
            ),
            models.CheckConstraint(
                name="rules_ages_in_order", condition=Q(max_age_years__gte=F("min_age_years"))
            ),
        ]
        triggers = [*published_never_changes(), announced_ahead()]

    def __str__(self) -> str:
        return self.version

    @property
    def summary(self) -> str:
        return in_language(self, "summary")


class BenefitBand(models.Model):
    """What a claim is granted: by whole years on the day of first diagnosis (design §5)."""

    rules = models.ForeignKey(Rules, on_delete=models.PROTECT, related_name="bands")
    from_age = models.PositiveIntegerField()
    to_age = models.PositiveIntegerField()
    severity = models.TextField(default="severe")
    benefit_fen = models.BigIntegerField()

    class Meta:
        ordering = ["severity", "from_age"]
        triggers = parts_of_published_never_change()
        constraints = [
            models.UniqueConstraint(name="band_once", fields=["rules", "from_age", "severity"]),
            models.CheckConstraint(
                name="band_sound", condition=Q(to_age__gte=F("from_age"), benefit_fen__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_age}–{self.to_age}: {self.benefit_fen}"


class TenureStep(models.Model):
    """From so many days of cover on, this part of the band's benefit is granted; without steps all
    of it from the first day. 康爱公社: a third, two thirds, the whole (domain.md §1e)."""

    rules = models.ForeignKey(Rules, on_delete=models.PROTECT, related_name="steps")
    from_days = models.PositiveIntegerField()
    numerator = models.PositiveSmallIntegerField()
    denominator = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["from_days"]
        triggers = parts_of_published_never_change()
        constraints = [
            models.UniqueConstraint(name="step_once", fields=["rules", "from_days"]),
            models.CheckConstraint(
                name="step_is_a_part",
                condition=Q(numerator__gte=1, numerator__lte=F("denominator")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_days}: {self.numerator}/{self.denominator}"


class Invitation(models.Model):
    """A code with which so many people may join a plan that is open by invitation."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="invitations")
    code_hash = models.BinaryField(unique=True)
    note = models.TextField(blank=True)
    uses_allowed = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0)
    expires_on = models.DateField(null=True)
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.CheckConstraint(
                name="invitation_not_overused", condition=Q(uses__lte=F("uses_allowed"))
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
