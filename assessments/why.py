"""Why this amount: the figures of a period laid out so that a reader can follow and repeat them.

Reads only; the words are the templates'. Before the split the figures are those of `bulk.quote`,
which the split uses too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.db.models import Sum as Total

from assessments import bulk
from assessments.models import Period, PeriodCase, Share
from assessments.states import DONE
from members.models import Membership
from mutualaid.money import half_up

CHARTED = 24  # periods: a year
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a period, in fen. `capped_fen` is what the operator bears of cases above their
    cap; `used_fen` is the surplus that went in."""

    groups: Sequence[tuple[int, int]]  # (benefit, how many), largest first
    cases: int
    benefits_fen: int
    fees_fen: int
    capped_fen: int
    surplus_in_fen: int
    used_fen: int
    pool_fen: int
    members: int
    share_fen: int
    surplus_out_fen: int

    @property
    def cost_fen(self) -> int:
        return self.benefits_fen + self.fees_fen

    @property
    def borne_fen(self) -> int:
        """What the members bear, before the surplus."""
        return self.cost_fen - self.capped_fen

    @property
    def collected_fen(self) -> int:
        """If each member pays the share."""
        return self.share_fen * self.members

    @property
    def over_fen(self) -> int:
        """What rounding up brings in."""
        return self.collected_fen - self.pool_fen

    @property
    def quotient(self) -> str:
        """The pool by the members in yuan to six decimals, cut off: "6.730842…"."""
        unit = 10**_DECIMALS
        millionths, rest = divmod(self.pool_fen * (unit // 100), self.members)
        return f"{millionths // unit:,}.{millionths % unit:0{_DECIMALS}d}{'…' if rest else ''}"


def sum_of(period: Period) -> Sum:
    """Of a period that is locked. Raises NotNow before."""
    quoted = bulk.quote(period)
    counted = period.cases.active().values_list("benefit_fen").annotate(Count("pk"))
    groups = [(fen, count) for fen, count in counted.order_by("-benefit_fen")]
    borne = quoted.benefits_fen + quoted.fees_fen - quoted.operator_fen
    return Sum(
        groups=groups,
        cases=sum(count for _fen, count in groups),
        benefits_fen=quoted.benefits_fen,
        fees_fen=quoted.fees_fen,
        capped_fen=quoted.operator_fen,
        surplus_in_fen=quoted.surplus_in_fen,
        used_fen=borne - quoted.pool_fen,
        pool_fen=quoted.pool_fen,
        members=quoted.members,
        share_fen=quoted.share_fen,
        surplus_out_fen=quoted.surplus_out_fen,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """From the share of the period before to this one, in fen; the parts add up."""

    before_fen: int
    cost_fen: int
    members_fen: int
    rest_fen: int
    cases_before: int
    members_before: int


def change(period: Period, now: Sum) -> Change | None:
    """What made the share another than in the period before; None for the first."""
    before = Period.objects.before(period)
    if before is None or before.stage not in DONE:
        return None
    was = sum_of(before)
    cost = half_up(now.borne_fen - was.borne_fen, was.members)
    fewer = half_up(now.borne_fen * (was.members - now.members), was.members * now.members)
    rest = now.share_fen - was.share_fen - cost - fewer
    return Change(was.share_fen, cost, fewer, rest, was.cases, was.members)


@dataclass(frozen=True, slots=True)
class Past:
    """One period of the year's table."""

    period: Period
    cases: int
    members: int
    share_fen: int


def past(period: Period, now: Sum) -> list[Past]:
    """This period and up to 23 before it, oldest first."""
    earlier = Period.objects.split().filter(plan=period.plan_id, number__lt=period.number)
    chosen = list(earlier.order_by("-number")[: CHARTED - 1])
    active = PeriodCase.objects.active().filter(period__in=chosen).values_list("period")
    counts = dict(active.annotate(Count("pk")).order_by())
    lines = [
        Past(p, counts.get(p.pk, 0), p.members or 0, p.share_fen or 0) for p in reversed(chosen)
    ]
    return [*lines, Past(period, now.cases, now.members, now.share_fen)]


def charged_this_year(membership: Membership, period: Period) -> int:
    """What the member was charged in the year of the split, before this period, in fen."""
    same = membership.member.memberships.filter(plan=membership.plan_id)
    earlier = Period.objects.split().same_year(period).filter(number__lt=period.number)
    shares = Share.objects.filter(
        membership_id__in=list(same.values_list("pk", flat=True)),
        period_id__in=list(earlier.values_list("pk", flat=True)),
    )
    return shares.aggregate(fen=Total("amount_fen"))["fen"] or 0
