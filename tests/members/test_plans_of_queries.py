"""No page reads a table of the size of all members from end to end: by the plans of its queries, in
a database that is large enough for the planner to care."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members import bulk_bench
from members.models import Account
from mutualaid.plans import whole_reads
from tests import make

ROWS = 30_000
ONE = bulk_bench.FIRST + 12_344  # even: holds the account
TABLES = bulk_bench.MEMBER_SCALE
MOST = 100  # queries of one page; the desk's lists need a dozen
LISTS = ("member", "membership", "account", "accessrecord")
ACCESS = yaml.safe_load((Path(__file__).parent.parent / "access.yaml").read_text())


def own_pages() -> list[str]:
    """The pages of somebody who has logged in that need nothing in their address."""
    return [
        name
        for name, row in ACCESS["rows"].items()
        if row.get("GET") in ("accounts", "everyone") and "args" not in row and "by" not in row
        and ":" in name and "*" not in name and not name.startswith("admin:")
    ]  # fmt: skip


def asked(client: Client, url: str, **data: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(url, data)
    assert answer.status_code in {200, 302}, (url, data, answer.status_code)
    assert len(captured) <= MOST, (url, len(captured))
    return [query["sql"] for query in captured.captured_queries]


def desk_pages() -> list[tuple[str, dict[str, str]]]:
    lists = [reverse(f"admin:members_{name}_changelist") for name in LISTS]
    members, memberships, accounts, records = lists
    return [
        *((url, {}) for url in lists),
        *((url, {"p": "last"}) for url in lists),
        *((members, {"q": term}) for term in terms()),
        (members, {"q": "王", "p": "last"}),
        (memberships, {"q": f"M{ONE}"}),
        (accounts, {"q": "13812345678"}),
        (accounts, {"q": f"p{ONE}@bench.invalid"}),
        (records, {"q": str(ONE)}),
        *(
            (reverse(f"admin:members_{name}_change", args=[ONE]), {})
            for name in ("member", "membership", "account")
        ),
    ]


def terms() -> list[str]:
    return [
        "13812345678",
        "王",
        "王小",
        "欧阳",
        f"M{ONE}",
        f"p{ONE}@bench.invalid",
        NUMBER,
        "赵钱孙",
    ]


NUMBER = "330102198505051238"


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_no_page_reads_a_table_of_members_from_end_to_end() -> None:
    plan = make.plan()
    bulk_bench.fill(plan=plan, rows=ROWS)
    bulk_bench.name_number(member_id=ONE, id_number=NUMBER, phone="13812345678")
    desk, own = make.desk_client(make.staff("data_officer")), Client()
    own.force_login(Account.objects.get(pk=ONE))
    found: dict[str, list[tuple[str, str]]] = {}

    for url, data in desk_pages():
        found[f"{url} {data}"] = whole_reads(asked(desk, url, **data), TABLES)
    for name in own_pages():
        found[name] = whole_reads(asked(own, reverse(name)), TABLES)

    strange = {page: reads for page, reads in found.items() if reads}
    assert not strange, "\n".join(f"{page}: {reads}" for page, reads in strange.items())
    assert len(found) > 40


@pytest.mark.django_db
def test_the_test_can_fail() -> None:
    query = "SELECT name FROM members_member WHERE sex = 'm'"

    assert whole_reads([query], TABLES) == [("members_member", query)]
