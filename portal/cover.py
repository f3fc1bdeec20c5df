"""What a membership covers today and later: amounts, dates, versions of the rules. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from assessments.rules import Half
from members import benefits
from members.models import Account, Mandate, Membership, Plan, RuleConsent, Rules
from members.rulebook import severity_word
from members.rules import age_on, mask_name
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day

YEAR = timedelta(days=366)


def birthday(born: date, age: int) -> date:
    """The day on which somebody reaches that age; of 29 February, 1 March in other years."""
    leap = born.month == 2 and born.day == 29  # noqa: PLR2004 - 29 February
    year = born.year + age
    if leap and not _has_29_february(year):
        return date(year, 3, 1)
    return born.replace(year=year)


def _has_29_february(year: int) -> bool:
    return (date(year, 3, 1) - date(year, 2, 28)).days == 2  # noqa: PLR2004


class Versions:
    """A plan's published versions, to ask for the one of a day without asking the tables again."""

    def __init__(self, plan: Plan | int) -> None:
        found = Rules.objects.published().filter(plan=plan).order_by("effective_on")
        related = found.select_related("plan", "question_set")
        self.all = list(related.prefetch_related("bands", "steps"))

    def on(self, on: date) -> Rules:
        """What is in force on that day. Raises Rules.DoesNotExist before the first."""
        held = [rules for rules in self.all if rules.effective_on <= on]
        if not held:
            raise Rules.DoesNotExist
        return held[-1]

    def coming(self, today: date) -> list[Rules]:
        """What is announced, the next first."""
        return [rules for rules in self.all if rules.effective_on > today]


@dataclass(frozen=True)
class Step:
    """From that day on this sum is granted; `why` it changes then."""

    on: date
    fen: int
    why: str


@dataclass(frozen=True)
class Event:
    """A day that matters to a family. `key` stays the same whenever it is asked for; `what` names
    nobody in full and no sum, because calendars leave the house."""

    on: date
    key: str
    what: str


class CoverOf:
    """One membership on one day, with all versions of its rules at hand."""

    def __init__(
        self, membership: Membership, today: date, versions: Versions | None = None
    ) -> None:
        self.membership, self.today = membership, today
        self.member = membership.member
        self.versions = versions or Versions(membership.plan_id)
        self.terms = self.versions.on(today)
        self.joined_on = clock.day(membership.joined_at)

    @property
    def is_open(self) -> bool:
        return self.membership.ended_at is None

    @property
    def age(self) -> int:
        return age_on(self.member.birth_on, self.today)

    @property
    def waiting_days_left(self) -> int:
        """Days until illness is covered; 0 once it is."""
        return max(0, (self.membership.covered_from - self.today).days)

    @property
    def waiting_days_done(self) -> int:
        """Days of the waiting period that have passed, of all its days."""
        return self.waiting_days - self.waiting_days_left

    @property
    def waiting_days(self) -> int:
        return max(1, (self.membership.covered_from - self.joined_on).days)

    @property
    def until(self) -> date:
        """The first day without cover: the birthday past the highest age of the version that holds
        then, or the end of the plan if that comes first."""
        age = self.age + 1
        while age <= self.versions.on(birthday(self.member.birth_on, age)).max_age_years:
            age += 1
        end, ends_on = birthday(self.member.birth_on, age), self.membership.plan.ends_on
        return min(end, ends_on) if ends_on else end

    def severities(self) -> list[str]:
        """The severities that the rules of today grant something for, the gravest first."""
        found = {band.severity for band in self.terms.bands.all()}
        return sorted(found, key=lambda code: (code != "severe", code))

    def benefit_fen(self, on: date, severity: str = "severe") -> int:
        """What could be granted for a first diagnosis on that day; 0 past the bands."""
        return benefits.benefit_fen(self.versions.on(on), self.membership, on, severity)

    def steps(self, severity: str = "severe") -> list[Step]:
        """What is granted now and every later change that is known today: by age, by length of
        membership, by a version that is announced."""
        reasons = dict(self._reasons())
        found = [Step(self.today, self.benefit_fen(self.today, severity), "")]
        for on in sorted(on for on in reasons if self.today < on < self.until):
            fen = self.benefit_fen(on, severity)
            if fen != found[-1].fen:
                found.append(Step(on, fen, reasons[on]))
        return found

    def _reasons(self) -> Iterator[tuple[date, str]]:
        born = self.member.birth_on
        for age in range(self.age + 1, age_on(born, self.until) + 1):
            yield birthday(born, age), _("aged %(age)s") % {"age": age}
        first = self.membership.covered_from
        for rules in self.versions.all:
            for step in rules.steps.all():
                on = first + timedelta(days=step.from_days)
                yield on, _("after %(days)s days of cover") % {"days": step.from_days}
        for rules in self.versions.coming(self.today):
            yield rules.effective_on, _("version %(version)s") % {"version": rules.version}

    # --- rows for components/summary_list.html

    def amounts(self) -> list[dict[str, Any]]:
        """For each severity: what it is called, the sum of today, and the changes to come."""
        return [
            {"severity": severity_word(code), "now": steps[0], "later": steps[1:]}
            for code in self.severities()
            for steps in [self.steps(code)]
        ]

    def facts(self) -> list[dict[str, Any]]:
        """From when, until when."""
        illness = day(self.membership.covered_from)
        if self.terms.accidents_only:
            illness = _("not covered; this plan is for accidents alone")
        until = _("%(day)s, the first day without cover") % {"day": day(self.until)}
        rows = [
            (_("Accidents covered from"), day(self.joined_on)),
            (_("Illness covered from"), illness),
            (_("Covered until"), until),
            (_("Membership number"), self.membership.number),
        ]
        return [{"label": label, "value": value} for label, value in rows]

    def consents(self) -> list[dict[str, Any]]:
        """Which versions were accepted or met with silence, the newest first."""
        found = self.membership.consents.select_related("rules", "rules__plan", "by")
        return [
            {"rules": consent.rules, "kind": _KIND[consent.kind], "consent": consent}
            for consent in found.order_by("-at", "-pk")
        ]

    def unanswered(self) -> list[Rules]:
        """What is announced and has been neither accepted nor left."""
        accepted = self.membership.consents.filter(kind=RuleConsent.Kind.ACCEPTED)
        ids = set(accepted.values_list("rules_id", flat=True))
        return [rules for rules in self.versions.coming(self.today) if rules.pk not in ids]

    # --- days

    def events(self) -> Iterator[Event]:
        """The days of this membership, in no order; those gone by too."""
        who, membership = mask_name(self.member.name), self.membership
        words = {"name": who, "plan": membership.plan.name}
        key = f"membership-{membership.pk}"
        yield (
            Event(
                membership.covered_from,
                f"{key}-covered",
                _("%(name)s: cover for illness begins") % words,
            )
        )
        for step in self.steps()[1:]:
            what = _("%(name)s: the amount of the cover changes") % words
            yield Event(step.on, f"{key}-amount-{step.on:%Y%m%d}", what)
        yield Event(self.until, f"{key}-until", _("%(name)s: cover ends with the age") % words)
        if membership.leaving_at is not None:
            leaving = clock.day(membership.leaving_at)
            yield Event(leaving, f"{key}-leaving", _("%(name)s leaves the %(plan)s") % words)


_KIND = {"accepted": "ok", "silent": "wait"}


def plan_events(versions: Versions, plan: Plan, today: date) -> Iterator[Event]:
    """A year of a plan: what is laid open and split, and versions that begin."""
    words = {"plan": plan.name}
    half = Half.of(clock.midnight(today - timedelta(days=31)))
    begins = clock.midnight(plan.shares_from or plan.opened_on)
    while clock.day(half.split_at) < today + YEAR:
        if half.roster_at >= begins:
            opened, split = clock.day(half.disclose_at), clock.day(half.split_at)
            key = f"plan-{plan.code}"
            yield Event(
                opened,
                f"{key}-disclosed-{opened:%Y%m%d}",
                _("%(plan)s: new cases are laid open") % words,
            )
            yield Event(
                split,
                f"{key}-split-{split:%Y%m%d}",
                _("%(plan)s: the cost is split and debited") % words,
            )
        half = half.next()
    for rules in versions.all[1:]:
        what = _("%(plan)s: version %(version)s of the rules begins")
        yield Event(
            rules.effective_on, f"rules-{rules.pk}", what % (words | {"version": rules.version})
        )


def open_memberships(account: Account) -> list[Membership]:
    """Every open membership of the people this account acts for, themselves first."""
    found = Membership.objects.open().filter(member__household__account=account)
    related = found.select_related("member", "plan", "payer", "rules")
    return list(related.order_by("member__household__made_at", "plan__opened_on", "pk"))


def family_events(account: Account, now: datetime) -> list[Event]:
    """What a calendar of the family shows, in order of time: from a month ago to a year ahead, and
    the far days of each cover."""
    today, plans = clock.day(now), {}
    found: list[Event] = []
    for membership in open_memberships(account):
        if membership.plan_id not in plans:
            versions = plans[membership.plan_id] = Versions(membership.plan_id)
            found += plan_events(versions, membership.plan, today)
        found += CoverOf(membership, today, plans[membership.plan_id]).events()
    for mandate in Mandate.objects.filter(account=account, revoked_at__isnull=True):
        what = _("The agreement to pay the shares ends")
        found.append(Event(mandate.expires_on, f"mandate-{mandate.pk}", what))
    return sorted(found, key=lambda event: (event.on, event.key))


def next_events(
    membership: Membership, cover: CoverOf, account: Account, today: date
) -> list[Event]:
    """The next days that matter to one membership, the soonest first."""
    mandates = Mandate.objects.filter(account=membership.payer_id, revoked_at__isnull=True)
    if membership.payer_id != account.pk:
        mandates = mandates.none()
    paid = [
        Event(mandate.expires_on, "mandate", _("The agreement to pay the shares ends"))
        for mandate in mandates
    ]
    found = [*plan_events(cover.versions, membership.plan, today), *cover.events(), *paid]
    coming = sorted((event.on, event.key, event) for event in found if event.on >= today)
    return [event for _on, _key, event in coming][:6]


def in_yuan(fen: int) -> str:
    """A sum with its unit."""
    return _("%(sum)s yuan") % {"sum": yuan(fen)}
