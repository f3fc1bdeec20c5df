"""A notice is a code and facts; its words are made for its reader."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from members import actions, notices
from tests import make

FACTS = {
    "name": "林**",
    "number": "M000000007",
    "joined_on": "2021-12-01",
    "covered_on": "2022-03-01",
    "ended_on": "2021-12-03",
    "age": 59,
}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("code", ["joined", "left", "aged_out"])
def test_a_notice_says_name_number_and_dates(code: str, language: str) -> None:
    with override(language):
        title, text = notices.render(code, FACTS)

    assert "林**" in title
    assert "M000000007" in text
    assert "2021" in text
    assert "%(" not in title + text


def test_dates_and_sums_are_written_for_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notices.CODES, "test", ("%(sum_fen)s", "%(split_on)s, %(read_at)s"))
    facts = {"sum_fen": 70_200, "split_on": "2021-12-14", "read_at": "2021-12-09T06:11:00+00:00"}

    with override("en"):
        assert notices.render("test", facts) == (
            "702.00",
            "14 December 2021, 9 December 2021, 14:11",
        )


@pytest.mark.django_db
def test_a_missing_fact_is_found_by_the_writer() -> None:
    with pytest.raises(KeyError):
        actions.notify(code="joined", facts={}, at=make.NOON, account_id=make.account().pk)
