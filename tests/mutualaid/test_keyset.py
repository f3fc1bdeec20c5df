"""The list of a very large table: complete, stable, uncounted. Sessions stand in for members."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from mutualaid.keyset import KeysetAdmin, KeysetPaginator, Page

pytestmark = pytest.mark.django_db

NEWEST = ("-expire_date", "-session_key")
START = datetime(2026, 1, 1, tzinfo=UTC)


class SessionAdmin(KeysetAdmin):
    keyset = NEWEST
    exact = ("session_key",)


@pytest.fixture(autouse=True)
def rows() -> None:
    """Fifty-three; many share a day, and no page ends with a day."""
    Session.objects.bulk_create(
        Session(session_key=f"k{n:04}", session_data="", expire_date=START + timedelta(n // 9))
        for n in range(53)
    )


def key(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def pages(order: tuple[str, ...] = NEWEST, per_page: int = 10) -> KeysetPaginator[Session]:
    return KeysetPaginator(Session.objects.all(), order, per_page)


def walk(
    paginator: KeysetPaginator[Session], token: str | None, step: Literal["next", "previous"]
) -> Iterator[Page]:
    while token is not None:
        page = paginator.page(token)
        yield page
        token = page[step]


def changelist(**query: str) -> Any:
    request = RequestFactory().get("/", query)
    request.user = SimpleNamespace(  # type: ignore[assignment]
        is_active=True, is_staff=True, pk=1, has_perm=lambda *_: True
    )
    return SessionAdmin(Session, AdminSite()).get_changelist_instance(request)


@pytest.mark.parametrize(
    "order", [NEWEST, ("expire_date", "session_key"), ("-pk",), ("session_key",)], ids=str
)
def test_forward_shows_every_row_once_in_order(order: tuple[str, ...]) -> None:
    seen = [row.pk for page in walk(pages(order), "", "next") for row in page["rows"]]

    assert seen == list(Session.objects.order_by(*order).values_list("pk", flat=True))


def test_backward_is_forward_reversed() -> None:
    seen = [row.pk for page in walk(pages(), "last", "previous") for row in reversed(page["rows"])]

    oldest = Session.objects.order_by("expire_date", "session_key")
    assert seen == list(oldest.values_list("pk", flat=True))


def test_the_ends_offer_no_further_step() -> None:
    first, last = pages().page(""), pages().page("last")

    assert (first["first"], first["previous"]) == (None, None)
    assert (last["next"], last["last"]) == (None, None)
    assert (first["next"] or "").startswith("after.")
    assert (last["previous"] or "").startswith("before.")


def test_one_page_offers_no_step_at_all() -> None:
    page = pages(per_page=53).page("")

    assert {page["first"], page["previous"], page["next"], page["last"]} == {None}


def test_a_row_added_meanwhile_moves_nothing() -> None:
    second = pages().page("")["next"] or ""
    before = [row.pk for row in pages().page(second)["rows"]]

    Session.objects.create(
        session_key="new", session_data="", expire_date=START + timedelta(days=300)
    )

    assert [row.pk for row in pages().page(second)["rows"]] == before


def test_beyond_what_was_deleted_lies_the_last_page() -> None:
    first = pages().page("")
    kept = [row.pk for row in first["rows"]]

    Session.objects.exclude(pk__in=kept).delete()

    assert [row.pk for row in pages().page(first["next"] or "")["rows"]] == kept


def test_a_keyset_runs_in_one_direction() -> None:
    with pytest.raises(ValueError, match="one direction"):
        pages(order=("-expire_date", "session_key"))


def test_a_keyset_ends_in_a_unique_column() -> None:
    with pytest.raises(ValueError, match="unique"):
        pages(order=("-expire_date",))


@pytest.mark.parametrize("token", ["", "last", "after"])
def test_the_list_neither_counts_nor_skips(token: str) -> None:
    query = {"p": pages(per_page=50).page("")["next"] or ""} if token == "after" else {"p": token}

    with CaptureQueriesContext(connection) as queries:
        changelist(**query)

    assert len(queries) == 1
    said = queries[0]["sql"]
    assert "COUNT(" not in said
    assert "OFFSET" not in said
    assert "LIMIT 51" in said


DAY = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "token",
    [
        "7", "after", "after.", "after.!!", "after." + key(), "after." + key(DAY),
        "after." + key("x", "1"), "after." + key(DAY, "\0"), "after." + key({}),
        "last." + key(DAY, "1"), "sideways." + key(DAY, "1"), "after." + "W" * 5000,
    ],
)  # fmt: skip
def test_a_forged_token_is_refused(token: str) -> None:
    with pytest.raises(IncorrectLookupParameters):
        changelist(p=token)


@pytest.mark.parametrize(
    ("term", "found"),
    [("k0007", 1), (" k0007 ", 1), ("k000", 0), ("K0007", 0), ("", 50)],
)
def test_search_finds_whole_values_only(term: str, found: int) -> None:
    assert len(changelist(q=term).result_list) == found


def test_a_filter_starts_at_its_first_page() -> None:
    assert "p=" not in changelist(p="last").get_query_string({"session_key": "k0001"})
