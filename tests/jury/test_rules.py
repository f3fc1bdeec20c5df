"""The pure rules of the office and the exam: domain.md §3a."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from jury import rules

ON = date(2021, 12, 1)
READY: dict[str, Any] = {
    "born": date(1980, 3, 3),
    "joined_on": date(2021, 6, 1),
    "days": 30,
    "passed": True,
}


def test_a_grown_paying_member_of_thirty_days_with_the_exam_may_serve() -> None:
    assert rules.may_serve(rules.conditions(**READY, on=ON))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"born": date(2003, 12, 2)}, {"adult"}),
        ({"born": None}, {"adult"}),
        ({"joined_on": None}, {"member", "days"}),
        ({"joined_on": date(2021, 11, 2)}, {"days"}),
        ({"passed": False}, {"exam"}),
    ],
)
def test_who_lacks_a_condition_may_not_and_learns_which(
    change: dict[str, object], missing: set[str]
) -> None:
    found = rules.conditions(**(READY | change), on=ON)

    assert {condition.code for condition in found if not condition.met} == missing
    assert not rules.may_serve(found)


def test_the_thirtieth_day_and_the_birthday_count() -> None:
    edge = READY | {"born": date(2003, 12, 1), "joined_on": date(2021, 11, 1)}

    assert rules.may_serve(rules.conditions(**edge, on=ON))


def test_a_condition_not_met_yet_says_from_when() -> None:
    found = rules.conditions(**(READY | {"joined_on": date(2021, 11, 20)}), on=ON)

    assert [c.when for c in found if c.code == "days"] == [date(2021, 12, 20)]


def test_somebody_born_on_a_leap_day_is_of_age_on_the_first_of_march() -> None:
    assert rules.birthday(date(2004, 2, 29), 18) == date(2022, 3, 1)


@pytest.mark.parametrize(("failures", "hours"), [(0, 0), (1, 1), (2, 2), (3, 4), (6, 24), (99, 24)])
def test_the_wait_after_a_failed_exam_doubles_to_a_day(failures: int, hours: int) -> None:
    assert rules.wait(failures) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("available", "seats"), [(100, 31), (31, 31), (25, 25), (21, 21), (20, None), (0, None)]
)
def test_a_panel_is_as_large_as_jurors_allow_but_never_below_quorum(
    available: int, seats: int | None
) -> None:
    assert rules.panel_size(wanted=31, available=available, quorum=21) == seats


def test_white_space_is_no_reason() -> None:
    assert not rules.long_enough("不 " * 19)
    assert rules.long_enough("不 " * 20)
