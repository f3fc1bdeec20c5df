"""Everything that changes a period, a debit or a payout, one function per verb.

A period goes open → locked → disclosed → splitting → split → collecting → collected, each step by
a `…_due` that asks the tables what is due, in order, so that an outage delays and loses nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from assessments import books, bulk, policies, providers, rules
from assessments.models import (
    Arrears,
    DebitBatch,
    Payout,
    Period,
    PeriodCase,
    SplitPart,
    SplitRun,
)
from assessments.providers import Answer, Outcome, Transfer
from assessments.rules import Half
from assessments.states import (
    DONE,
    PAYOUT_TRANSITIONS,
    TRANSITIONS,
    PayoutState,
    Problem,
    Stage,
)
from claims import actions as claim_actions
from claims.models import Claim, Payee
from claims.rules import benefit_fen
from members import actions as member_actions
from members import policies as member_policies
from members.models import Account, Mandate, Membership, Plan, Rules
from mutualaid import clock, vault
from mutualaid.errors import NotNow
from mutualaid.money import yuan
from mutualaid.templatetags.look import day as in_words
from mutualaid.turns import only_one


def _move(period: Period, to: Stage, **changes: Any) -> None:
    """The one place where a period's stage changes. The caller holds the row's lock."""
    if to not in TRANSITIONS[Stage(period.stage)]:
        raise _not_at_this_stage(period)
    period.stage = to
    for name, value in changes.items():
        setattr(period, name, value)
    period.save(update_fields=["stage", *changes])


def _move_payout(payout: Payout, to: PayoutState, **changes: Any) -> None:
    """The one place where a payout's state changes. The caller holds the row's lock."""
    if to not in PAYOUT_TRANSITIONS[PayoutState(payout.state)]:
        raise NotNow(
            _("This payout is in the state “%(state)s”. Reload the page to see where it stands.")
            % {"state": payout.get_state_display()}
        )
    payout.state = to
    for name, value in changes.items():
        setattr(payout, name, value)
    payout.save(update_fields=["state", *changes])


def _not_at_this_stage(period: Period) -> NotNow:
    return NotNow(
        _("Period %(number)s is at the stage “%(stage)s”. This step does not belong to it.")
        % {"number": period.number, "stage": period.get_stage_display()}
    )


def _locked(period_id: int) -> Period:
    periods = Period.objects.select_related("plan", "rules")
    return periods.select_for_update(of=("self",)).get(pk=period_id)


# --- opening


@transaction.atomic
def open_periods_due(*, at: datetime) -> list[Period]:
    """Open every period up to the first whose roster is not locked yet, numbered from 1.

    Locks each plan. The first period is the first half whose roster is locked on or after the day
    from which the plan shares. One that is still being set up has none.
    """
    opened: list[Period] = []
    for plan in Plan.objects.published().select_for_update(no_key=True).order_by("pk"):
        opened += _open_periods(plan)
    return opened


def _open_periods(plan: Plan) -> Iterator[Period]:
    last = plan.periods.order_by("number").last()
    half = last.half.next() if last else _first_half(plan)
    number = last.number + 1 if last else 1
    now = clock.now()
    while last is None or last.roster_at <= now:
        last = Period.objects.create(
            plan=plan,
            number=number,
            cutoff_at=half.cutoff,
            roster_at=half.roster_at,
            disclose_at=half.disclose_at,
            split_at=half.split_at,
        )
        yield last
        half, number = half.next(), number + 1


def _first_half(plan: Plan) -> Half:
    begins = plan.shares_from or plan.opened_on
    half = Half(begins.year, begins.month, 1)
    while clock.day(half.roster_at) < begins:
        half = half.next()
    return half


# --- the lock


def lock_due(*, at: datetime) -> list[Period]:
    """Lock every open period whose roster instant has come, oldest first; returns those locked.

    One that cannot be locked stays open, with its problem named.
    """
    due = Period.objects.filter(stage=Stage.OPEN, roster_at__lte=clock.now())
    ids = due.order_by("plan", "number").values_list("pk", flat=True)
    tried = [lock(period_id=period_id, by=None, at=at) for period_id in ids]
    return [period for period in tried if period.stage == Stage.LOCKED]


@transaction.atomic
def lock(*, period_id: int, by: Account | None, at: datetime) -> Period:
    """Fix who shares and what: the money terms in force, N, the surplus taken in, the cases.

    Everything is read as of the roster and the cut-off, however late this runs (security.md G04).
    Too few members close the plan. Locks the period, then for that the plan. Raises NotNow before
    the roster instant; a period with a problem comes back open, with its code.
    """
    policies.check_closes(by)
    period = _locked(period_id)
    if period.stage != Stage.OPEN:
        raise _not_at_this_stage(period)
    if clock.now() < period.roster_at:
        raise NotNow(
            _("The roster of period %(number)s is locked on %(day)s at 00:00, not before.")
            % {"number": period.number, "day": in_words(period.roster_at)}
        )
    before = Period.objects.before(period)
    if before is not None and before.stage not in DONE:
        return _stuck(period, Problem.PREVIOUS_NOT_SPLIT)
    terms = _terms_of(period)
    if terms is None:
        return _stuck(period, Problem.NO_RULES)
    members = bulk.roster_count(period)
    if members == 0:
        return _stuck(period, Problem.NO_MEMBERS)
    surplus = (before.surplus_out_fen or 0) if before else 0
    _move(period, Stage.LOCKED, rules=terms, members=members, surplus_in_fen=surplus, problem="")
    _take_cases(period, terms)
    member_actions.close_below(plan_id=period.plan_id, terms=terms, members=members, at=at)
    return period


def _stuck(period: Period, problem: Problem) -> Period:
    period.problem = problem
    period.save(update_fields=["problem"])
    return period


def _terms_of(period: Period) -> Rules | None:
    try:
        return Rules.objects.in_force(period.plan, clock.day(period.roster_at))
    except Rules.DoesNotExist:
        return None


def _take_cases(period: Period, terms: Rules) -> None:
    """Granted before the cut-off, and in no period unless set aside there and cleared since."""
    granted = Claim.objects.granted_before(period.cutoff_at).filter(membership__plan=period.plan)
    held = PeriodCase.objects.filter(cleared_at__isnull=True)
    waiting = granted.exclude(pk__in=held.values("claim")).order_by("decided_at", "pk")
    for claim in waiting.select_related("member", "rules"):
        benefit = benefit_fen(claim)
        PeriodCase.objects.create(
            period=period,
            claim=claim,
            decision=claim.decisions.filter(sent_back_at__isnull=True).latest("pk"),
            code=_case_code(period, claim),
            benefit_fen=benefit,
            fee_fen=rules.fee(benefit, terms.fee_bp),
        )


def _case_code(period: Period, claim: Claim) -> str:
    """The published number: nobody can tell a claim from it, or guess the next one."""
    digest = vault.keyed_hash(f"{period.pk}:{claim.pk}", purpose="case code")
    return f"{period.number}-{base64.b32encode(digest[:5]).decode()}"


# --- disclosure


@transaction.atomic
def mark_disclosed(*, period_id: int, digest: str, at: datetime) -> Period:
    """The period lies open, with this digest. A later version changes the digest alone.

    Locks the period. Raises NotNow if it is not locked yet, or its split has begun.
    """
    period = _locked(period_id)
    if period.stage == Stage.DISCLOSED:
        period.digest = digest
        period.save(update_fields=["digest"])
    else:
        _move(period, Stage.DISCLOSED, digest=digest, disclosed_at=at)
    return period


@transaction.atomic
def set_aside(*, case_id: int, why: str, by: Account, at: datetime) -> PeriodCase:
    """Take a published case out of its period, for a sustained objection. It makes the next
    version of the disclosure; cleared later, its claim enters the next period.

    Locks the period. Raises NotNow once the split has begun, or if it was set aside before.
    """
    policies.check_sets_aside(by)
    period = _locked(PeriodCase.objects.get(pk=case_id).period_id)
    if period.stage not in (Stage.LOCKED, Stage.DISCLOSED):
        raise _not_at_this_stage(period)
    case = PeriodCase.objects.get(pk=case_id)
    if case.set_aside_at is not None:
        raise NotNow(_("Case %(code)s has been set aside already.") % {"code": case.code})
    case.set_aside_at, case.set_aside_why = at, why
    case.save(update_fields=["set_aside_at", "set_aside_why"])
    return case


@transaction.atomic
def clear_case(*, case_id: int, by: Account, at: datetime) -> PeriodCase:
    """A case that was set aside is sound: its claim enters the next period that is locked.

    Locks the case. Raises NotNow if it was not set aside, or is cleared already.
    """
    policies.check_sets_aside(by)
    case = PeriodCase.objects.select_for_update().get(pk=case_id)
    if case.set_aside_at is None or case.cleared_at is not None:
        raise NotNow(_("Case %(code)s does not wait to be cleared.") % {"code": case.code})
    case.cleared_at = at
    case.save(update_fields=["cleared_at"])
    return case


# --- the split


def split_due(*, at: datetime) -> list[Period]:
    """Split every period that has lain open long enough, and go on with what was interrupted."""
    waiting = Period.objects.filter(
        stage__in=[Stage.DISCLOSED, Stage.SPLITTING], split_at__lte=clock.now()
    )
    now = clock.now()
    due = [p for p in waiting.order_by("plan", "number") if p.split_from and p.split_from <= now]
    return [split(period_id=period.pk, by=None, at=at) for period in due]


def split(
    *,
    period_id: int,
    by: Account | None,
    at: datetime,
    workers: int = 1,
    part_ids: int = bulk.PART_IDS,
) -> Period:
    """Write every member's share, then the period's figures and its journal, once.

    Several transactions: each part is one, so this may be killed anywhere and called again, or by
    several at once: whoever comes shares the work, and the last one ends it (security.md G02, G03).
    `workers` are threads with connections of their own; `part_ids` membership ids a part.
    Raises NotNow before its time. Comes back unsplit, with its problem, if the roster is not the
    one that was locked.
    """
    run = _begin_split(period_id=period_id, by=by, at=at, part_ids=part_ids)
    while run is not None and run.finished_at is None:
        bulk.write_shares(run_id=run.pk, at=at, workers=workers)
        period = _finish_split(run_id=run.pk, at=at)
        if period is not None:
            return period
    return Period.objects.get(pk=period_id)


def _one_at_a_time(what: str, number: int) -> None:
    """Wait for the others who begin or end the same, outside any row lock, until we commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{what}:{number}"]
        )


@transaction.atomic
def _begin_split(
    *, period_id: int, by: Account | None, at: datetime, part_ids: int
) -> SplitRun | None:
    """The run that is there, or a new one; None if the roster is not the one that was locked."""
    policies.check_closes(by)
    _one_at_a_time("split", period_id)
    period = _locked(period_id)
    begun = SplitRun.objects.filter(period=period).first()
    if begun is not None:
        return begun
    _check_may_split(period)
    if bulk.roster_count(period) != period.members:
        _stuck(period, Problem.ROSTER_CHANGED)
        return None
    run = SplitRun.objects.create(
        period=period, share_fen=bulk.quote(period).share_fen, begun_by=by, begun_at=at
    )
    bulk.make_parts(run, part_ids=part_ids)
    _move(period, Stage.SPLITTING)
    return run


def _check_may_split(period: Period) -> None:
    if period.stage != Stage.DISCLOSED or period.split_from is None:
        raise _not_at_this_stage(period)
    if clock.now() < period.split_from:
        raise NotNow(
            _("Period %(number)s lies open for seven days and is split on %(day)s, not before.")
            % {"number": period.number, "day": in_words(period.split_from)}
        )


@transaction.atomic
def _finish_split(*, run_id: int, at: datetime) -> Period | None:
    """Figures, journal, ends and the notice, all at once. None if a part is not written: whoever
    held it was killed, and its part is free again. Waits for parts that are being written."""
    run = SplitRun.objects.get(pk=run_id)
    _one_at_a_time("split", run.period_id)
    period = _locked(run.period_id)
    if period.stage in DONE:
        return period
    parts = list(SplitPart.objects.select_for_update().filter(run=run))
    if any(part.done_at is None for part in parts):
        return None
    if sum(part.rows or 0 for part in parts) != period.members:
        return _stuck(period, Problem.ROSTER_CHANGED)
    _write_figures(period, sum(part.charged_fen or 0 for part in parts))
    run.finished_at = at
    run.save(update_fields=["finished_at"])
    books.post(
        kind="split", reference=f"split:{period.pk}", period=period, by=run.begun_by, at=at,
        legs=books.split_legs(period),
    )  # fmt: skip
    _end_helped(period)
    _tell_members(period, at)
    return period


def _write_figures(period: Period, charged: int) -> None:
    quoted = bulk.quote(period)
    broken = rules.check(quoted)
    if broken:
        raise AssertionError(f"Period {period}: {broken}")
    _move(
        period,
        Stage.SPLIT,
        benefits_fen=quoted.benefits_fen,
        fees_fen=quoted.fees_fen,
        pool_fen=quoted.pool_fen,
        share_fen=quoted.share_fen,
        charged_fen=charged,
        operator_fen=quoted.operator_fen + quoted.share_fen * quoted.members - charged,
        surplus_out_fen=quoted.surplus_out_fen,
        problem="",
    )


def _end_helped(period: Period) -> None:
    """A granted claim ends its membership at the split instant of its period (design §5)."""
    helped = Membership.objects.open().filter(
        claims__period_cases__period=period, claims__period_cases__set_aside_at__isnull=True
    )
    for membership_id in helped.order_by("pk").values_list("pk", flat=True).distinct():
        member_actions.end_membership(
            membership_id=membership_id,
            reason=Membership.End.HELPED,
            by=None,
            at=period.split_at,
        )


def _tell_members(period: Period, at: datetime) -> None:
    """No debit without notice: the share, and from when it is debited."""
    if not period.charged_fen:
        return
    member_actions.notify(
        code="share_due",
        facts={
            "number": period.number,
            "share_fen": period.share_fen,
            "debit_on": clock.day(at).isoformat(),
            "days": _rules_of(period).debit_days,
        },
        at=at,
        plan_id=period.plan_id,
    )


def _rules_of(period: Period) -> Rules:
    """The money terms of a period that is locked."""
    if period.rules is None:
        raise _not_at_this_stage(period)
    return period.rules


# --- debits


def debit_due(*, at: datetime) -> list[DebitBatch]:
    """Debit what is due: the first attempt once split, then one on each of the next days."""
    collecting = Period.objects.filter(stage__in=[Stage.SPLIT, Stage.COLLECTING])
    ids = collecting.order_by("plan", "number").values_list("pk", flat=True)
    batches = [debit(period_id=period_id, by=None, at=at) for period_id in ids]
    return [batch for batch in batches if batch is not None]


def debit(*, period_id: int, by: Account | None, at: datetime) -> DebitBatch | None:
    """One attempt to debit a period; None if none is due.

    Two transactions: the batch is there before anybody is asked, so an attempt that was killed is
    asked again under its own number, which the provider knows.
    """
    batch = _begin_batch(period_id=period_id, by=by, at=at)
    return _answer_batch(batch_id=batch.pk, at=at) if batch else None


@transaction.atomic
def _begin_batch(*, period_id: int, by: Account | None, at: datetime) -> DebitBatch | None:
    policies.check_closes(by)
    period = _locked(period_id)
    last = period.batches.order_by("attempt").last()
    if last is not None and last.answered_at is None:
        return last
    if period.stage not in (Stage.SPLIT, Stage.COLLECTING):
        return None
    if last is not None and clock.now() < _again_at(last):
        return None
    attempt = last.attempt + 1 if last else 0
    rows, fen = bulk.asked(period, attempt=attempt)
    if attempt == 0:
        _move(period, Stage.COLLECTING)
    return DebitBatch.objects.create(
        period=period, attempt=attempt, asked_rows=rows, asked_fen=fen, made_at=at
    )


def _again_at(batch: DebitBatch) -> datetime:
    """A debit that failed is tried again from 00:00 of the next day, never twice a day."""
    return clock.midnight(clock.day(batch.made_at) + timedelta(days=1))


@transaction.atomic
def _answer_batch(*, batch_id: int, at: datetime) -> DebitBatch:
    """Ask the provider and write what came of it, under the batch's lock."""
    batch = DebitBatch.objects.select_for_update().get(pk=batch_id)
    if batch.answered_at is not None:
        return batch
    period = _locked(batch.period_id)
    failures = providers.current().collect(
        period_id=period.pk, attempt=batch.attempt, rows=bulk.debit_rows(batch)
    )
    if failures is None:
        return batch
    batch.failed_rows = bulk.record_answer(batch, chain(bulk.unmandated(batch), failures), at)
    batch.failed_fen = bulk.asked(period, attempt=batch.attempt + 1)[1]
    batch.collected_fen = batch.asked_fen - batch.failed_fen
    batch.answered_at = at
    batch.save(update_fields=["failed_rows", "failed_fen", "collected_fen", "answered_at"])
    books.post(
        kind="debit", reference=f"debit:{batch.pk}", period=period, at=at,
        legs=books.debit_legs(batch.collected_fen),
    )  # fmt: skip
    _after_attempt(period, batch, at)
    return batch


def _after_attempt(period: Period, batch: DebitBatch, at: datetime) -> None:
    """Tell who owes when it is tried again; after the last day, end it."""
    left = _rules_of(period).debit_days - batch.attempt
    if batch.failed_rows and left > 0:
        tomorrow = clock.day(batch.made_at) + timedelta(days=1)
        last = clock.day(batch.made_at) + timedelta(days=left)
        bulk.tell_debtors(period, again_on=tomorrow.isoformat(), last_on=last.isoformat(), at=at)
        return
    _end_collection(period, at)


def _end_collection(period: Period, at: datetime) -> None:
    """Who has not paid leaves the plan; the operator advances what is missing (design §6)."""
    if period.arrears.open().exists():
        bulk.end_for_arrears(period, on=clock.day(at).isoformat(), at=at)
        advanced = bulk.advance_arrears(period, at)
        books.post(
            kind="advance", reference=f"advance:{period.pk}", period=period, at=at,
            legs=books.advance_legs(advanced),
        )  # fmt: skip
    _move(period, Stage.COLLECTED)


@transaction.atomic
def record_late_payment(*, arrears_id: int, by: Account, at: datetime) -> Arrears:
    """A share that the operator advanced has come in. Locks the arrears.

    Raises NotNow if it is paid, or still being debited.
    """
    policies.check_closes(by)
    arrears = Arrears.objects.select_for_update().get(pk=arrears_id)
    if arrears.paid_at is not None or arrears.advanced_at is None:
        raise NotNow(_("This share is paid, or is still being debited. There is nothing to book."))
    return _pay_late(arrears, by, at)


def _pay_late(arrears: Arrears, by: Account | None, at: datetime) -> Arrears:
    arrears.paid_at = at
    arrears.save(update_fields=["paid_at"])
    books.post(
        kind="late_payment", reference=f"late_payment:{arrears.pk}", period=arrears.period,
        by=by, at=at, legs=books.late_legs(arrears.amount_fen),
    )  # fmt: skip
    return arrears


@transaction.atomic
def come_back(*, membership_id: int, by: Account, at: datetime) -> Membership:
    """Pay what was missed, then go on in the plan (design §5). Locks the open arrears.

    The provider is asked for each share under a number of its own, so asking again never debits
    twice. Raises NotNow where the time is over, without a payment agreement, and while the provider
    has not answered or refuses; then nothing is booked.
    """
    ended = Membership.objects.get(pk=membership_id)
    member_policies.check_acts_for(by, ended.member_id)
    last_day = member_actions.can_reinstate_until(ended)
    if last_day is None or clock.today() > last_day:
        raise NotNow(_("This membership can no longer go on. You can join anew at any time."))
    if not Mandate.objects.live(clock.today()).filter(account=ended.payer_id).exists():
        raise NotNow(_("There is no payment agreement. Please give it first, under payment."))
    missed = Arrears.objects.select_for_update().filter(membership=ended, paid_at__isnull=True)
    for arrears in missed.order_by("period"):
        _collect_late(arrears, ended, by, at)
    return member_actions.reinstate(membership_id=membership_id, by=by, at=at)


LATE_ATTEMPTS = 1_000_000  # and the arrears' id: numbers that no daily attempt reaches


def _collect_late(arrears: Arrears, ended: Membership, by: Account, at: datetime) -> None:
    if arrears.advanced_at is None:
        raise NotNow(_("This share is still being debited. Please wait until tomorrow."))
    failures = providers.current().collect(
        period_id=arrears.period_id,
        attempt=LATE_ATTEMPTS + arrears.pk,
        rows=[(ended.pk, ended.payer_id, arrears.amount_fen)],
    )
    if failures is None:
        raise NotNow(_("The bank has been asked and answers within a day. Please come back then."))
    if list(failures):
        raise NotNow(_("The debit failed again. Please put money into the account and try again."))
    _pay_late(arrears, by, at)


def missed_fen(membership: Membership) -> int:
    """What a membership has not paid, in fen."""
    owed = Arrears.objects.filter(membership=membership, paid_at__isnull=True)
    return owed.aggregate(fen=Sum("amount_fen"))["fen"] or 0


# --- payouts


def payable_claims() -> list[int]:
    """The claims whose payout can be prepared, in the order in which they were granted."""
    payable = PeriodCase.objects.payable().order_by("claim__decided_at", "claim")
    return list(payable.values_list("claim", flat=True))


@transaction.atomic
def prepare_payout(*, claim_id: int, by: Account, at: datetime) -> Payout:
    """Make ready the benefit of a split case for the payee whom the claimant confirmed.

    Locks the claim. A payout that failed, or whose payee has changed since, is prepared anew.
    Raises NotNow before the split, without a confirmed payee, or if one is under way.
    """
    claim = Claim.objects.select_for_update(no_key=True).get(pk=claim_id)
    policies.check_prepares(by, claim)
    case = _payable_case(claim)
    payee = _confirmed_payee(claim)
    payout = Payout.objects.select_for_update().filter(claim=claim).first()
    if payout is None:
        return Payout.objects.create(
            claim=claim,
            case=case,
            payee=payee,
            amount_fen=case.benefit_fen,
            bound=_binding(claim.pk, payee, case.benefit_fen),
            prepared_by=by,
            prepared_at=at,
            provider_key=f"{case.code}-1",
        )
    return _prepare_again(payout, payee, by, at)


def _payable_case(claim: Claim) -> PeriodCase:
    cases = PeriodCase.objects.active().select_related("period")
    case = cases.filter(claim=claim, period__stage__in=DONE).first()
    if case is None:
        raise NotNow(_("A benefit is paid after its period has been split. This one is not yet."))
    return case


def _confirmed_payee(claim: Claim) -> Payee:
    payee = Payee.objects.filter(claim=claim, confirmed_at__isnull=False).first()
    if payee is None:
        raise NotNow(_("The claimant has not confirmed an account yet. Ask for it first."))
    return payee


def _binding(claim_id: int, payee: Payee, amount_fen: int) -> bytes:
    """What a release agrees to: this claim, this account, this amount (security.md G08)."""
    account = bytes(payee.account_hash).hex()
    return vault.keyed_hash(f"{claim_id}:{account}:{amount_fen}", purpose="payout")


def _is_bound(payout: Payout, payee: Payee) -> bool:
    right = _binding(payout.claim_id, payee, payout.amount_fen)
    return bytes(payout.bound) == right and payee.confirmed_at is not None


def _prepare_again(payout: Payout, payee: Payee, by: Account, at: datetime) -> Payout:
    stale = payout.state == PayoutState.PREPARED and not _is_bound(payout, payee)
    if payout.state != PayoutState.FAILED and not stale:
        raise NotNow(
            _("This payout is in the state “%(state)s”. It is not prepared a second time.")
            % {"state": payout.get_state_display()}
        )
    changes: dict[str, Any] = {
        "payee": payee,
        "bound": _binding(payout.claim_id, payee, payout.amount_fen),
        "prepared_by": by,
        "prepared_at": at,
        "released_by": None,
        "released_at": None,
    }
    if stale:
        for name, value in changes.items():
            setattr(payout, name, value)
        payout.save(update_fields=list(changes))
        return payout
    # The provider said that the last try did not happen and will not: the next has its own key.
    stem, _dash, tries = payout.provider_key.rpartition("-")
    _move_payout(payout, PayoutState.PREPARED, provider_key=f"{stem}-{int(tries) + 1}", **changes)
    return payout


@transaction.atomic
def release_payout(*, payout_id: int, by: Account, at: datetime) -> Payout:
    """Another person lets the payout go. Locks it.

    Raises Forbidden for who prepared it, NotNow if the payee has changed since or the operator's
    advances stand at their limit.
    """
    payout = (
        Payout.objects.select_for_update(of=("self",)).select_related("payee").get(pk=payout_id)
    )
    policies.check_releases(by, payout)
    if not _is_bound(payout, payout.payee):
        raise NotNow(
            _("The payee's account has changed since this payout was prepared. Prepare it anew.")
        )
    _check_advances(payout)
    _move_payout(payout, PayoutState.RELEASED, released_by=by, released_at=at)
    return payout


def _check_advances(payout: Payout) -> None:
    """At the limit of what the operator advances, payouts stop and say so (design §6)."""
    period = payout.case.period
    advanced, limit = bulk.advanced_fen(period.plan_id), _rules_of(period).advance_limit_fen
    if advanced and advanced >= limit:
        raise NotNow(
            _(
                "The operator has advanced %(advanced)s yuan for members who did not pay; its limit"
                " is %(limit)s yuan. Payouts stand still until it is below."
            )
            % {"advanced": yuan(advanced), "limit": yuan(limit)}
        )


def send_payouts_due(*, at: datetime) -> list[Payout]:
    """Send what is released, and ask about what was sent without an answer.

    One session at a time. A payout is marked as sent before the provider hears of it; from then on
    it is only asked about under its key, and sent again under the same key only if the provider
    has never seen that key (security.md G08).
    """
    with only_one("payouts") as mine:
        if not mine:
            return []
        due = Payout.objects.filter(state__in=[PayoutState.RELEASED, PayoutState.SENT])
        ids = due.order_by("released_at", "pk").values_list("pk", flat=True)
        return [_send(payout_id=payout_id, at=at) for payout_id in ids]


def _send(*, payout_id: int, at: datetime) -> Payout:
    payout, first = _mark_sent(payout_id=payout_id)
    provider = providers.current()
    answer = Answer(Outcome.NEVER_SEEN) if first else provider.ask(payout.provider_key)
    if answer.outcome is Outcome.NEVER_SEEN and payout.state == PayoutState.SENT:
        answer = provider.pay(_transfer(payout, at))
    return _record_outcome(payout_id=payout_id, answer=answer, at=at)


@transaction.atomic
def _mark_sent(*, payout_id: int) -> tuple[Payout, bool]:
    """The payout, and whether it is sent for the first time. It stays released at the limit, or
    when its payee has changed."""
    payouts = Payout.objects.select_for_update(of=("self",)).select_related("payee", "released_by")
    payout = payouts.get(pk=payout_id)
    first = payout.state == PayoutState.RELEASED
    if first and _may_go(payout):
        _move_payout(payout, PayoutState.SENT)
    return payout, first


def _may_go(payout: Payout) -> bool:
    """A released payout waits while its payee is changing or the advances are at their limit; the
    staff page shows the sentence."""
    try:
        _check_advances(payout)
    except NotNow:
        return False
    return _is_bound(payout, payout.payee)


def _transfer(payout: Payout, at: datetime) -> Transfer:
    payee = payout.payee
    if payout.released_by is None:
        raise AssertionError(f"{payout} was never released.")
    read = partial(
        claim_actions.read_account,
        claim_id=payout.claim_id,
        by=payout.released_by,
        why="payout",
        at=at,
    )
    return Transfer(payout.provider_key, payout.amount_fen, payee.holder, payee.bank, read)


@transaction.atomic
def _record_outcome(*, payout_id: int, answer: Answer, at: datetime) -> Payout:
    payouts = Payout.objects.select_for_update(of=("self",))
    payout = payouts.select_related("case__period", "claim", "payee").get(pk=payout_id)
    if payout.state != PayoutState.SENT:
        return payout
    if answer.outcome is Outcome.FAILED:
        _move_payout(payout, PayoutState.FAILED, provider_code=answer.code)
    if answer.outcome is Outcome.PAID:
        _move_payout(payout, PayoutState.PAID, paid_at=at, provider_code="")
        books.post(
            kind="payout", reference=f"payout:{payout.pk}", period=payout.case.period,
            by=payout.released_by, at=at, legs=books.payout_legs(payout.amount_fen),
        )  # fmt: skip
        member_actions.notify(
            code="payout_paid",
            facts={
                "claim": payout.claim.number,
                "amount_fen": payout.amount_fen,
                "tail": payout.payee.account_tail,
            },
            at=at,
            account_id=payout.claim.filed_by_id,
        )
    return payout
