"""Who a person is, who acts for them, and who has read what about them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from mutualaid.history import append_only


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> Account:
        account = self.model(email=self.normalize_email(email).lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, PermissionsMixin):
    """A login. Pays for one or more members; staff have one too."""

    # Null for who signed up by phone alone (Phone below).
    email = models.EmailField(_("e-mail address"), unique=True, null=True)
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
        return self.display_name or self.email or f"#{self.pk}"


class Phone(models.Model):
    """The registry that keeps one number one login: found by keyed hash, sealed with a key of its
    own, so that a dump shows no number. `tail`: the last four digits, for people to recognise."""

    number_hash = models.BinaryField(primary_key=True)
    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="phone")
    number_sealed = models.BinaryField()
    key_wrapped = models.BinaryField()
    tail = models.CharField(max_length=4)
    verified_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"phone of account {self.account_id}"


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
    # By an IdentityProvider: this name bears this number. Null: not asked, or it could not answer.
    verified_at = models.DateTimeField(null=True)
    # The data key is gone, and the name with it; the row stays because the books point at it.
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        indexes = [
            models.Index(fields=["birth_on"], name="member_born"),
            models.Index(
                fields=["name", "id"],
                opclasses=["text_pattern_ops", "int8_ops"],
                name="member_name_prefix",
            ),
        ]
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

    class Consent(models.TextChoices):
        """How the person agreed that this account acts for them."""

        SELF = "self", _("it is their own account")
        GUARDIAN = "guardian", _("their guardian, for a child")
        CODE = "code", _("a code sent to their phone")
        ACCOUNT = "account", _("in their own account")
        HELPLINE = "helpline", _("on the phone with the help line")
        PAPER = "paper", _("on paper, kept by who brought the list of members")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="household")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="household")
    relation = models.TextField(choices=Relation)
    made_at = models.DateTimeField()
    # That the person (or, for a child, the guardian) agrees that this account acts for them.
    consented_at = models.DateTimeField(null=True)
    consent_way = models.TextField(choices=Consent, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="household_consent_whole",
                condition=Q(consented_at__isnull=True, consent_way__isnull=True)
                | Q(
                    consented_at__isnull=False,
                    consent_way__in=["self", "guardian", "code", "account", "helpline", "paper"],
                ),
            ),
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


class FamilyRequest(models.Model):
    """An adult is asked to let this account act for them: by a code on their phone, or in their own
    account. Answered once; a wrong code counts."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="family_asked")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="family_requests")
    relation = models.TextField(choices=HouseholdLink.Relation)
    way = models.TextField(choices=HouseholdLink.Consent)
    code_hash = models.BinaryField(null=True)
    tail = models.CharField(max_length=4, blank=True, default="")  # of the phone it went to
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)
    accepted = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="family_request_one_open",
                fields=["account", "member"],
                condition=Q(answered_at__isnull=True),
            ),
            models.CheckConstraint(
                name="family_request_answer_whole",
                condition=Q(answered_at__isnull=True, accepted__isnull=True)
                | Q(answered_at__isnull=False, accepted__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} asks {self.member_id}"


class Recovery(models.Model):
    """A login asked back by who can show who they are: after a hold, in which the old login is told
    and may object, the account gets the new phone number. Several may ask for one account: who asks
    first keeps nobody out, and staff find out whose it is."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="recoveries")
    number_hash = models.BinaryField()
    number_sealed = models.BinaryField()
    key_wrapped = models.BinaryField()
    tail = models.CharField(max_length=4)
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField()
    # Somebody of the staff has looked at the papers, or talked with the person.
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    # Every contact there was has been told: the hold counts from here.
    told_at = models.DateTimeField(null=True)
    # Whoever is in the account says that it is theirs: a stranger with a recycled number may, too.
    objected_at = models.DateTimeField(null=True)
    # A second person of the staff is sure in spite of the objection.
    upheld_at = models.DateTimeField(null=True)
    upheld_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    stopped_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("account asked back")
        verbose_name_plural = _("accounts asked back")
        constraints = [
            models.CheckConstraint(
                name="recovery_confirmed_whole",
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="recovery_done_only_confirmed",
                condition=Q(done_at__isnull=True) | Q(confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="recovery_done_only_told",
                condition=Q(done_at__isnull=True) | Q(told_at__isnull=False),
            ),
            models.CheckConstraint(
                name="recovery_done_against_objection_only_upheld",
                condition=Q(done_at__isnull=True)
                | Q(objected_at__isnull=True)
                | Q(upheld_at__isnull=False),
            ),
            models.CheckConstraint(
                name="recovery_upheld_by_another",
                condition=Q(upheld_at__isnull=True, upheld_by__isnull=True)
                | (
                    Q(upheld_at__isnull=False, upheld_by__isnull=False)
                    & Q(confirmed_by__isnull=False, objected_at__isnull=False)
                    & ~Q(upheld_by=F("confirmed_by"))
                ),
            ),
            models.UniqueConstraint(
                name="recovery_one_open_for_a_number",
                fields=["account", "number_hash"],
                condition=Q(stopped_at__isnull=True, done_at__isnull=True),
            ),
            models.UniqueConstraint(
                name="recovery_one_confirmed",
                fields=["account"],
                condition=Q(
                    stopped_at__isnull=True, done_at__isnull=True, confirmed_at__isnull=False
                ),
            ),
            models.CheckConstraint(
                name="recovery_stopped_or_done",
                condition=Q(stopped_at__isnull=True) | Q(done_at__isnull=True),
            ),
            models.CheckConstraint(name="recovery_waits", condition=Q(ready_at__gt=F("asked_at"))),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class HelpCall(models.Model):
    """The help line acts for a family for a while: with their consent, for a reason."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="help_calls")
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    code_hash = models.BinaryField()  # of the code sent to the member, who reads it out
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    consented_at = models.DateTimeField(null=True)
    until_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("help call")
        verbose_name_plural = _("help calls")
        indexes = [
            models.Index(fields=["account", "-asked_at"], name="help_call_of_account"),
            models.Index(fields=["-asked_at", "-id"], name="help_call_newest"),
            models.Index(fields=["by", "-asked_at", "-id"], name="help_call_by_newest"),
        ]
        constraints = [
            models.CheckConstraint(name="help_call_few_tries", condition=Q(tries__lte=5)),
            models.CheckConstraint(
                name="help_call_consented_in_time",
                condition=Q(consented_at__isnull=True)
                | Q(consented_at__gte=F("asked_at"), consented_at__lt=F("until_at")),
            ),
            models.CheckConstraint(
                name="help_call_closed_in_time",
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("asked_at")),
            ),
            models.CheckConstraint(name="help_call_has_a_reason", condition=~Q(reason="")),
            models.CheckConstraint(name="help_call_ends", condition=Q(until_at__gt=F("asked_at"))),
            models.UniqueConstraint(
                name="help_call_one_open",
                fields=["account", "by"],
                condition=Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class HelpRecord(models.Model):
    """What the help line did in a call; the member sees it."""

    call = models.ForeignKey(HelpCall, on_delete=models.PROTECT, related_name="records")
    member = models.ForeignKey(Member, null=True, on_delete=models.PROTECT)
    verb = models.TextField()  # of members.actions: leave, keep, revoke_mandate …
    object_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()
        indexes = [models.Index(fields=["member", "-at"], name="help_record_of_member")]

    def __str__(self) -> str:
        return f"{self.verb} in call {self.call_id}"


class CalendarFeed(models.Model):
    """A calendar subscription: who holds the link sees the dates of this account's family."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="feed")
    token_hash = models.BinaryField(unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"calendar of account {self.account_id}"


class DataExport(models.Model):
    """A copy of everything kept about a family, asked for by its account; made by a task."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="exports")
    file = models.UUIDField(unique=True)
    asked_at = models.DateTimeField()
    parts_done = models.PositiveIntegerField(default=0)
    parts = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(null=True)
    digest = models.BinaryField(max_length=32, null=True)
    made_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="export_made_whole",
                condition=Q(made_at__isnull=True, size__isnull=True, digest__isnull=True)
                | Q(made_at__isnull=False, size__isnull=False, digest__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"


class ErasureRequest(models.Model):
    """Somebody's wish that we forget a person: it waits, can be taken back, then happens."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="erasure_requests")
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="erasure_waiting",
                condition=Q(withdrawn_at__isnull=True, done_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="erasure_one_open",
                fields=["member"],
                condition=Q(withdrawn_at__isnull=True, done_at__isnull=True),
            ),
            models.CheckConstraint(name="erasure_waits", condition=Q(due_at__gt=F("asked_at"))),
            models.CheckConstraint(
                name="erasure_withdrawn_or_done",
                condition=Q(withdrawn_at__isnull=True) | Q(done_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"wish to erase member {self.member_id}"


class Erasure(models.Model):
    """That a member was erased: their key deleted. Replayed after a restore (security.md G25)."""

    member = models.OneToOneField(Member, on_delete=models.PROTECT, related_name="erasure")
    by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        triggers = append_only()

    def __str__(self) -> str:
        return f"erasure of member {self.member_id}"


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
