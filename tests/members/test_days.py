"""Days that go wrong elsewhere, in one table: birthdays, leap days, midnight and the summer time
that China kept from 1986 to 1991. And what holds for every day, by trial."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members import rules
from mutualaid import clock
from mutualaid.clock import SHANGHAI

# The instant (as UTC, whatever a server's zone is), a birth; the Shanghai day and the age on it.
TABLE = [
    # birthdays: a year older from 00:00 of the day
    ("2021-12-01T15:59:59", "1981-12-02", "2021-12-01", 39),
    ("2021-12-01T16:00:00", "1981-12-02", "2021-12-02", 40),
    ("2021-12-02T15:59:59", "1981-12-02", "2021-12-02", 40),
    ("2021-12-31T15:59:59", "1962-01-01", "2021-12-31", 59),
    ("2021-12-31T16:00:00", "1962-01-01", "2022-01-01", 60),
    ("2021-12-01T04:00:00", "2021-12-01", "2021-12-01", 0),
    # leap days: on 29 February where there is one, else on 1 March
    ("2024-02-28T16:00:00", "2000-02-29", "2024-02-29", 24),
    ("2024-02-28T15:59:59", "2000-02-29", "2024-02-28", 23),
    ("2021-02-28T15:59:59", "2000-02-29", "2021-02-28", 20),
    ("2021-02-28T16:00:00", "2000-02-29", "2021-03-01", 21),
    ("2100-02-28T16:00:00", "2000-02-29", "2100-03-01", 100),  # 2100 is no leap year
    ("2000-02-29T04:00:00", "1900-02-28", "2000-02-29", 100),  # 2000 is one
    # summer time: one hour ahead, from a Sunday of spring to one of autumn
    ("1986-05-03T17:00:00", "1970-05-04", "1986-05-04", 16),  # the first hour of it
    ("1986-05-03T15:59:59", "1970-05-04", "1986-05-03", 15),
    ("1988-07-01T14:59:59", "1970-07-02", "1988-07-01", 17),  # 23:59 in summer time
    ("1988-07-01T15:00:00", "1970-07-02", "1988-07-02", 18),  # 00:00: an hour earlier than now
    ("1991-09-14T15:00:00", "1951-09-15", "1991-09-15", 40),  # the last midnight of it
    ("1991-09-15T16:00:00", "1951-09-16", "1991-09-16", 40),  # the next one, without it
    ("1991-09-15T15:30:00", "1951-09-16", "1991-09-15", 39),
    ("1992-07-01T15:30:00", "1970-07-02", "1992-07-01", 21),  # never again
]


@pytest.mark.parametrize(("utc", "born", "on", "age"), TABLE)
def test_the_day_in_shanghai_and_the_age_on_it(utc: str, born: str, on: str, age: int) -> None:
    instant = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    day = clock.day(instant)

    assert day == date.fromisoformat(on)
    assert rules.age_on(date.fromisoformat(born), day) == age


@pytest.mark.parametrize(
    ("on", "hours"), [("1988-07-01", 24), ("1988-04-17", 23), ("1988-09-11", 25)]
)
def test_a_day_of_summer_time_begins_once_whatever_its_length(on: str, hours: int) -> None:
    day = date.fromisoformat(on)
    begins = clock.midnight(day).astimezone(UTC)

    assert clock.day(begins) == day
    assert clock.day(begins - timedelta(seconds=1)) == day - timedelta(days=1)
    assert clock.midnight(day + timedelta(days=1)).astimezone(UTC) - begins == timedelta(
        hours=hours
    )


# Waiting is counted in days, so that an hour more or less changes nothing.
@pytest.mark.parametrize(
    ("joined", "waits", "covered"),
    [
        ("2021-12-01T15:59:59", 90, "2022-03-01"),
        ("2021-12-01T16:00:00", 90, "2022-03-02"),
        ("2024-02-28T16:00:00", 365, "2025-02-28"),
        ("2023-12-01T04:00:00", 90, "2024-02-29"),
        ("1988-03-01T04:00:00", 90, "1988-05-30"),  # across the beginning of summer time
        ("1988-07-01T15:00:00", 90, "1988-09-30"),  # across its end
        ("2021-12-01T15:59:59", 0, "2021-12-01"),
    ],
)
def test_the_first_day_of_cover(joined: str, waits: int, covered: str) -> None:
    on = clock.day(datetime.fromisoformat(joined).replace(tzinfo=UTC))

    assert rules.covered_from(on, waits) == date.fromisoformat(covered)


INSTANTS = st.integers(-20 * 365 * 86_400, 130 * 365 * 86_400).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@given(INSTANTS)
def test_every_instant_is_in_the_day_that_begins_at_its_midnight(instant: datetime) -> None:
    on = clock.day(instant)

    begins = clock.midnight(on).astimezone(UTC)
    ends = clock.midnight(on + timedelta(days=1)).astimezone(UTC)
    assert begins <= instant < ends
    assert instant.astimezone(SHANGHAI).date() == on


@given(INSTANTS, st.integers(0, 400))
def test_nobody_is_covered_before_every_waiting_day_is_over(joined: datetime, waits: int) -> None:
    on = clock.day(joined)

    covered = rules.covered_from(on, waits)

    waited = [on + timedelta(days=n) for n in range(waits)]
    assert covered not in waited
    assert covered == (waited[-1] + timedelta(days=1) if waited else on)


@given(
    st.integers(0, 100),
    st.integers(0, 400),
    st.integers(0, 400),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_the_longer_wait_is_for_who_has_reached_the_age_and_nobody_else(
    age: int, days: int, longer: int, from_age: int | None
) -> None:
    waits = rules.waiting_days(
        age=age, days=days, longer_from_age=from_age, longer_days=longer if from_age else None
    )

    assert waits == (longer if from_age and age >= from_age else days)


@given(DAYS, st.integers(0, 40_000))
def test_everybody_is_in_one_band_of_age_on_every_day(born: date, days: int) -> None:
    """A birthday may move to the next band, and no day moves back or skips one."""
    on, after = born + timedelta(days=days), born + timedelta(days=days + 1)
    age, older = rules.age_on(born, on), rules.age_on(born, after)
    names = [name for _start, name in rules.AGE_BANDS]

    here, there = names.index(rules.age_band(age)), names.index(rules.age_band(older))

    assert here <= there <= here + 1
    assert (there > here) == (older > age and older in [start for start, _name in rules.AGE_BANDS])
