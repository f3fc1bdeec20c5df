"""Every address × method × role as tests/access.yaml says; what it does not say is refused."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import pytest_django
import yaml
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from assessments import actions as assessments
from assessments import providers
from assessments.models import Arrears, DebitBatch, JournalEntry
from assessments.providers import Sandbox
from claims.states import Status
from disclosures import actions as disclosures
from disclosures.models import PublishedFile
from members import actions as members
from members.models import AccessRecord, Account, Mandate, Membership, Plan
from mutualaid import clock
from tests import make
from tests.members import lists

TABLE = yaml.safe_load((Path(__file__).parent / "access.yaml").read_text())
ROLES, GROUPS, ROWS = TABLE["roles"], TABLE["groups"], TABLE["rows"]
METHODS = ["GET", "POST", "PUT", "DELETE"]
KEYS = {"args", "data", "by", "why", *METHODS}
REFUSED = {401, 403, 404, 405}
LOGIN = ("/accounts/login/", "/staff/login/", "/accounts/2fa/")


def addresses(
    resolver: URLResolver | None = None, space: tuple[str, ...] = ()
) -> Iterator[tuple[str, set[str]]]:
    """Name with namespace, and names of the arguments, of every address; "unnamed" for no name."""
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from addresses(found, (*space, found.namespace) if found.namespace else space)
        else:
            assert isinstance(found, URLPattern)
            arguments = set(found.pattern.regex.groupindex)
            yield ":".join((*space, found.name or "unnamed")), arguments


def row_of(name: str) -> str:
    """The first row that matches; "" if none does."""
    return next((pattern for pattern in ROWS if fnmatchcase(name, pattern)), "")


def may(row: dict[str, Any], method: str) -> set[str]:
    """The roles that the row lets use the method."""
    who = row.get(method, [])
    return set(GROUPS[who] if isinstance(who, str) else who)


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    names = {name for name, _arguments in addresses()}

    assert sorted(name for name in names if not row_of(name)) == []
    assert [row for row in ROWS if row not in {row_of(name) for name in names}] == []


def test_the_table_says_only_what_it_may() -> None:
    for name, row in ROWS.items():
        assert set(row) <= KEYS, name
        assert all(may(row, method) <= set(ROLES) for method in METHODS), name
        assert "why" in row or "by" not in row, f"{name}: say how the library decides"
    assert all(set(group) <= set(ROLES) for group in GROUPS.values())


# --- the world


@dataclass
class World:
    """Who is who, and the things that the rows' `args` name."""

    browsers: dict[str, Client] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def own_files() -> None:
    """The files lie where `world` has put them, not in a folder of each test."""


@pytest.fixture(scope="module")
def world(
    django_db_setup: object,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Built once for this file, in a transaction that is taken back."""
    folder = tmp_path_factory.mktemp("files")
    where = {"EVIDENCE_DIR": folder / "evidence", "PUBLISHED_DIR": folder / "published"}
    where["SMS_DIR"], where["IMPORT_DIR"] = folder / "sms", folder / "imports"
    with django_db_blocker.unblock(), override_settings(**where), transaction.atomic():
        clock.move_to(make.NOON, frozen=True)
        logging.disable(logging.WARNING)  # every refusal is one
        yield build(folder)
        logging.disable(logging.NOTSET)
        transaction.set_rollback(True)


def family(owner: Account) -> Membership:
    """One more person in the owner's family, long a member."""
    return make.membership(member=make.member(owner, name="林秀兰", relation="parent"))


def build(folder: Path) -> World:
    """A split period, one that is laid open, claims in five states, an open case of the jury."""
    owner, stranger = make.account(), make.account()
    own = make.membership(member=make.member(owner))
    make.membership(member=make.member(stranger, name="赵一"))
    world = World()
    _periods(world, owner)
    _claims(world, owner)
    _jury(world)
    correction, review = make.correction(own)
    world.things |= {
        **{"version": own.rules.version, "question": review.question.code},
        **{"correction": correction.pk, "review": review.pk},
        "feed": members.make_feed(by=owner, at=clock.now()),
        **{"one": 1, "step": "illness", "done": "report", "app": "claims"},
        **{"membership": own.number, "membership_id": own.pk, "member_id": own.member_id},
        **{"plan": own.plan.code, "plan_id": own.plan_id, "rules_id": own.rules_id},
        "account_id": owner.pk,
        "recovery": make.recovery(stranger).pk,
        **{"language": "zh-hans", "list": _list(folder, own.plan_id)},
        **{"nothing": 0, "mandate": Mandate.objects.get(account=owner).pk},
        "record": AccessRecord.objects.earliest("pk").pk,
        "notice": owner.notices.earliest("pk").pk,
        "failed_copy": make.failed_copy(owner).pk,
    }
    world.things |= _set_up(own.plan)
    people = {"member": owner, "stranger": stranger, "juror": world.things["juror"].account}
    staff = {"adjuster": world.things["adjuster"]} | {
        role: make.staff(role) for role in ("reviewer", "finance", "data_officer", "help_line")
    }
    world.things["help_call"] = make.help_call(own, staff["help_line"]).pk
    for role, account in (people | staff).items():
        world.browsers[role] = make.desk_client(
            account, second_factor=role in staff, at=time.time()
        )
    world.browsers["staff_without_factor"] = make.desk_client(
        make.staff("reviewer"), second_factor=False, at=time.time()
    )
    world.browsers["anonymous"] = Client()
    return world


def _list(folder: Path, plan_id: int) -> int:
    """A list of members whose dry run is about to begin."""
    path = lists.write(folder / "list.csv", [lists.row(1)])
    run = members.begin_import(
        path=str(path), file_name=path.name, plan_id=plan_id, dry_run=True, by=None, at=clock.now()
    )
    return run.pk


def _set_up(plan: Plan) -> dict[str, Any]:
    """A draft of the plan's next version, its questions, an invitation."""
    officer = make.staff("data_officer")
    draft = members.draft_rules(
        plan_id=plan.pk,
        version="draft",
        effective_on=clock.today() + timedelta(days=60),
        by=officer,
        at=clock.now(),
    )
    invitation, _code = members.invite(plan_id=plan.pk, uses_allowed=1, by=officer, at=clock.now())
    return {
        "draft_rules": draft.pk,
        "question_set": draft.question_set_id,
        "invitation": invitation.pk,
    }


def _periods(world: World, owner: Account) -> None:
    split = make.disclosure(cases=1, members=3).period
    disclosures.make_files_due(at=clock.now())
    clock.move_to(split.split_at, frozen=True)
    assessments.split_due(at=clock.now())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "current", lambda: Sandbox(fail_per_100k=100_000))
        assessments.debit_due(at=clock.now())
    payout = make.payout(case=split.cases.get())
    shown = make.disclosure(cases=1, members=3, diagnosed_on=clock.today() - timedelta(days=30))
    objection = disclosures.object_to(
        case_id=shown.period.cases.get().pk,
        grounds="这个案例的日期和公示的内容对不上，请再看一看。",
        by=owner,
        at=clock.now(),
    )
    world.things |= {
        **{"split": split.number, "disclosed_id": shown.period_id, "disclosure": shown.pk},
        "file": PublishedFile.objects.filter(disclosure__period=split).earliest("pk").name,
        "code": shown.period.cases.get().code,
        "entry": JournalEntry.objects.earliest("pk").pk,
        "batch": DebitBatch.objects.earliest("pk").pk,
        **{"payout": payout.pk, "split_claim": payout.claim_id, "objection": objection.pk},
        **{"split_id": split.pk, "arrears": Arrears.objects.earliest("pk").pk},
    }


def _claims(world: World, owner: Account) -> None:
    found = clock.today() - timedelta(days=60)
    for name, status in {
        "claim": Status.INVESTIGATING,
        "refused": Status.REFUSED,
        "granted": Status.GRANTED,
        "appealed": Status.APPEALED,
    }.items():
        made = make.claim(status, membership=family(owner), diagnosed_on=found)
        world.things[name] = made.number
        world.things[f"{name}_claim"] = made
    world.things["claim_id"] = world.things["claim_claim"].pk
    world.things["adjuster"] = world.things["claim_claim"].owner


def _jury(world: World) -> None:
    case = make.case(claim=world.things["appealed_claim"])
    juror = case.seats.held().earliest("drawn").juror
    world.things |= {"case": case.number, "case_id": case.pk, "juror": juror, "juror_id": juror.pk}


# --- the visits


def ask(browser: Client, method: str, path: str, data: dict[str, str] | None = None) -> Any:
    """One request, of which nothing stays."""
    browser.raise_request_exception = False
    with transaction.atomic():
        kind = "application/json" if path.startswith("/api/") else None
        sent = {"content_type": kind} if kind and method != "GET" else {}
        answer = getattr(browser, method.lower())(path, data or {}, **sent)
        transaction.set_rollback(True)
    return answer


def was_let_in(answer: Any) -> bool:
    """Not turned away, and not led to log in."""
    if answer.status_code in REFUSED:
        return False
    return not (answer.status_code == 302 and answer["Location"].startswith(LOGIN))


def cells(world: World) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, path and row of every address that is visited."""
    for name, arguments in sorted(addresses()):
        row = ROWS[row_of(name)]
        if "by" not in row:
            given = row.get("args", {})
            filled = {argument: world.things[given[argument]] for argument in arguments}
            yield name, reverse(name, kwargs=filled), row


def who_tries(row: dict[str, Any], method: str) -> list[str]:
    """All roles; for a method that nobody uses, two of those who get furthest."""
    if method in {"GET", "POST"}:
        return list(ROLES)
    known = [role for role in ROLES if role in may(row, "GET") | may(row, "POST")]
    return (known or ["data_officer"])[-2:]


def test_every_cell_of_the_table_is_as_it_says(world: World) -> None:
    wrong, visited = [], 0

    for name, path, row in cells(world):
        for method in METHODS:
            for role in who_tries(row, method):
                data = row.get("data") if method == "POST" else None
                answer = ask(world.browsers[role], method, path, data)
                allowed = role in may(row, method)
                visited += 1
                if answer.status_code >= 500 or was_let_in(answer) != allowed:
                    to = answer.get("Location", "")
                    wrong.append(
                        f"{role} {method} {name} ({path}): {answer.status_code} {to}, and the table"
                        f" says {'yes' if allowed else 'no'}"
                    )

    assert visited > 2500
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong)


def test_a_foreign_thing_is_as_missing_as_none(world: World) -> None:
    stranger, things = world.browsers["stranger"], world.things
    claim, none = things["claim"], "HZ-2021-999999"
    foreign_and_missing: dict[str, tuple[list[Any], list[Any]]] = {
        "claims:detail": ([claim], [none]),
        "claims:letter": ([things["refused"]], [none]),
        "claims:paper": ([claim, 1], [none, 1]),
        "claims:paper_file": ([claim, 1], [none, 1]),
        "claims:paper_page": ([claim, 1, 1], [none, 1, 1]),
        "claims:check": ([things["membership_id"]], [999999]),
        "portal:joined": ([things["membership"]], ["M000999999"]),
        "assessments:share": ([things["split"], things["membership_id"]], [999999, 999999]),
        "jury:case": ([things["case"]], ["9999"]),
        "disclosures:objection": ([things["objection"]], [999999]),
    }

    for name, both in foreign_and_missing.items():
        foreign, missing = (_without_path(stranger, reverse(name, args=args)) for args in both)
        assert foreign == missing, name


def _without_path(browser: Client, path: str) -> tuple[int, str]:
    """Status and text of a 404, but for the address, which the reader has typed."""
    answer = ask(browser, "GET", path)
    assert answer.status_code == 404, path
    text = answer.content.decode().replace(path, "PATH")
    return answer.status_code, re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)
