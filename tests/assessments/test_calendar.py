"""The calendar of a plan: cutoff, roster, disclosure, split (design §6)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessments.rules import Half
from mutualaid.clock import SHANGHAI


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


halves = st.builds(Half, st.integers(2000, 2100), st.integers(1, 12), st.sampled_from([1, 2]))


def test_the_first_half_is_cut_on_the_1st_and_split_on_the_14th() -> None:
    half = Half(2021, 12, 1)

    assert half.cutoff == at("2021-12-01 00:00")
    assert half.roster_at == at("2021-12-07 00:00")
    assert half.disclose_at == at("2021-12-07 09:00")
    assert half.split_at == at("2021-12-14 00:00")
    assert half.pay_by == at("2021-12-21 00:00")


def test_the_second_half_is_cut_on_the_16th_and_split_on_the_28th() -> None:
    half = Half(2022, 2, 2)

    assert half.cutoff == at("2022-02-16 00:00")
    assert half.roster_at == at("2022-02-21 00:00")
    assert half.disclose_at == at("2022-02-21 09:00")
    assert half.split_at == at("2022-02-28 00:00")


@pytest.mark.parametrize(
    ("granted", "half"),
    [
        ("2021-11-30 23:59:59", Half(2021, 12, 1)),
        ("2021-12-01 00:00", Half(2021, 12, 2)),
        ("2021-12-15 23:59:59", Half(2021, 12, 2)),
        ("2021-12-16 00:00", Half(2022, 1, 1)),
        ("2021-12-31 12:00", Half(2022, 1, 1)),
        ("2022-01-01 00:00", Half(2022, 1, 2)),
    ],
)
def test_a_granted_case_enters_the_first_half_whose_cutoff_is_still_to_come(
    granted: str, half: Half
) -> None:
    assert Half.of(at(granted)) == half


def test_the_day_is_that_of_shanghai_whatever_zone_the_instant_is_in() -> None:
    assert Half.of(datetime(2021, 12, 15, 16, 0, tzinfo=UTC)) == Half(2022, 1, 1)
    assert Half.of(datetime(2021, 12, 15, 15, 59, tzinfo=UTC)) == Half(2021, 12, 2)


@given(halves)
def test_the_halves_follow_each_other(half: Half) -> None:
    after = half.next()

    assert after.previous() == half
    assert half < after
    assert half.cutoff < half.roster_at < half.disclose_at < half.split_at < half.pay_by
    assert half.split_at < after.cutoff
    assert half.split_at - half.roster_at == timedelta(days=7)
    assert half.split_at.year == half.year


@given(halves, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_every_instant_belongs_to_exactly_one_half(half: Half, later: timedelta) -> None:
    instant = half.cutoff + later

    found = Half.of(instant)

    assert found.previous().cutoff <= instant < found.cutoff
