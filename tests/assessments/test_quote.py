"""The split of a period: design §6 to the fen, against a reference that shares none of its code."""

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.rules import IDENTITIES, NoMembers, charge, check, quote, quote_counted


def reference(
    *, n: int, benefits: list[int], bp: int, surplus: int, cap: int | None, operator: bool
) -> tuple[Fraction | int, ...]:
    fees = [floor(Fraction(b * bp, 10_000) + Fraction(1, 2)) for b in benefits]
    costs = [b + f for b, f in zip(benefits, fees, strict=True)]
    borne = [0 if operator else c if cap is None else min(c, cap * n) for c in costs]
    pool = max(sum(borne) - surplus, 0)
    share = ceil(Fraction(pool, n))
    out = share * n + (sum(costs) - sum(borne)) + surplus - sum(costs)
    return sum(benefits), sum(fees), sum(costs) - sum(borne), pool, share, out


@settings(max_examples=5000, deadline=None)
@given(
    members=st.one_of(st.integers(1, 12), st.integers(1, 10**8)),
    benefits=st.lists(st.one_of(st.integers(0, 300), st.integers(0, 10**9)), max_size=12),
    fee_bp=st.one_of(st.sampled_from([0, 800, 1000]), st.integers(0, 1000)),
    surplus=st.one_of(st.just(0), st.integers(0, 500), st.integers(0, 10**9)),
    cap=st.one_of(st.none(), st.integers(0, 200)),
    operator=st.booleans() | st.just(False),
)
def test_every_period_is_split_as_the_reference_says(
    *, members: int, benefits: list[int], fee_bp: int, surplus: int, cap: int | None, operator: bool
) -> None:
    got = quote(
        members=members,
        benefits=benefits,
        fee_bp=fee_bp,
        surplus_in=surplus,
        case_cap=cap,
        operator_bears=operator,
    )

    assert (
        got.benefits_fen,
        got.fees_fen,
        got.operator_fen,
        got.pool_fen,
        got.share_fen,
        got.surplus_out_fen,
    ) == reference(
        n=members, benefits=benefits, bp=fee_bp, surplus=surplus, cap=cap, operator=operator
    )
    assert check(got) == []
    assert [case.benefit_fen for case in got.cases] == benefits


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 9)), max_size=6),
    st.integers(1, 10**6),
    st.integers(0, 10**6),
)
def test_counted_cases_are_the_same_as_listed_ones(
    pairs: list[tuple[int, int]], members: int, surplus: int
) -> None:
    listed = [benefit for benefit, count in pairs for _ in range(count)]

    one = quote_counted(
        members=members, benefits=pairs, fee_bp=800, surplus_in=surplus, case_cap=10
    )
    two = quote(members=members, benefits=listed, fee_bp=800, surplus_in=surplus, case_cap=10)

    assert replace(one, cases=()) == replace(two, cases=())


def test_the_real_plan_of_december_2021_shares_7_02_yuan() -> None:
    got = quote_counted(
        members=71_177_000, benefits=[(30_000_000, 800), (10_000_000, 2226)], fee_bp=800
    )

    assert got.share_fen == 702
    assert check(got) == []


def test_three_members_share_one_yuan_and_two_fen_are_left_over() -> None:
    got = quote(members=3, benefits=[100], fee_bp=0)

    assert (got.share_fen, got.surplus_out_fen) == (34, 2)


def test_what_was_left_over_lowers_the_next_period() -> None:
    got = quote(members=3, benefits=[100], fee_bp=0, surplus_in=2)

    assert (got.pool_fen, got.share_fen, got.surplus_out_fen) == (98, 33, 1)


def test_a_surplus_larger_than_the_cost_is_kept() -> None:
    got = quote(members=3, benefits=[100], fee_bp=800, surplus_in=1000)

    assert (got.pool_fen, got.share_fen, got.surplus_out_fen) == (0, 0, 892)


def test_the_operator_bears_what_is_above_the_cap_of_a_case() -> None:
    got = quote(members=100, benefits=[5000, 500], fee_bp=800, case_cap=10)

    assert [(c.cost_fen, c.borne_fen) for c in got.cases] == [(5400, 1000), (540, 540)]
    assert (got.operator_fen, got.pool_fen, got.share_fen) == (4400, 1540, 16)


def test_a_period_that_the_operator_bears_costs_nobody_anything() -> None:
    got = quote(members=7, benefits=[100, 200], fee_bp=800, surplus_in=5, operator_bears=True)

    assert (got.share_fen, got.pool_fen) == (0, 0)
    assert (got.operator_fen, got.surplus_out_fen) == (324, 5)


def test_fees_are_rounded_case_by_case() -> None:
    # 8 % of 56 fen is 4.48, of 57 is 4.56, of 25 at 2 % is 0.5: up.
    assert [c.fee_fen for c in quote(members=1, benefits=[56, 57], fee_bp=800).cases] == [4, 5]
    assert quote(members=1, benefits=[25, 25], fee_bp=200).fees_fen == 2


def test_a_period_without_cases_passes_the_surplus_on() -> None:
    got = quote(members=7, benefits=[], fee_bp=800, surplus_in=5)

    assert (got.share_fen, got.surplus_out_fen) == (0, 5)


def test_nobody_to_share_is_refused() -> None:
    with pytest.raises(NoMembers):
        quote(members=0, benefits=[100], fee_bp=800)
    with pytest.raises(NoMembers):
        quote(members=0, benefits=[100], fee_bp=800, operator_bears=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": -1},
        {"benefits": [100, -1]},
        {"fee_bp": -1},
        {"surplus_in": -1},
        {"case_cap": -1},
    ],
)
def test_negative_figures_are_refused_with_a_sentence(wrong: dict[str, int]) -> None:
    right = {"members": 3, "benefits": [100], "fee_bp": 800}

    with pytest.raises(ValueError, match=r"[.。]$"):
        quote(**(right | wrong))  # type: ignore[arg-type]


AMOUNTS = ["benefits_fen", "fees_fen", "operator_fen", "pool_fen", "share_fen"]


@pytest.mark.parametrize("field", [*AMOUNTS, "surplus_in_fen", "surplus_out_fen"])
@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("operator_bears", [False, True])
def test_a_figure_that_is_one_fen_off_breaks_an_identity(
    field: str, by: int, operator_bears: bool
) -> None:
    right = quote(
        members=100,
        benefits=[5000, 500],
        fee_bp=800,
        surplus_in=7,
        case_cap=10,
        operator_bears=operator_bears,
    )

    wrong = replace(right, **{field: getattr(right, field) + by})

    assert check(right) == []
    assert check(wrong)


@pytest.mark.parametrize("field", ["benefit_fen", "fee_fen", "borne_fen"])
@pytest.mark.parametrize("cap", [None, 10])
def test_a_case_that_is_one_fen_off_breaks_an_identity(field: str, cap: int | None) -> None:
    right = quote(members=100, benefits=[5000], fee_bp=800, case_cap=cap)

    case = replace(right.cases[0], **{field: getattr(right.cases[0], field) + 1})

    assert check(replace(right, cases=(case,)))


def test_each_identity_can_fail() -> None:
    """A check that nothing can break proves nothing."""
    right = quote(members=100, benefits=[5000], fee_bp=800, surplus_in=7, case_cap=10)
    borne = quote(members=100, benefits=[5000], fee_bp=800, operator_bears=True)
    case = right.cases[0]
    wrong = [
        replace(right, **{field: getattr(right, field) + 1})
        for field in [*AMOUNTS, "surplus_out_fen"]
    ]
    wrong += [replace(right, surplus_out_fen=-1), replace(borne, pool_fen=1, share_fen=1)]
    wrong += [replace(right, cases=(replace(case, fee_fen=case.fee_fen + 1),))]
    wrong += [replace(right, cases=(replace(case, borne_fen=case.borne_fen + 1),))]

    assert {name for quoted in wrong for name in check(quoted)} == set(IDENTITIES)


@pytest.mark.parametrize(
    ("share", "cap", "so_far", "charged"),
    [
        (702, None, 10**9, 702),
        (702, 18_800, 0, 702),
        (702, 18_800, 18_098, 702),
        (702, 18_800, 18_099, 701),
        (702, 18_800, 18_800, 0),
        (702, 18_800, 19_000, 0),
        (0, 0, 0, 0),
    ],
)
def test_a_year_costs_no_more_than_its_cap(
    share: int, cap: int | None, so_far: int, charged: int
) -> None:
    assert charge(share, cap, so_far) == charged


@pytest.mark.parametrize("wrong", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_a_negative_charge_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"[.。]$"):
        charge(*wrong)
