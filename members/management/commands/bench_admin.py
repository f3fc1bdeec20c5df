"""`manage.py bench_admin --json`: how fast the desk finds members among ten million invented ones.

The people lie in a scratch database of this server, dropped afterwards. The pages are the real
views, visited by Django's client as a data officer with a second factor: the whole of a request,
templates included, without the network.
"""

from __future__ import annotations

import html
import json
import re
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members import bulk_bench, reference
from members.models import Account
from mutualaid import scratch
from mutualaid.plans import whole_reads
from mutualaid.roles import ensure_roles

_PERCENT = 100
_PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

Visit = tuple[str, str, dict[str, str]]  # what it is called, where, with what


class Command(BaseCommand):
    help = "Measure the desk's lists, searches and pages of members; nothing is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=int, default=10_000_000)
        parser.add_argument("--times", type=int, default=30, help="visits of each kind of page")
        parser.add_argument("--seed", type=int, default=20_211_207)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        storages = settings.STORAGES | {"staticfiles": _PLAIN}
        quiet = override_settings(STORAGES=storages, ALLOWED_HOSTS=["localhost"], DEBUG=False)
        with scratch.database("admin"), quiet:
            plan = reference.ensure_plan(demo=True)
            begin = perf_counter()
            ids = bulk_bench.fill(plan=plan, rows=options["rows"], told=self._tell)
            filled = perf_counter() - begin
            found = _measure(ids, options["times"], options["seed"])
        found = {"rows": options["rows"], "fill_seconds": round(filled), **found}
        self.stdout.write(json.dumps(found, indent=None if options["json"] else 2))

    def _tell(self, rows: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{rows:,}", ending="")


def _measure(ids: range, times: int, seed: int) -> dict[str, Any]:
    client, chance = _desk(), Random(seed)  # noqa: S311 - repeatable, no secret
    took: dict[str, list[float]] = {}
    queries: dict[str, int] = {}
    reads: set[tuple[str, str]] = set()
    for turn in range(times):
        for name, url, data in _visits(client, ids, chance):
            if turn == 0:  # what it asks; the first visit also loads templates, and is not timed
                with CaptureQueriesContext(connection) as captured:
                    _get(client, url, data)
                asked = [query["sql"] for query in captured.captured_queries]
                queries[name] = len(asked)
                whole = whole_reads(asked, bulk_bench.MEMBER_SCALE)
                reads |= {(name, table) for table, _sql in whole}
            begin = perf_counter()
            _get(client, url, data)
            took.setdefault(name, []).append((perf_counter() - begin) * 1000)
    every = [one for some in took.values() for one in some]
    return {
        "visits": len(every),
        "pages": {
            name: {
                "queries": queries[name],
                "p50_ms": round(_part(some, 50)),
                "p95_ms": round(_part(some, 95)),
            }
            for name, some in took.items()
        },
        "p95_ms": round(_part(every, 95)),
        "worst_page_p95_ms": round(max(_part(some, 95) for some in took.values())),
        "most_queries": max(queries.values()),
        "whole_reads": sorted(reads),
        "seed": seed,
    }


def _part(some: list[float], percent: int) -> float:
    """The value that so many percent do not pass."""
    return sorted(some)[min(len(some) - 1, len(some) * percent // _PERCENT)]


def _desk() -> Client:
    """A data officer, logged in with a password and a second factor."""
    by = Account.objects.create_user("bench@bench.invalid", None, is_staff=True)
    by.groups.add(ensure_roles()["data_officer"])
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "zh-hans"})
    client.force_login(by)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": method, "at": time.time()} for method in ("password", "mfa")
    ]
    session["account_authentication_methods_user"] = str(by.pk)
    session.save()
    return client


def _get(client: Client, url: str, data: dict[str, str]) -> Any:
    answer = client.get(url, data, secure=settings.SECURE_SSL_REDIRECT)
    if answer.status_code != 200:  # noqa: PLR2004
        raise RuntimeError(f"{url} {data}: {answer.status_code}")
    return answer


def _next(answer: Any) -> str:
    """The link of a list that leads to its next page, as a reader finds it."""
    found = re.search(r'<a rel="next" href="([^"]+)"', answer.content.decode())
    if found is None:
        raise RuntimeError("This list has no next page. Measure with more rows.")
    return html.unescape(found[1])


def _visits(client: Client, ids: range, chance: Random) -> Iterator[Visit]:
    """One of each kind of page, for somebody drawn anew."""
    one = chance.choice(ids)
    holder = one - one % 2
    number, phone = f"9933{one:014d}", f"1{2_000_000_000 + holder % 1_000_000_000}"
    bulk_bench.name_number(member_id=holder, id_number=number, phone=phone)
    lists = {
        name: reverse(f"admin:members_{name}_changelist")
        for name in ("member", "membership", "account", "accessrecord")
    }
    members = lists["member"]
    for name, url in lists.items():
        yield f"{name} list, first", url, {}
        yield f"{name} list, last", url, {"p": "last"}
    for name, term in (("list", ""), ("name 王", "王")):
        data = {"q": term} if term else {}
        yield f"member {name}, next", members + _next(_get(client, members, data)), {}
        if term:
            yield f"member {name}, last", members, data | {"p": "last"}
    for name, term in {
        "common surname": "王",
        "rare surname": "史",
        "two letters": "王" + chance.choice("伟芳娜敏静"),
        "name of nobody": "欧阳明月",
        "ID number": number,
        "phone": phone,
        "e-mail": f"p{holder}@bench.invalid",
        "membership": f"M{one:09d}",
    }.items():
        yield f"member by {name}", members, {"q": term}
    yield "membership by number", lists["membership"], {"q": f"M{one:09d}"}
    yield "account by phone", lists["account"], {"q": phone}
    for name in ("member", "membership", "account"):
        pk = holder if name == "account" else one
        yield f"{name} page", reverse(f"admin:members_{name}_change", args=[pk]), {}
