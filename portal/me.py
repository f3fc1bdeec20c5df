"""What 我的 shows of one person: cover in words, what is to do, what it costs. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import AnonymousUser
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
from members.models import (
    Account,
    HouseholdLink,
    JoinDraft,
    Member,
    Membership,
    Phone,
    Plan,
    RuleConsent,
    Rules,
)
from members.rules import age_on, mask_name
from mutualaid import clock
from mutualaid.money import yuan
from mutualaid.templatetags.look import day
from portal import figures
from portal.cover import CoverOf, in_yuan, open_memberships


@dataclass(frozen=True)
class Cover:
    """Where a person stands in the plan. kind is of a tag: ok, wait, bad or nothing."""

    word: str
    kind: str
    membership: Membership | None = None

    @property
    def open(self) -> bool:
        return self.membership is not None and self.membership.ended_at is None


def covers(member: Member, today: date) -> list[Cover]:
    """The newest membership of each plan in one word, open ones first."""
    newest = member.memberships.order_by("plan_id", "-joined_at", "-pk").distinct("plan_id")
    related = newest.select_related("rules", "payer", "plan", "member", "continues")
    found = sorted(related, key=lambda m: (m.ended_at is not None, m.plan.opened_on, m.plan_id))
    return [word(membership, today) for membership in found]


def word(membership: Membership, today: date) -> Cover:
    """One membership in one word."""
    if membership.ended_at is not None:
        why = membership.get_end_reason_display()
        return Cover(_("Ended: %(why)s") % {"why": why}, "bad", membership)
    if membership.leaving_at is not None:
        leaves = {"day": day(clock.day(membership.leaving_at))}
        return Cover(_("Leaving on %(day)s") % leaves, "wait", membership)
    if today < membership.covered_from:
        return Cover(_("In the waiting period"), "wait", membership)
    return Cover(_("Covered"), "ok", membership)


def named(account: Account, reader: Account) -> str:
    """Who an account is, to somebody of the family: "you", a masked name, else what is left of its
    address or number; staff by their number."""
    if account.pk == reader.pk:
        return _("you")
    if account.staff_number:
        return account.staff_number
    own = account.household.filter(relation=HouseholdLink.Relation.SELF).select_related("member")
    link = own.first()
    if link:
        return mask_name(link.member.name)
    phone = Phone.objects.filter(account=account).first()
    return f"{account.email[:2]}***" if account.email else f"***{phone.tail if phone else ''}"


def nowhere() -> Cover:
    """Who is in no plan."""
    return Cover(_("Not in the plan"), "")


def until(membership: Membership) -> date:
    """The first day past the highest age, by the rules that hold then."""
    return CoverOf(membership, clock.today()).until


def cover_rows(of: CoverOf, account: Account) -> list[dict[str, Any]]:
    """The facts of the membership in short, for components/summary_list.html."""
    membership, benefit = of.membership, in_yuan(of.benefit_fen(of.today))
    payer = named(membership.payer, account)
    rows = [
        (
            _("Benefit for a serious illness"),
            _("%(sum)s (age %(age)s)") % {"sum": benefit, "age": of.age},
        ),
        (_("Accidents covered from"), day(of.joined_on)),
        (_("Illness covered from"), day(membership.covered_from)),
        (
            _("Covered until"),
            _("%(day)s, the birthday past the highest age") % {"day": day(of.until)},
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


def to_do(link: HouseholdLink, account: Account, its_covers: list[Cover]) -> list[dict[str, Any]]:
    """What waits for this account: for the person of the page and for the rest of the family, as
    rows of components/task_list.html."""
    family = account.household.values_list("member_id", flat=True)
    return [
        *_joining(its_covers),
        *_claims(link, family),
        *_rules(family),
        *_unpaid(family),
        *_seats(account),
    ]


def _joining(its_covers: list[Cover]) -> list[dict[str, Any]]:
    if any(cover.open for cover in its_covers):
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


def _rules(family: QuerySet[Any, int]) -> list[dict[str, Any]]:
    """Versions that are announced and that somebody of the family has not answered."""
    today = clock.today()
    coming = Rules.objects.published().filter(effective_on__gt=today).order_by("effective_on")
    by_plan: dict[int, list[Rules]] = {}
    for rules in coming.select_related("plan"):
        by_plan.setdefault(rules.plan_id, []).append(rules)
    if not by_plan:
        return []
    asked = Membership.objects.open().filter(member__in=family, plan__in=list(by_plan))
    accepted = RuleConsent.objects.filter(
        membership__in=asked, rules__in=coming, kind=RuleConsent.Kind.ACCEPTED
    ).values_list("membership_id", "rules_id")
    answered = set(accepted)
    return [
        {
            "title": _("The rules of the %(plan)s change on %(day)s: accept or leave")
            % {"plan": rules.plan.name, "day": day(rules.effective_on)},
            "hint": _("%(name)s: read what changes, and answer before that day")
            % {"name": membership.member.name},
            "icon": "paper",
            "url": reverse("portal:rule_change", args=[membership.number, rules.version]),
        }
        for membership in asked.select_related("member").order_by("joined_at", "pk")
        for rules in by_plan[membership.plan_id]
        if (membership.pk, rules.pk) not in answered
    ]


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


def shared_in_all(membership: Membership) -> int:
    """What this membership has been charged from first to last, in fen."""
    periods = Period.objects.filter(plan=membership.plan_id, roster_at__gt=membership.joined_at)
    if membership.ended_at is not None:
        periods = periods.filter(roster_at__lte=membership.ended_at)
    ids = list(periods.values_list("pk", flat=True))
    found = Share.objects.filter(period_id__in=ids, membership_id=membership.pk)
    return found.aggregate(total=Sum("amount_fen"))["total"] or 0


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
        "cap_fen": membership.terms_on(today).annual_cap_fen,
    }


def family(links: list[HouseholdLink], today: date) -> list[dict[str, Any]]:
    """Everybody this account acts for, as rows with their state in each plan."""
    return [
        {
            "link": link,
            "covers": covers(link.member, today) or [nowhere()],
            "age": age_on(link.member.birth_on, today),
        }
        for link in links
    ]


def covers_at_a_glance(user: Account | AnonymousUser, today: date) -> list[dict[str, Any]]:
    """For the home page of who has signed in: each open membership of the family in one word, and
    where everything about it stands; and where somebody stopped on the way to joining."""
    if not isinstance(user, Account):
        return []
    words = [(m, word(m, today)) for m in open_memberships(user)]
    return [
        {
            "title": membership.member.name,
            "hint": membership.plan.name,
            "icon": "shield",
            "url": reverse("portal:cover", args=[membership.number]),
            "kind": cover.kind,
            "state": cover.word,
        }
        for membership, cover in words
    ] + _half_way(user)


def _half_way(account: Account) -> list[dict[str, Any]]:
    """Straight to the step where each of the family stopped."""
    drafts = JoinDraft.objects.filter(member__household__account=account)
    return [
        {
            "title": _("%(name)s: go on with joining") % {"name": draft.member.name},
            "hint": draft.plan.name,
            "icon": "join",
            "url": f"{reverse('portal:join_next')}?plan={draft.plan.code}&as={draft.member_id}",
        }
        for draft in drafts.select_related("member", "plan").order_by("pk")
    ]
