"""The numbers on the public pages: read from what was published, never counted over members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from assessments.models import Period, PeriodCase
from assessments.rules import Half, Quote
from assessments.states import Stage
from disclosures.models import Disclosure
from members.models import Plan, Rules
from members.reference import MAIN
from mutualaid import charts
from mutualaid.clock import SHANGHAI
from mutualaid.money import yuan
from mutualaid.templatetags.look import day, number

DIVIDED = [Stage.SPLIT, Stage.COLLECTING, Stage.COLLECTED]
PERIODS_SHOWN = 24


@dataclass(frozen=True)
class Published:
    """A period as it was last laid open. `figures`: whole fen and people, by name."""

    period: Period
    figures: dict[str, int]

    @property
    def divided(self) -> bool:
        return self.period.stage in DIVIDED


@dataclass(frozen=True)
class Helped:
    """What came of all periods split so far: people, fen, and the number of the last one."""

    people: int
    benefits_fen: int
    until: int


def the_plan() -> Plan | None:
    """The plan that the public pages speak of: the main one, else the oldest."""
    begun = Plan.objects.published()
    return begun.filter(code=MAIN).first() or begun.order_by("opened_on", "pk").first()


def rules_now(plan: Plan, now: datetime) -> Rules:
    """The rules in force today in Shanghai; before the plan's first day, its first version."""
    published = Rules.objects.published().filter(plan=plan).order_by("effective_on")
    begun = published.filter(effective_on__lte=now.astimezone(SHANGHAI).date())
    found = begun.select_related("plan").last() or published.select_related("plan").first()
    if found is None:
        raise Rules.DoesNotExist
    return found


def published(plan: Plan, *, before: Period | None = None) -> Published | None:
    """The newest publication of the plan, or of the period before that one."""
    found = Disclosure.objects.filter(period__plan=plan).select_related("period__rules")
    if before is not None:
        found = found.filter(period__number__lt=before.number)
    newest = found.order_by("-period__number", "-version").first()
    return Published(newest.period, newest.content["figures"]) if newest else None


def helped(plan: Plan) -> Helped | None:
    """All that was split so far: sums over periods and their cases, which are few."""
    done = Period.objects.filter(plan=plan, stage__in=DIVIDED)
    last = done.order_by("-number").first()
    if last is None:
        return None
    total = done.aggregate(total=Sum("benefits_fen"))["total"]
    people = PeriodCase.objects.active().filter(period__in=done).count()
    return Helped(people, total or 0, last.number)


def shares_chart(plan: Plan) -> charts.Columns | None:
    """The share of the last 24 split periods, as components/column_chart.html draws it."""
    done = Period.objects.filter(plan=plan, stage__in=DIVIDED).order_by("-number")
    points = [
        charts.Point(f"{split.year}.{split.month:02}.{split.day:02}", share, yuan(share))
        for share, split in (
            (period.share_fen or 0, period.split_at.astimezone(SHANGHAI))
            for period in done[:PERIODS_SHOWN]
        )
    ]
    return charts.columns(points[::-1])


def next_dates(period: Period | None, now: datetime) -> list[dict[str, Any]]:
    """What happens next, as rows of components/summary_list.html without its links: the running
    period's own dates, then the next half-month of the calendar."""
    coming: list[tuple[datetime, str]] = []
    half = Half.of(now)
    if period is not None:
        words = {"number": period.number}
        coming.append((period.split_at, _("Period %(number)s is split and debited") % words))
    for each in (half.previous(), half, half.next()):
        coming.append((each.disclose_at, _("New cases are disclosed")))
        if period is None or each.split_at != period.split_at:
            coming.append((each.split_at, _("Their cost is split and debited")))
    later = sorted((at, what) for at, what in coming if at > now)
    return [{"at": at, "what": what} for at, what in later[:3]]


def rows_of(found: Published) -> list[dict[str, Any]]:
    """The sum of a published period, as rows of components/sum_table.html."""
    terms = found.period.rules
    fee_bp = terms.fee_bp if terms else 0
    return sum_rows(found.figures, fee_bp=fee_bp, roster_at=found.period.roster_at)


def sum_rows(
    figures: dict[str, int], *, fee_bp: int, roster_at: datetime | None = None
) -> list[dict[str, Any]]:
    """A period's sum as components/sum_table.html writes it, step by step (design §6)."""
    costs = figures["benefits_fen"] + figures["fees_fen"]
    operator = max(0, costs - figures["surplus_in_fen"] - figures["pool_fen"])
    cases = figures.get("cases")
    locked = _("counted at 00:00 on %(day)s") % {"day": day(roster_at)} if roster_at else ""
    rows = [
        _row("", _("Benefits"), yuan(figures["benefits_fen"]), _people(cases)),
        _row("＋", _("Fee"), yuan(figures["fees_fen"]), percent(fee_bp)),
        _row("－", _("Surplus carried in"), yuan(figures["surplus_in_fen"]), _("from rounding up")),
    ]
    if operator:
        rows.append(_row("－", _("Borne by the operator"), yuan(operator), _("above the cap")))
    return [
        *rows,
        _row("＝", _("To be shared"), yuan(figures["pool_fen"])) | {"line": True},
        _row("÷", _("Sharing members"), number(figures["members"]), locked),
        _row("＝", _("Each"), yuan(figures["share_fen"]), _("rounded up to the fen"))
        | {"total": True},
    ]


def of_quote(quote: Quote, *, cases: int) -> dict[str, int]:
    """A quote in the names that `sum_rows` reads."""
    names = ["benefits_fen", "fees_fen", "surplus_in_fen", "pool_fen", "members", "share_fen"]
    return {name: getattr(quote, name) for name in names} | {"cases": cases}


def _row(op: str, label: str, value: str, hint: str = "") -> dict[str, Any]:
    return {"op": op, "label": label, "value": value, "hint": hint}


def _people(cases: int | None) -> str:
    return _("%(count)s people") % {"count": number(cases)} if cases is not None else ""


def percent(basis_points: int) -> str:
    """Basis points in words: "8 % of the benefits"."""
    whole, rest = divmod(basis_points, 100)
    percent = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return _("%(percent)s %% of the benefits") % {"percent": percent}
