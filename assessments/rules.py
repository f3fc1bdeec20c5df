"""The split of a period and its calendar: pure arithmetic in whole fen (design §6, domain.md §1b).

The preview on the disclosure page, the real split, `manage.py quote_share` and check_books all use
`quote_counted`. A reader can recompute every figure with pencil and paper: docs/shares.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from django.utils.translation import gettext as _

from mutualaid.clock import day, midnight
from mutualaid.money import half_up

BASIS_POINTS = 10_000
DISCLOSED_BY = timedelta(hours=9)
PAID_WITHIN = timedelta(days=7)


class NoMembers(ValueError):
    """Nobody shares the period: it stays open and is named on the staff page."""


@dataclass(frozen=True, slots=True)
class CaseCost:
    """`count` cases of one benefit; every amount is of one case, in fen.

    cost = benefit + fee; borne is what the members carry of it, the operator carries the rest.
    """

    benefit_fen: int
    fee_fen: int
    borne_fen: int
    count: int = 1

    @property
    def cost_fen(self) -> int:
        return self.benefit_fen + self.fee_fen

    @property
    def operator_fen(self) -> int:
        return self.cost_fen - self.borne_fen


@dataclass(frozen=True, slots=True)
class Quote:
    """What a period costs and what each member owes, with all that is needed to prove it."""

    members: int
    benefits_fen: int
    fees_fen: int
    operator_fen: int
    pool_fen: int
    share_fen: int
    surplus_in_fen: int
    surplus_out_fen: int
    cases: tuple[CaseCost, ...]  # in the order handed in
    fee_bp: int
    case_cap_fen: int | None
    operator_bears: bool


def fee(benefit_fen: int, fee_bp: int) -> int:
    """The fee of one case: benefit × basis points / 10 000, half up to the fen."""
    return half_up(benefit_fen * fee_bp, BASIS_POINTS)


def quote(
    *,
    members: int,
    benefits: Sequence[int],
    fee_bp: int,
    surplus_in: int = 0,
    case_cap: int | None = None,
    operator_bears: bool = False,
) -> Quote:
    """`quote_counted` for a list of benefits; `cases` comes back in the same order."""
    return quote_counted(
        members=members,
        benefits=[(benefit, 1) for benefit in benefits],
        fee_bp=fee_bp,
        surplus_in=surplus_in,
        case_cap=case_cap,
        operator_bears=operator_bears,
    )


def quote_counted(
    *,
    members: int,
    benefits: Iterable[tuple[int, int]],
    fee_bp: int,
    surplus_in: int = 0,
    case_cap: int | None = None,
    operator_bears: bool = False,
) -> Quote:
    """Split a period. `benefits` are (fen of one case, number of such cases); caps are per member.

    A period without cases is a share of nothing: the surplus passes through. Raises NoMembers for
    `members` = 0, and ValueError with a sentence for anything negative.
    """
    benefits = list(benefits)
    _refuse_nonsense(members, benefits, fee_bp, surplus_in, case_cap)
    limit = 0 if operator_bears else None if case_cap is None else case_cap * members
    cases = tuple(_case(benefit, fee(benefit, fee_bp), limit, count) for benefit, count in benefits)
    borne = sum(case.borne_fen * case.count for case in cases)
    pool = max(0, borne - surplus_in)
    share = -(-pool // members)  # rounded up to the fen
    left_of_surplus = surplus_in - (borne - pool)
    return Quote(
        members=members,
        benefits_fen=sum(case.benefit_fen * case.count for case in cases),
        fees_fen=sum(case.fee_fen * case.count for case in cases),
        operator_fen=sum(case.operator_fen * case.count for case in cases),
        pool_fen=pool,
        share_fen=share,
        surplus_in_fen=surplus_in,
        surplus_out_fen=share * members - pool + left_of_surplus,
        cases=cases,
        fee_bp=fee_bp,
        case_cap_fen=case_cap,
        operator_bears=operator_bears,
    )


def _case(benefit: int, its_fee: int, limit: int | None, count: int) -> CaseCost:
    cost = benefit + its_fee
    return CaseCost(benefit, its_fee, cost if limit is None else min(cost, limit), count)


def _refuse_nonsense(
    members: int,
    benefits: Iterable[tuple[int, int]],
    fee_bp: int,
    surplus_in: int,
    case_cap: int | None,
) -> None:
    if members == 0:
        raise NoMembers(_("There is no member to share the cost. The period stays open."))
    if members < 0:
        raise ValueError(_("The number of members cannot be negative."))
    if any(benefit < 0 or count < 0 for benefit, count in benefits):
        raise ValueError(_("A benefit and a number of cases cannot be negative."))
    if fee_bp < 0:
        raise ValueError(_("The fee cannot be negative."))
    if surplus_in < 0:
        raise ValueError(_("The surplus cannot be negative."))
    if case_cap is not None and case_cap < 0:
        raise ValueError(_("The cap per case cannot be negative."))


def charge(share: int, annual_cap: int | None, charged_so_far: int) -> int:
    """What one membership is charged of a share, in fen; the operator bears the rest.

    `charged_so_far`: the charges of this member, plan and calendar year of the split date.
    """
    if share < 0 or charged_so_far < 0 or (annual_cap is not None and annual_cap < 0):
        raise ValueError(_("A share, a cap and a charge cannot be negative."))
    return share if annual_cap is None else max(0, min(share, annual_cap - charged_so_far))


def _borne(quoted: Quote, case: CaseCost) -> int:
    if quoted.operator_bears:
        return 0
    if quoted.case_cap_fen is None or case.cost_fen < quoted.case_cap_fen * quoted.members:
        return case.cost_fen
    return quoted.case_cap_fen * quoted.members


# Each identity of design §6, said again without the code above: a figure that is one fen off
# breaks at least one of them.
IDENTITIES: dict[str, Callable[[Quote], bool]] = {
    "benefits are the sum of the cases": lambda q: (
        q.benefits_fen == sum(c.benefit_fen * c.count for c in q.cases)
    ),
    "fees are the sum of the cases": lambda q: (
        q.fees_fen == sum(c.fee_fen * c.count for c in q.cases)
    ),
    "each fee is half up to the fen": lambda q: all(
        BASIS_POINTS * (2 * c.fee_fen - 1)
        <= 2 * c.benefit_fen * q.fee_bp
        < BASIS_POINTS * (2 * c.fee_fen + 1)
        for c in q.cases
    ),
    "members bear each case up to its cap": lambda q: all(
        c.borne_fen == _borne(q, c) for c in q.cases
    ),
    "the operator bears the rest": lambda q: (
        q.operator_fen == q.benefits_fen + q.fees_fen - sum(c.borne_fen * c.count for c in q.cases)
    ),
    "the pool is what is borne less the surplus, never below nothing": lambda q: (
        q.pool_fen == max(0, sum(c.borne_fen * c.count for c in q.cases) - q.surplus_in_fen)
    ),
    "the share is the least that fills the pool": lambda q: (
        q.members > 0 and (q.share_fen - 1) * q.members < q.pool_fen <= q.share_fen * q.members
    ),
    "a period that the operator bears costs its members nothing": lambda q: (
        not q.operator_bears or q.share_fen == q.pool_fen == 0
    ),
    "nothing is negative": lambda q: (
        min(q.benefits_fen, q.fees_fen, q.operator_fen, q.pool_fen, q.share_fen) >= 0
        and min(q.surplus_in_fen, q.surplus_out_fen) >= 0
    ),
    "what comes in goes out": lambda q: (
        q.share_fen * q.members + q.operator_fen + q.surplus_in_fen
        == q.benefits_fen + q.fees_fen + q.surplus_out_fen
    ),
}


def check(quoted: Quote) -> list[str]:
    """The identities of design §6 that this quote breaks; an empty list proves them all."""
    return [name for name, holds in IDENTITIES.items() if not holds(quoted)]


@dataclass(frozen=True, slots=True, order=True)
class Half:
    """Half a month of a plan, named by the month in which it is disclosed and split.

    half 1: granted before 00:00 of the 1st, roster 7th, split 14th;
    half 2: granted before 00:00 of the 16th, roster 21st, split 28th. All in Asia/Shanghai.
    """

    year: int
    month: int
    half: Literal[1, 2]

    @classmethod
    def of(cls, instant: datetime) -> Half:
        """The half that a case granted at that aware instant enters: the first cutoff after it."""
        on = day(instant)
        if on.day < 16:  # noqa: PLR2004 the 16th is the rule
            return cls(on.year, on.month, 2)
        return cls(on.year, on.month, 2).next()

    @property
    def cutoff(self) -> datetime:
        """Cases granted before this instant are in (unless an earlier half has them)."""
        return self._midnight(1, 16)

    @property
    def roster_at(self) -> datetime:
        """The roster is locked: who is a member now shares, also who still waits."""
        return self._midnight(7, 21)

    @property
    def disclose_at(self) -> datetime:
        """By now the page is up: 09:00 of the day of the roster."""
        return self.roster_at + DISCLOSED_BY

    @property
    def split_at(self) -> datetime:
        """Not before this instant, and not before seven days of disclosure, is it split."""
        return self._midnight(14, 28)

    @property
    def pay_by(self) -> datetime:
        """Payouts follow within seven days of the split."""
        return self.split_at + PAID_WITHIN

    def next(self) -> Half:
        if self.half == 1:
            return Half(self.year, self.month, 2)
        return Half(self.year + self.month // 12, self.month % 12 + 1, 1)

    def previous(self) -> Half:
        if self.half == 2:  # noqa: PLR2004
            return Half(self.year, self.month, 1)
        return Half(self.year - (self.month == 1), (self.month - 2) % 12 + 1, 2)

    def _midnight(self, first: int, second: int) -> datetime:
        return midnight(date(self.year, self.month, first if self.half == 1 else second))
