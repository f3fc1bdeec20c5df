"""A family's shares, and why each is what it is. Nobody else's."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from assessments import actions, policies, rules, why
from assessments.models import Arrears, Period, Share
from assessments.states import DONE, Stage
from members import actions as member_actions
from members.acting import acting_bar
from members.models import Account, HouseholdLink, Membership
from members.rules import mask_name
from mutualaid import charts, clock
from mutualaid.errors import Refused
from mutualaid.money import yuan
from mutualaid.templatetags.look import number as in_digits

LAID_OPEN = [Stage.DISCLOSED, Stage.SPLITTING, *DONE]
_CENTURY = 100


@require_safe
@login_required
def shares(request: HttpRequest) -> HttpResponse:
    """What the family was charged in one calendar year of split dates, newest first."""
    by = cast(Account, request.user)
    year = _year(request)
    own = Share.objects.of_account(by).filter(
        period__in=Period.objects.filter(split_at__year=year), period__stage__in=DONE
    )
    loaded = own.select_related("period__plan", "membership", "member")
    found = list(loaded.order_by("-period__split_at", "membership_id"))
    states = _states(found)
    return render(
        request,
        "assessments/shares.html",
        {
            "year": year,
            "rows": [
                {"share": share, "name": mask_name(share.member.name), "state": states[share.pk]}
                for share in found
            ],
            "total_fen": sum(share.amount_fen for share in found),
            "earlier": _has_shares(by, year, later=False) and year - 1,
            "later": _has_shares(by, year, later=True) and year + 1,
        },
    )


def _year(request: HttpRequest) -> int:
    given = request.GET.get("year", "")
    this = clock.today().year
    if not (given.isascii() and given.isdigit()):
        return this
    return min(max(int(given), this - _CENTURY), this)


def _has_shares(by: Account, year: int, *, later: bool) -> bool:
    side = {"period__split_at__year__gt": year} if later else {"period__split_at__year__lt": year}
    return Share.objects.of_account(by).filter(**side).exists()


def _states(found: list[Share]) -> dict[Any, dict[str, Any]]:
    """For each share, what came of its debit."""
    failed = Arrears.objects.filter(
        period__in={share.period_id for share in found},
        membership__in={share.membership_id for share in found},
    )
    arrears = {(row.period_id, row.membership_id): row for row in failed}
    return {
        share.pk: _state(share, arrears.get((share.period_id, share.membership_id)))
        for share in found
    }


def _state(share: Share, arrears: Arrears | None) -> dict[str, Any]:
    """A word of state and its kind; `on` is the day it happened."""
    if not share.amount_fen:
        return {"kind": "ok", "text": _("nothing to pay"), "on": None}
    if arrears is None:
        first = share.period.batches.filter(attempt=0, answered_at__isnull=False).first()
        if first is None:
            return {"kind": "wait", "text": _("to be debited"), "on": None}
        return {"kind": "ok", "text": _("paid"), "on": first.answered_at}
    if arrears.paid_at:
        return {"kind": "ok", "text": _("paid"), "on": arrears.paid_at}
    if arrears.advanced_at:
        return {"kind": "bad", "text": _("not paid in time"), "on": arrears.advanced_at}
    return {"kind": "do", "text": _("debit failed, tried again daily"), "on": None}


@require_safe
@login_required
def share(request: HttpRequest, number: int, membership_id: int) -> HttpResponse:
    """Why one membership owes what it owes for one period. Before the split: what is expected."""
    by = cast(Account, request.user)
    membership = _membership(by, membership_id)
    period = _period(membership, number)
    now = why.sum_of(period)
    own = Share.objects.filter(period=period, membership_id=membership.pk).first()
    charged = why.charged_this_year(membership, period)
    cap = period.rules.annual_cap_fen if period.rules else None
    amount = own.amount_fen if own else rules.charge(now.share_fen, cap, charged)
    context = {
        "period": period,
        "membership": membership,
        "name": mask_name(membership.member.name),
        "sum": now,
        "amount_fen": amount,
        "settled": period.stage in DONE,
        "capped": amount < now.share_fen,
        "state": _states([own])[own.pk] if own and period.stage in DONE else None,
        "fee_percent": _percent(period.rules.fee_bp if period.rules else 0),
        "rows": _sum_rows(now, period),
        "change_rows": _change_rows(now, why.change(period, now)),
        "year": clock.day(period.split_at).year,
        "charged_fen": charged,
        "after_fen": charged + amount,
        "cap_fen": cap,
        "left_fen": None if cap is None else max(0, cap - charged - amount),
    }
    return render(
        request,
        "assessments/share.html",
        context
        | _tables(now, period)
        | _year_chart(why.past(period, now))
        | _acting(by, membership),
    )


def _membership(by: Account, membership_id: int) -> Membership:
    found = Membership.objects.select_related("member", "plan").filter(pk=membership_id).first()
    if found is None or not policies.may_see_shares(by, found):
        raise Http404
    return found


def _period(membership: Membership, number: int) -> Period:
    """The period of the membership's plan, laid open, with the membership on its roster."""
    periods = Period.objects.filter(plan=membership.plan_id, number=number, stage__in=LAID_OPEN)
    period = periods.select_related("plan", "rules").first()
    if period is None:
        raise Http404
    on_roster = Membership.objects.on_roster(period.plan, period.roster_at)
    if not on_roster.filter(pk=membership.pk).exists():
        raise Http404
    return period


def _link(by: Account, membership: Membership) -> HouseholdLink | None:
    links = HouseholdLink.objects.filter(account=by, member=membership.member_id)
    return links.select_related("member").first()


def _acting(by: Account, membership: Membership) -> dict[str, str]:
    """For whom the reader acts: nothing for oneself."""
    link = _link(by, membership)
    if link is None or link.relation == HouseholdLink.Relation.SELF:
        return {"acting_who": ""}
    return {"acting_who": str(link.get_relation_display())}


def _percent(basis_points: int) -> str:
    """800 -> "8", 825 -> "8.25"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def _sum_rows(now: why.Sum, period: Period) -> list[dict[str, Any]]:
    """The sum as a child writes it."""
    percent = _percent(period.rules.fee_bp if period.rules else 0)
    rows: list[dict[str, Any]] = [
        {
            "label": _("Benefits"),
            "hint": ngettext("%(cases)s member helped", "%(cases)s members helped", now.cases)
            % {"cases": in_digits(now.cases)},
            "value": yuan(now.benefits_fen),
        },
        {
            "op": "＋",
            "label": _("Management fee"),
            "hint": _("%(percent)s%% of the benefits") % {"percent": percent},
            "value": yuan(now.fees_fen),
        },
    ]
    if now.capped_fen:
        label = _("Borne by the operator")
        rows.append({"op": "－", "label": label, "value": yuan(now.capped_fen)})
    hint = _("what rounding up brought in before")
    return [
        *rows,
        {"op": "－", "label": _("Surplus"), "hint": hint, "value": yuan(now.used_fen)},
        {"op": "＝", "label": _("To be shared"), "value": yuan(now.pool_fen), "line": True},
        {
            "op": "÷",
            "label": _("Members who share"),
            "hint": _("the waiting count too"),
            "value": in_digits(now.members),
        },
        {
            "op": "＝",
            "label": _("Each"),
            "hint": _("rounded up to the fen"),
            "value": _("%(amount)s yuan") % {"amount": yuan(now.share_fen)},
            "total": True,
        },
    ]


def _signed(fen: int) -> str:
    return f"+{yuan(fen)}" if fen > 0 else yuan(fen)


def _change_rows(now: why.Sum, change: why.Change | None) -> list[dict[str, Any]]:
    if change is None:
        return []
    counts = {"before": in_digits(change.cases_before), "now": in_digits(now.cases)}
    people = {"before": in_digits(change.members_before), "now": in_digits(now.members)}
    return [
        {"label": _("Each, in the period before"), "value": yuan(change.before_fen)},
        {
            "label": _("Members helped, and how much each was granted"),
            "hint": _("%(before)s before, %(now)s now") % counts,
            "value": _signed(change.cost_fen),
        },
        {
            "label": _("Members who share"),
            "hint": _("%(before)s before, %(now)s now") % people,
            "value": _signed(change.members_fen),
        },
        {"label": _("Surplus and rounding"), "value": _signed(change.rest_fen)},
        {"label": _("Each, in this period"), "value": yuan(now.share_fen), "line": True},
    ]


def _tables(now: why.Sum, period: Period) -> dict[str, list[dict[str, Any]]]:
    """What comes in and what goes out: the same total twice (design §6)."""
    charged = period.charged_fen  # less than share × members once the annual cap binds
    shares = now.collected_fen if charged is None else charged
    each = {"share": yuan(now.share_fen), "members": in_digits(now.members)}
    full = shares == now.collected_fen
    total = now.cost_fen + now.surplus_out_fen
    return {
        "in_rows": [
            {
                "label": _("Shares of the members"),
                "hint": _("%(share)s × %(members)s") % each if full else "",
                "value": yuan(shares),
            },
            {"label": _("Surplus of the period before"), "value": yuan(now.surplus_in_fen)},
            {
                "label": _("Borne by the operator"),
                "value": yuan(total - shares - now.surplus_in_fen),
            },
            {"label": _("Together"), "value": yuan(total), "line": True},
        ],
        "out_rows": [
            {"label": _("Benefits"), "value": yuan(now.benefits_fen)},
            {"label": _("Management fee"), "value": yuan(now.fees_fen)},
            {"label": _("Surplus for the next period"), "value": yuan(now.surplus_out_fen)},
            {"label": _("Together"), "value": yuan(total), "line": True},
        ],
    }


def _year_chart(past: list[why.Past]) -> dict[str, Any]:
    points = [
        charts.Point(
            f"{line.period.half.year}.{line.period.half.month:02d}",
            line.share_fen,
            yuan(line.share_fen),
        )
        for line in past
    ]
    return {
        "chart": charts.columns(points),
        "chart_first": past[0],
        "chart_last": past[-1],
        "past": list(reversed(past)),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def come_back(request: HttpRequest, membership_id: int) -> HttpResponse:
    """What was missed, and the button that pays it and goes on in the plan."""
    by = cast(Account, request.user)
    mine = Membership.objects.filter(member__household__account=by).select_related("member", "plan")
    membership = get_object_or_404(mine, pk=membership_id)
    refusal = ""
    if request.method == "POST":
        try:
            made = actions.come_back(membership_id=membership.pk, by=by, at=clock.now())
        except Refused as refused:
            refusal = str(refused)
        else:
            return redirect("portal:joined", number=made.number)
    context = {
        "membership": membership,
        "missed_fen": actions.missed_fen(membership),
        "until": member_actions.can_reinstate_until(membership),
        "refusal": refusal,
        "acting": acting_bar(_link(by, membership)),
    }
    return render(request, "assessments/come_back.html", context)
