"""Who a person is, which plan, since when, what they declared, which rules they accepted.

Account, Member, links, keys, declarations, consents and memberships are member-scale tables
(design §4): narrow, written in sets by `bulk`, never updated in the mass, paged by key.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from mutualaid.history import append_only


def in_language(thing: object, name: str) -> str:
    """`name_zh` or `name_en` of reference data, by the language of the reader; Chinese binds."""
    language = "en" if (get_language() or "").startswith("en") else "zh"
    return str(getattr(thing, f"{name}_{language}") or getattr(thing, f"{name}_zh"))


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> Account:
        account = self.model(email=self.normalize_email(email).lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, PermissionsMixin):
    """A login. Pays for one or more members; staff have one too."""

    email = models.EmailField(_("e-mail address"), unique=True)
    display_name = models.TextField(_("name"), blank=True, default="")
    staff_number = models.TextField(_("staff number"), blank=True, default="")
    is_staff = models.BooleanField(_("works here"), default=False)
    is_active = models.BooleanField(_("may log in"), default=True)
    made_at = models.DateTimeField(null=True)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.CheckConstraint(
                name="account_email_lower_case", condition=Q(email=Lower("email"))
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.email


class Member(models.Model):
    """A natural person covered or to be covered; may have no login (a child, a parent)."""

    class Sex(models.TextChoices):
        MALE = "m", _("male")
        FEMALE = "f", _("female")

    name = models.TextField(_("name"))
    id_number_sealed = models.BinaryField()
    birth_on = models.DateField(_("date of birth"))
    sex = models.TextField(_("sex"), choices=Sex)
    region = models.CharField(_("province"), max_length=2)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        indexes = [models.Index(fields=["birth_on"], name="member_born")]
        constraints = [
            models.CheckConstraint(name="member_sex_known", condition=Q(sex__in=["m", "f"])),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class DataKey(models.Model):
    """A member's data key, wrapped by a key of the house (mutualaid/vault.py). Deleted = erased."""

    member = models.OneToOneField(
        Member, on_delete=models.PROTECT, primary_key=True, related_name="data_key"
    )
    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return f"key of member {self.pk}"


class IdentityNumber(models.Model):
    """The registry that keeps one person one member: keyed hash of the ID number, nothing else."""

    id_hash = models.BinaryField(primary_key=True)
    member = models.OneToOneField(Member, on_delete=models.PROTECT, related_name="identity")

    def __str__(self) -> str:
        return f"identity of member {self.member_id}"


class HouseholdLink(models.Model):
    """Account × member: for whom this account acts."""

    class Relation(models.TextChoices):
        SELF = "self", _("myself")
        PARENT = "parent", _("parent")
        SPOUSE = "spouse", _("spouse")
        CHILD = "child", _("child")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="household")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="household")
    relation = models.TextField(choices=Relation)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="household_link_once",
                fields=["account", "member"],
                violation_error_message=_("This person is already in your family."),
            ),
            models.UniqueConstraint(
                name="household_one_self_per_account",
                fields=["account"],
                condition=Q(relation="self"),
                violation_error_message=_("You have already added yourself."),
            ),
            models.UniqueConstraint(
                name="household_one_self_per_member",
                fields=["member"],
                condition=Q(relation="self"),
            ),
            models.CheckConstraint(
                name="household_relation_known",
                condition=Q(relation__in=["self", "parent", "spouse", "child"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.relation} {self.member_id}"


class QuestionSet(models.Model):
    """One version of the health questions."""

    code = models.TextField(unique=True)

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


class Plan(models.Model):
    """A mutual-aid plan 互助计划. Each plan has its own pool, roster and periods."""

    code = models.SlugField(unique=True)
    name_zh = models.TextField()
    name_en = models.TextField()
    opened_on = models.DateField()
    # The first period is that whose roster is locked on or after this day (null: opened_on).
    shares_from = models.DateField(null=True)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_language(self, "name")


class RulesQuerySet(models.QuerySet["Rules"]):
    def in_force(self, plan: Plan, on: date) -> Rules:
        """The version in force on that Shanghai day. Raises Rules.DoesNotExist before any."""
        return self.filter(plan=plan, effective_on__lte=on).latest("effective_on")


class Rules(models.Model):
    """One dated version of a plan's rules. Cover terms follow the membership; money terms are fixed
    for a period at its roster lock. Sources: domain.md §1a, §1b, §3a."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="rules")
    version = models.TextField()
    effective_on = models.DateField()
    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT)
    summary_zh = models.TextField(blank=True)
    summary_en = models.TextField(blank=True)

    # Cover terms
    norm = models.TextField(default="2007")
    min_age_days = models.PositiveIntegerField(default=30)
    max_age_years = models.PositiveIntegerField(default=59)
    waiting_days = models.PositiveIntegerField(default=90)
    claim_window_days = models.PositiveIntegerField(default=180)
    decision_days = models.PositiveIntegerField(default=30)
    appeal_days = models.PositiveIntegerField(default=30)
    reinstatement_days = models.PositiveIntegerField(default=30)

    # Money terms
    fee_bp = models.PositiveIntegerField(default=800)
    case_cap_fen = models.BigIntegerField(null=True, default=10)
    annual_cap_fen = models.BigIntegerField(null=True, default=18_800)
    advance_limit_fen = models.BigIntegerField(default=100_000_000)
    debit_days = models.PositiveIntegerField(default=5)
    payout_days = models.PositiveIntegerField(default=7)
    dissolution_members = models.PositiveIntegerField(null=True, default=3_300_000)

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
        constraints = [
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
        ]

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
        ordering = ["from_age"]
        constraints = [
            models.UniqueConstraint(name="band_once", fields=["rules", "from_age", "severity"]),
            models.CheckConstraint(
                name="band_sound", condition=Q(to_age__gte=F("from_age"), benefit_fen__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_age}–{self.to_age}: {self.benefit_fen}"


class JoinDraft(models.Model):
    """Answers on the way to joining, kept until the member confirms; sealed like a declaration."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    answers_sealed = models.BinaryField(null=True)
    rules_read_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="draft_once", fields=["member", "plan"]),
        ]

    def __str__(self) -> str:
        return f"draft of member {self.member_id}"


class Declaration(models.Model):
    """Dated answers to one version of the health questions; never changed, only followed."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="declarations")
    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT)
    answers_sealed = models.BinaryField()
    digest = models.BinaryField(max_length=32)  # keyed SHA-256 of the canonical answers
    declared_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"declaration {self.pk}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def open(self) -> MembershipQuerySet:
        return self.filter(ended_at__isnull=True)

    def on_roster(self, plan: Plan, roster_at: datetime) -> MembershipQuerySet:
        """Who shares the period locked at `roster_at`: joined before, not ended before; the waiting
        count too (domain.md §1b)."""
        return self.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gte=roster_at),
            plan=plan,
            joined_at__lt=roster_at,
        )


class Membership(models.Model):
    """Member × plan, from joining to an end with a reason. At most one open."""

    class End(models.TextChoices):
        LEFT = "left", _("left")
        AGED_OUT = "aged_out", _("past the highest age")
        ARREARS = "arrears", _("shares not paid")
        HELPED = "helped", _("received the benefit")

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="memberships")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    payer = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="pays_for")
    rules = models.ForeignKey(Rules, on_delete=models.PROTECT)
    declaration = models.ForeignKey(Declaration, on_delete=models.PROTECT)
    joined_at = models.DateTimeField(_("joined"))
    covered_from = models.DateField(_("covered from"))
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
                | Q(
                    ended_at__isnull=False, end_reason__in=["left", "aged_out", "arrears", "helped"]
                ),
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


class RuleConsent(models.Model):
    """Who accepted which rules, when; silence is recorded as silence (part 2 adds the kinds)."""

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
            models.UniqueConstraint(name="consent_once", fields=["membership", "rules"]),
            models.CheckConstraint(
                name="consent_kind_known", condition=Q(kind__in=["accepted", "silent"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} {self.kind} {self.rules_id}"


class AccessRecord(models.Model):
    """Who read whose identity or health data, what and why: written in the transaction that
    decrypts, before the decryption. Columns, not words, so that each reader's language shows it."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="accesses")
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    what = models.TextField()  # a code: id_number, declaration, evidence, illness, payee …
    object_id = models.BigIntegerField(null=True)  # of the evidence, claim, payee …
    page = models.PositiveIntegerField(null=True)
    why = models.TextField()  # a code: own, work, jury, check, phone …
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        indexes = [models.Index(fields=["member", "-at"], name="access_of_member")]
        constraints = [
            models.CheckConstraint(name="access_has_a_reason", condition=~Q(why="")),
        ]

    def __str__(self) -> str:
        return f"{self.by_id} read {self.what} of {self.member_id}"


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
