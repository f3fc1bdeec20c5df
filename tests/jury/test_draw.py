"""The draw: repeatable by an outsider, fair, and unmoved by who is left out."""

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jury.draw import TooFewJurors, commitment, draw, roster_digest

SEED = bytes(range(32))
rosters = st.sets(st.integers(1, 10**12), min_size=1, max_size=40).map(sorted)
seeds = st.binary(min_size=32, max_size=32)


def by_hand(roster: list[int], seed: bytes, case: str) -> list[int]:
    """As docs tell an outsider to do it."""
    return sorted(roster, key=lambda n: sha256(seed + f"|{case}|{n}".encode()).hexdigest())


@given(rosters, seeds, st.text(max_size=8))
def test_an_outsider_draws_the_same(roster: list[int], seed: bytes, case: str) -> None:
    drawn = draw(roster, seed=seed, case=case, panel=1)

    assert drawn == by_hand(roster, seed, case)
    assert sorted(drawn) == roster


@given(rosters, seeds, st.data())
def test_leaving_somebody_out_moves_nobody_else(
    roster: list[int], seed: bytes, data: st.DataObject
) -> None:
    excluded = data.draw(st.sets(st.sampled_from(roster)))

    drawn = draw(roster, seed=seed, case="A1", panel=0, excluded=excluded)

    everybody = draw(roster, seed=seed, case="A1", panel=0)
    assert drawn == [juror for juror in everybody if juror not in excluded]


def test_a_known_draw_stays_as_it_was_published() -> None:
    drawn = draw([1, 2, 3, 4, 5], seed=SEED, case="C-1", panel=3)

    assert drawn == [1, 5, 2, 4, 3]
    assert draw([1, 2, 3, 4, 5], seed=SEED, case="C-2", panel=3) != drawn
    assert draw([1, 2, 3, 4, 5], seed=bytes(32), case="C-1", panel=3) != drawn


def test_every_juror_is_drawn_about_equally_often_and_independently_of_the_last_draw() -> None:
    roster, panel, cases = list(range(100, 150)), 5, 4000
    times = dict.fromkeys(roster, 0)
    again = 0
    panels = [
        set(draw(roster, seed=SEED, case=f"case {n}", panel=panel)[:panel]) for n in range(cases)
    ]

    for drawn in panels:
        for juror in drawn:
            times[juror] += 1
    again = sum(len(one & two) for one, two in pairwise(panels))

    expected = cases * panel / len(roster)
    chi_square = sum((n - expected) ** 2 / expected for n in times.values())
    # 49 degrees of freedom, thinned by drawing without replacement: 99.9 % lies below 85.
    assert chi_square < 85
    # Two panels of 5 out of 50 share half a juror on average.
    assert abs(again / (cases - 1) - 0.5) < 0.05


def test_each_place_of_the_order_is_equally_likely() -> None:
    roster = [1, 2, 3]
    orders = [tuple(draw(roster, seed=SEED, case=str(n), panel=3)) for n in range(6000)]

    counts = [orders.count(order) for order in sorted(set(orders))]

    assert len(counts) == 6
    assert sum((n - 1000) ** 2 / 1000 for n in counts) < 20.5  # 5 degrees of freedom, 99.9 %


def test_too_few_jurors_are_told() -> None:
    with pytest.raises(TooFewJurors, match=r"3.*2|2.*3"):
        draw([1, 2, 3], seed=SEED, case="A", panel=3, excluded=[2])


@pytest.mark.parametrize("roster", [[2, 1], [1, 1], [1, 3, 2]])
def test_a_roster_out_of_order_is_refused(roster: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        draw(roster, seed=SEED, case="A", panel=1)
    with pytest.raises(ValueError, match="ascending"):
        roster_digest(roster)


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        draw([1], seed=b"seed", case="A", panel=1)
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"seed")


def test_the_digests_are_those_of_sha256sum() -> None:
    assert roster_digest([1, 20, 300]) == sha256(b"1\n20\n300\n").digest()
    assert roster_digest([]) == sha256(b"").digest()
    assert roster_digest([1, 20]) != roster_digest([12, 20])
    assert commitment(SEED) == sha256(SEED).digest()
