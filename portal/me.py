"""What 我的 shows of one person: cover in words, what is to do, what it costs. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assessments.models import Arrears, Period, Share
from assessments.rules import charge
from claims import timeline
from claims.models import Claim
from claims.states import OPEN, Status, Turn
from jury.models import Seat
from members import notices
from members.models import Account, HouseholdLink, Member, Membership, Notice, Plan
from members.rules import age_on
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day
from portal import figures


@dataclass(frozen=True)
class Cover:
    """Where a person stands in the plan. kind is of a tag: ok, wait, bad or nothing."""

    word: str
    kind: str
    membership: Membership | None = None

    @property
    def open(self) -> bool:
        return self.membership is not None and self.membership.ended_at is None


def cover(member: Member, plan: Plan | None, today: date) -> Cover:
    """The newest membership in one word."""
    found = member.memberships.filter(plan=plan).select_related("rules", "payer", "plan")
    membership = found.order_by("-joined_at", "-pk").first()
    if membership is None:
        return Cover(_("Not in the plan"), "")
    if membership.ended_at is not None:
        return Cover(
            _("Ended: %(why)s") % {"why": membership.get_end_reason_display()}, "bad", membership
        )
    if today < membership.covered_from:
        return Cover(_("In the waiting period"), "wait", membership)
    return Cover(_("Covered"), "ok", membership)


def benefit_fen(membership: Membership, on: date) -> int:
    """What could be asked for on that day, in fen; 0 past the bands."""
    age = age_on(membership.member.birth_on, on)
    bands = membership.rules.bands.filter(from_age__lte=age, to_age__gte=age)
    return bands.values_list("benefit_fen", flat=True).first() or 0


def until(membership: Membership) -> date:
    """The first day past the highest age: the birthday one year after it."""
    born = membership.member.birth_on
    year = born.year + membership.rules.max_age_years + 1
    leap = born.month == 2 and born.day == 29  # noqa: PLR2004 - 29 February
    return date(year, 3, 1) if leap else born.replace(year=year)


def cover_rows(membership: Membership, account: Account, today: date) -> list[dict[str, Any]]:
    """Facts of the membership for components/summary_list.html."""
    benefit = _("%(sum)s yuan") % {"sum": yuan(benefit_fen(membership, today))}
    age = age_on(membership.member.birth_on, today)
    payer = _("you") if membership.payer_id == account.pk else str(membership.payer)
    rows = [
        (
            _("Benefit for a serious illness"),
            _("%(sum)s (age %(age)s)") % {"sum": benefit, "age": age},
        ),
        (_("Accidents covered from"), day(clock.day(membership.joined_at))),
        (_("Illness covered from"), day(membership.covered_from)),
        (
            _("Covered until"),
            _("%(day)s, the birthday past the highest age") % {"day": day(until(membership))},
        ),
        (_("Who pays the shares"), payer),
        (_("Membership number"), membership.number),
    ]
    return [{"label": label, "value": value} for label, value in rows]


def open_claims(member: Member) -> list[dict[str, Any]]:
    """Claims somebody works on, and granted ones on their way, each with who acts by when."""
    found = Claim.objects.filter(member=member).filter(
        Q(status__in=OPEN) | Q(status=Status.REFUSED) | Q(status=Status.GRANTED)
    )
    return [
        {"claim": claim, "now": timeline.now_sentence(claim), "kind": _kind(claim)}
        for claim in found.select_related("owner", "rules", "membership").order_by("-pk")[:5]
    ]


def _kind(claim: Claim) -> str:
    if claim.status == Status.REFUSED:
        return "bad"
    return (
        "do" if claim.turn == Turn.CLAIMANT else "ok" if claim.status == Status.GRANTED else "wait"
    )


def to_do(link: HouseholdLink, account: Account, its_cover: Cover) -> list[dict[str, Any]]:
    """What waits for this account: for the person of the page and for the rest of the family, as
    rows of components/task_list.html."""
    family = account.household.values_list("member_id", flat=True)
    return [
        *_joining(its_cover),
        *_claims(link, family),
        *_unpaid(family),
        *_seats(account),
    ]


def _joining(its_cover: Cover) -> list[dict[str, Any]]:
    if its_cover.open:
        return []
    hint = _("Six health questions, about six minutes. Nothing is debited now")
    return [
        {"title": _("Join the plan"), "hint": hint, "icon": "join", "url": reverse("portal:join")}
    ]


def _claims(link: HouseholdLink, family: QuerySet[Any, int]) -> list[dict[str, Any]]:
    mine = [Status.REPORTED, Status.PAPERS_WANTED]
    found = Claim.objects.filter(member__in=family, status__in=mine)
    return [
        {
            "title": timeline.now_sentence(claim),
            "hint": _("%(name)s, claim %(number)s")
            % {"name": claim.member.name, "number": claim.number},
            "icon": "send",
            "url": reverse("claims:detail", args=[claim.number]) + _as(claim.member_id, link),
        }
        for claim in found.select_related("owner", "member")
    ]


def _as(member_id: int, link: HouseholdLink) -> str:
    return "" if member_id == link.member_id else f"?as={member_id}"


def _unpaid(family: QuerySet[Any, int]) -> list[dict[str, Any]]:
    owed = Arrears.objects.filter(member__in=family, paid_at__isnull=True, advanced_at__isnull=True)
    total = owed.aggregate(total=Sum("amount_fen"))["total"]
    if not total:
        return []
    title = _("A share of %(sum)s yuan could not be debited") % {"sum": yuan(total)}
    hint = _("Please put money into the account; we try again every day")
    return [{"title": title, "hint": hint, "icon": "money", "url": reverse("assessments:shares")}]


def _seats(account: Account) -> list[dict[str, Any]]:
    seats = Seat.objects.of_account(account).filter(ballot__isnull=True, case__verdict__isnull=True)
    return [
        {
            "title": _("You are asked to judge case %(number)s") % {"number": seat.case.number},
            "hint": _("Vote before %(day)s is over") % {"day": day(seat.case.closes_at)},
            "icon": "scale",
            "url": reverse("jury:case", args=[seat.case.number]),
        }
        for seat in seats.select_related("case")
    ]


def this_share(membership: Membership, plan: Plan) -> dict[str, Any] | None:
    """The newest disclosed period as this membership pays it: the amount, the sum, the change."""
    newest = figures.published(plan)
    if newest is None or membership.joined_at >= newest.period.roster_at:
        return None
    before = figures.published(plan, before=newest.period)
    own = _own_share(membership, newest.period)
    amount = _expected(membership, newest) if own is None else own
    return {
        "period": newest.period,
        "figures": newest.figures,
        "amount_fen": amount,
        "change_fen": amount - before.figures["share_fen"] if before else None,
        "divided": newest.divided,
    }


def _expected(membership: Membership, newest: figures.Published) -> int:
    """The published share, less what is above the cap of the year in which it is split."""
    terms = newest.period.rules
    so_far = this_year(membership, clock.day(newest.period.split_at))["total_fen"]
    return charge(newest.figures["share_fen"], terms.annual_cap_fen if terms else None, so_far)


def _own_share(membership: Membership, period: Period) -> int | None:
    found = Share.objects.filter(period_id=period.pk, membership_id=membership.pk)
    return found.values_list("amount_fen", flat=True).first()


def this_year(membership: Membership, today: date) -> dict[str, Any]:
    """What this membership has been charged in the calendar year of Shanghai, and the cap."""
    ids = Period.objects.filter(
        plan=membership.plan_id,
        split_at__gte=clock.midnight(date(today.year, 1, 1)),
        split_at__lt=clock.midnight(date(today.year + 1, 1, 1)),
    ).values_list("pk", flat=True)
    shares = Share.objects.filter(period_id__in=list(ids), membership_id=membership.pk)
    amounts = list(shares.values_list("amount_fen", flat=True))
    return {
        "total_fen": sum(amounts),
        "periods": ngettext("%(n)s period", "%(n)s periods", len(amounts)) % {"n": len(amounts)},
        "cap_fen": membership.rules.annual_cap_fen,
    }


def family(links: list[HouseholdLink], plan: Plan | None, today: date) -> list[dict[str, Any]]:
    """Everybody this account acts for, as rows with their state."""
    return [
        {
            "link": link,
            "cover": cover(link.member, plan, today),
            "age": age_on(link.member.birth_on, today),
        }
        for link in links
    ]


# --- the inbox

NOTICES_A_PAGE = 20


def inbox(account: Account, *, before: int | None, since: datetime | None) -> list[dict[str, Any]]:
    """Notices to this account, and to all payers of its plans since it first joined; newest first,
    one more than a page to tell whether there are more."""
    plans = Membership.objects.filter(payer=account).values_list("plan_id", flat=True)
    theirs = Q(account=account) | Q(account__isnull=True, plan__in=list(plans.distinct()))
    found = Notice.objects.filter(theirs)
    if since is not None:
        found = found.filter(Q(account=account) | Q(at__gte=since))
    if before is not None:
        found = found.filter(pk__lt=before)
    return [_shown(notice) for notice in found.order_by("-pk")[: NOTICES_A_PAGE + 1]]


def _shown(notice: Notice) -> dict[str, Any]:
    title, text = notices.render(notice.code, notice.facts)
    return {"pk": notice.pk, "title": title, "text": text, "at": notice.at}
