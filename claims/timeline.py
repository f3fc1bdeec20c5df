"""The way of one claim as its claimant sees it: what is done, who acts now, by when, and what then.

Pure on loaded rows: events, decisions, appeals, investigation and owner are prefetched by the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from claims import rules
from claims.models import Claim, Decision
from claims.states import OPEN, Status, Turn
from members.models import Account
from members.rules import mask_name
from mutualaid import clock
from mutualaid.templatetags.look import day

INVESTIGATED = (Status.SUBMITTED, Status.INVESTIGATING, Status.PAPERS_WANTED)
DECIDED = (Status.REVIEWING, Status.WAITING, Status.PROPOSED)
_ORDER = [Status.REPORTED, *INVESTIGATED, *DECIDED]


@dataclass(frozen=True)
class Step:
    """One line of templates/components/timeline.html. status: done, now or later."""

    code: str
    title: str
    status: str
    on: date | None
    when: str = ""
    text: str = ""
    tag: str = ""
    tag_kind: str = ""
    icon: str = ""


def person(account: Account) -> str:
    """A member of staff to a claimant: masked name and staff number."""
    name = mask_name(str(account))
    return f"{name} ({account.staff_number})" if account.staff_number else name


def who(claim: Claim) -> str:
    """Who acts next: a name where somebody has it, the role where it waits in a pool."""
    if claim.owner is not None and claim.turn not in (Turn.CLAIMANT, Turn.DATE):
        return person(claim.owner)
    return {
        Turn.CLAIMANT: _("you"),
        Turn.DATE: _("nobody: a date must come"),
        Turn.ADJUSTER: _("an adjuster"),
        Turn.REVIEWER: _("a first reviewer"),
        Turn.CONFIRMER: _("a second reviewer"),
        Turn.JURY: _("the jury"),
        Turn.PERIOD: _("the next disclosure"),
        Turn.NOBODY: _("nobody"),
    }[claim.turn]


def by_when(claim: Claim) -> date | None:
    """The last day of whoever acts next; of a wait, the day that ends it."""
    if claim.status == Status.WAITING:
        return claim.not_before
    return rules.last_day(claim.due_at) if claim.due_at else None


def now_sentence(claim: Claim) -> str:
    """Who must act and by when, in one sentence; "" when nobody must."""
    last = by_when(claim)
    if last is None:
        return ""
    sentence = {
        Status.REPORTED: _("Your turn: add the papers by %(day)s"),
        Status.PAPERS_WANTED: _("Your turn: add the paper that is asked for by %(day)s"),
        Status.SUBMITTED: _("%(who)s takes up the investigation by %(day)s"),
        Status.INVESTIGATING: _("%(who)s investigates, by %(day)s"),
        Status.REVIEWING: _("%(who)s answers each condition and proposes by %(day)s"),
        Status.PROPOSED: _("%(who)s confirms or sends back by %(day)s"),
        Status.WAITING: _("One condition can only be judged from %(from_day)s on; then we go on"),
        Status.REFUSED: _("You may put the refusal before a jury until %(day)s"),
        Status.APPEALED: _("The jury votes and decides by %(day)s"),
        Status.GRANTED: _("Granted: it is disclosed to all by %(day)s"),
    }[Status(claim.status)]
    said = sentence % {"who": who(claim), "day": day(last), "from_day": day(claim.not_before)}
    return said[:1].upper() + said[1:]


def timeline(claim: Claim) -> list[Step]:
    """The steps in order; of an open claim exactly one is "now", with a name and a date."""
    return [*_way(claim)]


def _way(claim: Claim) -> Iterator[Step]:
    yield Step(
        "report",
        _("Report"),
        "done",
        clock.day(claim.reported_at),
        _("%(day)s, number %(number)s") % {"day": day(claim.reported_at), "number": claim.number},
    )
    if claim.status == Status.WITHDRAWN:
        yield from _withdrawn(claim)
        return
    yield _papers(claim)
    yield _investigation(claim)
    decision = decided(claim)
    yield _decision(claim, decision)
    if decision and not decision.granted:
        yield _jury(claim)
    if claim.status not in (Status.REFUSED, Status.UPHELD):
        yield from _afterwards(claim)


def decided(claim: Claim) -> Decision | None:
    """The decision that was confirmed, if there is one."""
    return next((found for found in claim.decisions.all() if found.confirmed_at), None)


def _withdrawn(claim: Claim) -> Iterator[Step]:
    event = next(found for found in claim.events.all() if found.new == Status.WITHDRAWN)
    yield Step("withdrawn", _("Withdrawn"), "done", clock.day(event.at))


def _now(claim: Claim, code: str, title: str, icon: str, text: str = "") -> Step:
    """The step of now: who and by when, from the claim's own row."""
    last = by_when(claim)
    when = _("%(who)s, by %(day)s") % {"who": who(claim), "day": day(last)}
    if claim.turn is Turn.DATE:
        when = _("nobody before %(day)s; then we go on by ourselves") % {"day": day(last)}
    tag, kind = _("under way"), "wait"
    if claim.turn is Turn.CLAIMANT:
        tag, kind = _("your turn"), "do"
    return Step(code, title, "now", last, when, text, tag, kind, icon)


def _planned(claim: Claim, status: Status) -> datetime:
    """By when that part of the work is done, if nothing stands still any more."""
    still = rules.stood_still(claim.events.all(), claim.due_at or claim.reported_at)
    return rules.work_due(claim, status, still, complete_at=rules.papers_due(claim.reported_at))


def decision_on(claim: Claim) -> date | None:
    """The last day for a decision that is still to come; None when there is one, or none comes."""
    if claim.status not in _ORDER:
        return None
    return rules.last_day(_planned(claim, Status.PROPOSED))


def _at_the_latest(on: date) -> str:
    return _("by %(day)s at the latest") % {"day": day(on)}


def _papers(claim: Claim) -> Step:
    title = _("Papers")
    if claim.status == Status.REPORTED:
        return _now(claim, "papers", title, "send")
    return Step("papers", title, "done", clock.day(claim.complete_at or claim.reported_at))


def _investigation(claim: Claim) -> Step:
    title, found = _("Investigation"), getattr(claim, "investigation", None)
    if claim.status in INVESTIGATED:
        text = ""
        if found:
            text = _("Since %(day)s with %(who)s") % {
                "day": day(found.opened_at),
                "who": person(found.adjuster),
            }
        return _now(claim, "investigation", title, "search", text)
    if found is None or found.closed_at is None:
        last = rules.last_day(_planned(claim, Status.INVESTIGATING))
        return Step("investigation", title, "later", last, _at_the_latest(last))
    words = {"day": day(found.closed_at), "who": person(found.adjuster)}
    when = _("%(day)s, report by %(who)s") % words
    return Step("investigation", title, "done", clock.day(found.closed_at), when)


def _decision(claim: Claim, decision: Decision | None) -> Step:
    title = _("Decision")
    if claim.status in DECIDED:
        text = now_sentence(claim) if claim.status == Status.WAITING else ""
        return _now(claim, "decision", title, "scale", text)
    if decision is None or decision.confirmed_at is None:
        last = rules.last_day(_planned(claim, Status.PROPOSED))
        when = _("by %(day)s at the latest, by two reviewers, one after the other")
        return Step("decision", title, "later", last, when % {"day": day(last)})
    tag = _("Granted") if decision.granted else _("Refused")
    kind = "ok" if decision.granted else "bad"
    on = clock.day(decision.confirmed_at)
    return Step("decision", title, "done", on, day(on), "", tag, kind)


def _jury(claim: Claim) -> Step:
    title = _("Jury")
    appealed = next((found for found in claim.appeals.all() if not found.withdrawn_at), None)
    if claim.status in (Status.REFUSED, Status.APPEALED) and claim.due_at:
        return _now(claim, "jury", title, "scale")
    if appealed is None:
        return Step("jury", title, "done", None, _("no appeal any more"))
    tag, kind = _("Upheld"), "bad"
    if claim.status == Status.GRANTED:
        tag, kind = _("Granted"), "ok"
    on = clock.day(claim.decided_at or appealed.at)
    return Step("jury", title, "done", on, day(on), "", tag, kind)


def _afterwards(claim: Claim) -> Iterator[Step]:
    granted = claim.status == Status.GRANTED and claim.decided_at is not None
    known = claim.decided_at if granted else claim.due_at
    if not granted and claim.status in _ORDER:
        known = _planned(claim, Status.PROPOSED)
    disclosed_on, split_on = rules.period_dates(known or claim.reported_at)
    if granted:
        yield _now(claim, "disclosure", _("Disclosure, 7 days"), "notice")
    else:
        when = _("if granted by then: %(day)s") % {"day": day(disclosed_on)}
        yield Step("disclosure", _("Disclosure, 7 days"), "later", disclosed_on, when)
    paid_on = split_on + timedelta(days=claim.rules.payout_days)
    words = {"split": day(split_on), "paid": day(paid_on)}
    when = _("shared on %(split)s, with you by %(paid)s") % words
    yield Step("payout", _("Sharing and payout"), "later", split_on, when)


def is_yours(claim: Claim) -> bool:
    """The claimant must act next."""
    return claim.turn is Turn.CLAIMANT and claim.due_at is not None


def is_under_way(claim: Claim) -> bool:
    """Open, or granted: no second claim beside it."""
    return claim.status in OPEN or claim.status == Status.GRANTED
