"""The books: double entry, one journal per event of a period, never a leg per member.

What does each member owe, and where did the money go? The answer to the first is a row of Share,
to the second a journal; `check` proves that the two agree with each other and with the rules.
Debit is positive, credit negative, each journal sums to zero (a deferred trigger insists), and
entries are only added: a mistake is corrected by an entry that names it.

    split         shares_receivable, operator, surplus in    |  benefits_payable, fees, surplus out
    debit         bank                                       |  shares_receivable
    advance       bank                                       |  operator_advance
    late_payment  operator_advance                           |  shares_receivable
    payout        benefits_payable                           |  bank
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from assessments import bulk, rules
from assessments.models import (
    Arrears,
    DebitBatch,
    JournalEntry,
    Payout,
    Period,
    PeriodCase,
    Posting,
)
from assessments.states import PayoutState
from claims.models import Decision
from claims.rules import benefit_fen
from members.models import Account

Legs = list[tuple[str, int]]

ACCOUNTS = {
    "bank": _("Bank: collected and not paid out"),
    "shares_receivable": _("Shares that members owe"),
    "operator": _("The operator's part of a period, owed by the operator"),
    "operator_advance": _("Advanced by the operator for members who did not pay"),
    "benefits_payable": _("Benefits granted and not paid out"),
    "fees": _("Management fee"),
    "surplus": _("Surplus, for the next period"),
}


def post(
    *,
    kind: str,
    reference: str,
    legs: Legs,
    at: datetime,
    period: Period | None = None,
    by: Account | None = None,
) -> JournalEntry | None:
    """Book one event. Legs of nothing are left out; an event without any is not booked (None).

    `reference` is unique: the same event cannot be booked twice. Raises IntegrityError for legs
    that do not sum to zero, at the end of the transaction.
    """
    real = [(account, fen) for account, fen in legs if fen]
    if not real:
        return None
    unknown = {account for account, _fen in real} - ACCOUNTS.keys()
    if unknown:
        raise ValueError(f"No such accounts: {sorted(unknown)}")
    entry = JournalEntry.objects.create(kind=kind, reference=reference, period=period, by=by, at=at)
    Posting.objects.bulk_create(
        Posting(entry=entry, account=account, amount_fen=fen) for account, fen in real
    )
    return entry


def balance(account: str, *, plan_id: int | None = None) -> int:
    """The sum of an account's postings in fen, debit positive."""
    postings = Posting.objects.filter(account=account)
    if plan_id is not None:
        postings = postings.filter(entry__period__plan=plan_id)
    return postings.aggregate(fen=Sum("amount_fen"))["fen"] or 0


# --- what each event books


def split_legs(period: Period) -> Legs:
    """Of a period whose figures stand: what comes in equals what goes out (design §6)."""
    return [
        ("shares_receivable", period.charged_fen or 0),
        ("operator", period.operator_fen or 0),
        ("surplus", period.surplus_in_fen or 0),
        ("benefits_payable", -(period.benefits_fen or 0)),
        ("fees", -(period.fees_fen or 0)),
        ("surplus", -(period.surplus_out_fen or 0)),
    ]


def debit_legs(collected_fen: int) -> Legs:
    return [("bank", collected_fen), ("shares_receivable", -collected_fen)]


def advance_legs(advanced_fen: int) -> Legs:
    return [("bank", advanced_fen), ("operator_advance", -advanced_fen)]


def late_legs(paid_fen: int) -> Legs:
    """A share that comes in after the operator advanced it goes straight back to the operator."""
    return [("operator_advance", paid_fen), ("shares_receivable", -paid_fen)]


def payout_legs(paid_fen: int) -> Legs:
    return [("benefits_payable", paid_fen), ("bank", -paid_fen)]


def _expected() -> Iterator[tuple[str, Legs]]:
    """Every journal that the tables of events call for."""
    for period in Period.objects.split():
        yield f"split:{period.pk}", split_legs(period)
    for batch in DebitBatch.objects.filter(answered_at__isnull=False):
        yield f"debit:{batch.pk}", debit_legs(batch.collected_fen or 0)
    advanced = Arrears.objects.filter(advanced_at__isnull=False).order_by()
    for period_id, fen in advanced.values_list("period").annotate(Sum("amount_fen")):
        yield f"advance:{period_id}", advance_legs(fen)
    for arrears in advanced.filter(paid_at__isnull=False):
        yield f"late_payment:{arrears.pk}", late_legs(arrears.amount_fen)
    for payout in Payout.objects.filter(state=PayoutState.PAID):
        yield f"payout:{payout.pk}", payout_legs(payout.amount_fen)


# --- the proofs


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is not as it should be: the column it shows in, and what."""

    column: str
    what: str

    def __str__(self) -> str:
        return f"{self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class Proof:
    """A sentence that must be true, the _fen columns it proves, and how it is found out."""

    name: str
    says: str
    columns: frozenset[str]
    find: Callable[[], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Result:
    """A proof that was tried."""

    proof: Proof
    found: list[Found] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.found


PROOFS: list[Proof] = []
MOST_FOUND = 20  # of one proof: enough to see what is the matter

# Columns that no sum can prove, each with the reason.
EXEMPT = {
    "members_rules.case_cap_fen": "a term of the rules; each period's figures prove its use",
    "members_rules.annual_cap_fen": "a term of the rules; each share proves its use",
    "members_rules.advance_limit_fen": "a limit: nothing is computed from it",
    "members_benefitband.benefit_fen": "a term of the rules; each decision proves its use",
}


def check() -> list[Result]:
    """Try every proof. Reads only; one snapshot if the caller opened one."""
    return [Result(proof, _first(proof.find())) for proof in PROOFS]


def _first(found: Iterable[Found]) -> list[Found]:
    return [item for item, _count in zip(found, range(MOST_FOUND), strict=False)]


def fen_columns() -> set[str]:
    """Every column of the schema that holds fen, as "table.column"; partitions are their table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname || '.' || a.attname FROM pg_attribute a"
            "  JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE a.attname LIKE '%\\_fen' AND NOT a.attisdropped AND NOT c.relispartition"
            "   AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
        )
        return {name for (name,) in cursor.fetchall()}


def _proof(name: str, says: str, *columns: str) -> Callable[[Any], Any]:
    """Register a function that finds what breaks the sentence."""

    def register(find: Callable[[], Iterable[Found]]) -> Callable[[], Iterable[Found]]:
        PROOFS.append(Proof(name, says, frozenset(columns), find))
        return find

    return register


def _rows(column: str, statement: str, values: dict[str, Any] | None = None) -> Iterator[Found]:
    """Each row of the statement is a thing that is wrong; its columns say what."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for row in cursor.fetchmany(MOST_FOUND):
            yield Found(column, " ".join(str(part) for part in row))


def _differs(column: str, where: object, stored: object, right: object) -> Iterator[Found]:
    if stored != right:
        yield Found(column, f"{where}: {stored} stands, {right} is right")


FIGURES = ("benefits_fen", "fees_fen", "pool_fen", "share_fen", "operator_fen", "surplus_out_fen")


@_proof(
    "figures",
    "the figures of each split follow from its cases, its rules and its surplus (design §6)",
    *(f"assessments_period.{name}" for name in FIGURES),
)
def _figures() -> Iterator[Found]:
    for period in Period.objects.split().select_related("plan", "rules"):
        quoted = bulk.quote(period)
        uncharged = quoted.share_fen * quoted.members - _charged(period)
        right = {name: getattr(quoted, name) for name in FIGURES}
        right["operator_fen"] += uncharged
        for name in FIGURES:
            column = f"assessments_period.{name}"
            yield from _differs(column, f"period {period}", getattr(period, name), right[name])
        for broken in rules.check(quoted):
            yield Found("assessments_period.share_fen", f"period {period}: not so: {broken}")


def _charged(period: Period) -> int:
    """By the shares themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(amount_fen), 0) FROM assessments_share WHERE period_id = %s",
            [period.pk],
        )
        return int(cursor.fetchone()[0])


@_proof(
    "surplus",
    "each period takes in exactly the surplus that the one before left, the first none",
    "assessments_period.surplus_in_fen",
)
def _surplus() -> Iterator[Found]:
    for period in Period.objects.filter(surplus_in_fen__isnull=False):
        before = Period.objects.before(period)
        left = (before.surplus_out_fen or 0) if before else 0
        column = "assessments_period.surplus_in_fen"
        yield from _differs(column, f"period {period}", period.surplus_in_fen, left)


@_proof(
    "charges",
    "the charges of a period are the sum of its shares, one share for each on the roster",
    "assessments_period.charged_fen",
)
def _charges() -> Iterator[Found]:
    yield from _rows(
        "assessments_period.charged_fen",
        "SELECT 'period', p.id, p.charged_fen, 'charged, but the shares are', count(s.*),"
        "       'of', p.members, 'and sum to', coalesce(sum(s.amount_fen), 0)"
        "  FROM assessments_period p LEFT JOIN assessments_share s ON s.period_id = p.id"
        " WHERE p.charged_fen IS NOT NULL"
        " GROUP BY p.id HAVING coalesce(sum(s.amount_fen), 0) <> p.charged_fen"
        "     OR count(s.*) <> p.members",
    )


@_proof(
    "shares",
    "each share is the period's, or what the annual cap leaves of it",
    "assessments_share.amount_fen",
)
def _shares() -> Iterator[Found]:
    column = "assessments_share.amount_fen"
    yield from _rows(
        column,
        "SELECT 'period', period_id, 'membership', membership_id, amount_fen, 'stands' FROM ("
        " SELECT s.*, p.share_fen, r.annual_cap_fen, coalesce(sum(s.amount_fen) OVER ("
        "          PARTITION BY s.member_id, p.plan_id,"
        "              extract(year FROM p.split_at AT TIME ZONE 'Asia/Shanghai')"
        "          ORDER BY p.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS sofar"
        "   FROM assessments_share s JOIN assessments_period p ON p.id = s.period_id"
        "   JOIN members_rules r ON r.id = p.rules_id WHERE p.charged_fen IS NOT NULL) AS a"
        " WHERE amount_fen <> greatest(0, least(share_fen,"
        "           coalesce(annual_cap_fen - sofar, share_fen)))",
    )


@_proof("roster", "every share belongs to a membership on its period's roster")
def _roster() -> Iterator[Found]:
    yield from _rows(
        "assessments_share.membership_id",
        "SELECT 'period', s.period_id, 'membership', s.membership_id, 'is not on the roster'"
        "  FROM assessments_share s JOIN assessments_period p ON p.id = s.period_id"
        "  LEFT JOIN members_membership m ON m.id = s.membership_id"
        "       AND m.member_id = s.member_id AND m.plan_id = p.plan_id"
        "       AND m.joined_at < p.roster_at"
        "       AND (m.ended_at IS NULL OR m.ended_at >= p.roster_at)"
        " WHERE m.id IS NULL",
    )


@_proof(
    "run",
    "each part of a split wrote what stands in its range, at the period's share",
    "assessments_splitrun.share_fen",
    "assessments_splitpart.charged_fen",
)
def _run() -> Iterator[Found]:
    yield from _rows(
        "assessments_splitrun.share_fen",
        "SELECT 'run of period', r.period_id, r.share_fen, 'stands,', p.share_fen, 'is right'"
        "  FROM assessments_splitrun r JOIN assessments_period p ON p.id = r.period_id"
        " WHERE p.share_fen IS NOT NULL AND r.share_fen <> p.share_fen",
    )
    yield from _rows(
        "assessments_splitpart.charged_fen",
        "SELECT 'part', t.id, t.rows, t.charged_fen, 'stand,', w.rows, w.fen, 'were written'"
        "  FROM assessments_splitpart t JOIN assessments_splitrun r ON r.id = t.run_id"
        " CROSS JOIN LATERAL (SELECT count(*) AS rows, coalesce(sum(amount_fen), 0) AS fen"
        "       FROM assessments_share s WHERE s.period_id = r.period_id"
        "        AND s.membership_id BETWEEN t.low AND t.high) AS w"
        " WHERE t.done_at IS NOT NULL AND (t.rows <> w.rows OR t.charged_fen <> w.fen)",
    )


@_proof(
    "benefits",
    "each granted benefit is what the rules set for that age, once on the decision and the case",
    "claims_decision.benefit_fen",
    "assessments_periodcase.benefit_fen",
)
def _benefits() -> Iterator[Found]:
    granted = Decision.objects.filter(granted=True, sent_back_at__isnull=True)
    for decision in granted.select_related("claim__member", "claim__rules"):
        right = benefit_fen(decision.claim)
        column = "claims_decision.benefit_fen"
        yield from _differs(column, f"decision {decision.pk}", decision.benefit_fen, right)
    for case in PeriodCase.objects.select_related("claim__member", "claim__rules"):
        column, right = "assessments_periodcase.benefit_fen", benefit_fen(case.claim)
        yield from _differs(column, f"case {case}", case.benefit_fen, right)


@_proof(
    "fees",
    "each fee is its benefit at the period's rate, half up to the fen",
    "assessments_periodcase.fee_fen",
)
def _fees() -> Iterator[Found]:
    for case in PeriodCase.objects.select_related("period__rules"):
        terms = case.period.rules
        if terms is None:
            yield Found("assessments_periodcase.fee_fen", f"case {case}: its period has no rules")
            continue
        right = rules.fee(case.benefit_fen, terms.fee_bp)
        yield from _differs("assessments_periodcase.fee_fen", f"case {case}", case.fee_fen, right)


@_proof(
    "debits",
    "each debit batch asked for what was owed, and what did not come in is arrears",
    "assessments_debitbatch.asked_fen",
    "assessments_debitbatch.collected_fen",
    "assessments_debitbatch.failed_fen",
)
def _debits() -> Iterator[Found]:
    asked: dict[int, int] = {}
    for batch in DebitBatch.objects.select_related("period").order_by("period", "attempt"):
        owed = asked.get(batch.period_id, batch.period.charged_fen or 0)
        table, where = "assessments_debitbatch", f"batch {batch}"
        yield from _differs(f"{table}.asked_fen", where, batch.asked_fen, owed)
        if batch.answered_at is None:
            continue
        failed = _failed_after(batch)
        yield from _differs(f"{table}.failed_fen", where, batch.failed_fen, failed)
        yield from _differs(f"{table}.collected_fen", where, batch.collected_fen, owed - failed)
        asked[batch.period_id] = failed


def _failed_after(batch: DebitBatch) -> int:
    """The arrears of the period that no batch up to this one brought in."""
    arrears = Arrears.objects.filter(period=batch.period_id).exclude(
        paid_batch__attempt__lte=batch.attempt
    )
    return arrears.aggregate(fen=Sum("amount_fen"))["fen"] or 0


@_proof("arrears", "each arrears is the share that was not paid", "assessments_arrears.amount_fen")
def _arrears() -> Iterator[Found]:
    yield from _rows(
        "assessments_arrears.amount_fen",
        "SELECT 'arrears', a.id, a.amount_fen, 'stands, the share is', s.amount_fen"
        "  FROM assessments_arrears a LEFT JOIN assessments_share s"
        "       ON s.period_id = a.period_id AND s.membership_id = a.membership_id"
        " WHERE s.amount_fen IS DISTINCT FROM a.amount_fen OR s.member_id <> a.member_id",
    )


@_proof(
    "payouts",
    "each payout is the benefit of its case, once a claim",
    "assessments_payout.amount_fen",
)
def _payouts() -> Iterator[Found]:
    yield from _rows(
        "assessments_payout.amount_fen",
        "SELECT 'payout', o.id, o.amount_fen, 'stands, the benefit is', c.benefit_fen"
        "  FROM assessments_payout o JOIN assessments_periodcase c ON c.id = o.case_id"
        " WHERE o.amount_fen <> c.benefit_fen OR o.claim_id <> c.claim_id",
    )


@_proof(
    "journal",
    "every event is booked once, with its own amounts, and every journal sums to zero",
    "assessments_posting.amount_fen",
)
def _journal() -> Iterator[Found]:
    booked: dict[str, Legs] = defaultdict(list)
    for reference, account, fen in Posting.objects.values_list(
        "entry__reference", "account", "amount_fen"
    ):
        booked[reference].append((account, fen))
    expected = {ref: [leg for leg in legs if leg[1]] for ref, legs in _expected()}
    expected = {reference: legs for reference, legs in expected.items() if legs}
    for reference in sorted(booked.keys() | expected.keys()):
        ours, right = sorted(booked.get(reference, [])), sorted(expected.get(reference, []))
        yield from _differs("assessments_posting.amount_fen", reference, ours, right)
        if sum(fen for _account, fen in ours):
            yield Found("assessments_posting.amount_fen", f"{reference} does not sum to zero")
