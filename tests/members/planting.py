"""Plants ID numbers and health answers in a database of its own, as people and pages would.

Run by test_canaries.py as a program, so that its output is a log, its queue a real broker, and its
temporary files lie where they are looked for. What is to be planted comes by standard input: no
file holds it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.conf import settings
from django.test import Client

django.setup()
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
settings.ALLOWED_HOSTS = ["testserver"]
settings.STORAGES["staticfiles"]["BACKEND"] = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
)

from members import actions, identity  # noqa: E402
from members.models import Account, Member, Plan  # noqa: E402
from mutualaid import clock, sealed_files  # noqa: E402
from mutualaid.celery import app  # noqa: E402
from mutualaid.errors import Refused  # noqa: E402
from tests import make  # noqa: E402
from tests.members import lists  # noqa: E402

CONTROL = "林对照组"  # a name is not sealed: the search has to find this one
REASONS = "读过您写的情况，按条款这一题可以选没有：{}"


def plant(index: int, number: str, story: str) -> None:
    """One person with their number and one text about their health, each way in turn."""
    ways = [by_pages, by_correction, by_claim, by_reviewer, by_draft]
    ways[index % len(ways)](number, story)


def added(number: str) -> tuple[Account, Member]:
    account = make.account()
    person: dict[str, Any] = {"name": CONTROL, "relation": "self", "id_number": number}
    member = actions.add_member(account_id=account.pk, by=account, at=clock.now(), **person)
    return account, member


def joined(number: str) -> Any:
    _account, member = added(number)
    return make.membership(member=member)


def posted(client: Client, address: str, **typed: str) -> None:
    sent(client, address, typed, status=302)


def sent(client: Client, address: str, typed: dict[str, str], *, status: int) -> None:
    answer = client.post(address, typed)
    assert answer.status_code == status, (address, answer.status_code)


def by_pages(number: str, story: str) -> None:
    """Mistyped, then added; not sure of an answer, and described for a reviewer."""
    account, client = make.account(), Client()
    client.force_login(account)
    person = {"relation": "self", "name": CONTROL}
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    sent(client, "/me/family/add/", {"id_number": wrong, **person}, status=200)
    posted(client, "/me/family/add/", id_number=number, **person)
    posted(client, "/join/questions/1/", answer="unsure")
    posted(client, "/join/questions/1/not-sure/", story=story)
    assert story in client.get("/join/questions/1/not-sure/").content.decode()


def by_correction(number: str, story: str) -> None:
    membership, client = joined(number), Client()
    client.force_login(membership.payer)
    address = f"/me/cover/{membership.number}/correct/lumps/"
    typed = {"answer": "unsure", "since": "before", "story": story}
    sent(client, address, typed, status=200)
    posted(client, address, step="keep", **typed)


def reported(number: str, story: str) -> tuple[Client, Any]:
    membership, client = joined(number), Client()
    client.force_login(membership.payer)
    steps = {
        "illness": {"disease": "malignant_tumour"},
        "when": {"diagnosed_on": "2021-10-08"},
        "accident": {"accident": "no"},
        "hospital": {"hospital": story},
        "story": {"story": story},
        "call": {"call_back": "上午"},
        "consent": {"publish_consent": "yes"},
    }
    for step, typed in steps.items():
        posted(client, f"/claims/start/{membership.pk}/{step}/", **typed)
    return client, membership


def by_claim(number: str, story: str) -> None:
    client, membership = reported(number, story)
    posted(client, f"/claims/start/{membership.pk}/check/")


def by_draft(number: str, story: str) -> None:
    """Typed and never sent: it stays in the session."""
    reported(number, story)


def by_reviewer(number: str, story: str) -> None:
    account, member = added(number)
    asked = actions.ask_precheck(
        member_id=member.pk, plan_id=make.plan().pk, code="lumps", story=story, by=account,
        at=clock.now(),
    )  # fmt: skip
    actions.answer_precheck(
        precheck_id=asked.pk, ruling="no", reply=REASONS.format(story), by=make.staff("reviewer"),
        at=clock.now(),
    )  # fmt: skip


def refused_once(number: str) -> None:
    """A number that is known: refused, after the database has refused it in its own log."""
    account = make.account()
    try:
        actions.add_member(
            account_id=account.pk, name="王建国", relation="self", id_number=number, by=account,
            at=clock.now(),
        )  # fmt: skip
    except Refused:
        return
    raise AssertionError("taken twice")


def broken_once(number: str) -> None:
    """An error that nobody foresaw, on the page that has just been sent the number."""

    def fail(name: str, number: str) -> None:
        raise RuntimeError("the provider has changed")

    account, client = make.account(), Client(raise_request_exception=False)
    client.force_login(account)
    before, identity.verify = identity.verify, fail  # type: ignore[assignment]
    typed = {"relation": "self", "name": CONTROL, "id_number": number}
    sent(client, "/me/family/add/", typed, status=500)
    identity.verify = before


def listed(numbers: list[str]) -> None:
    """A co-operative's list as it comes through the browser; every other line is not taken."""
    rows = [
        lists.row(place, id_number=number, name=CONTROL if place % 2 else "林")
        for place, number in enumerate(numbers)
    ]
    text = ",".join(lists.COLUMNS) + "\n"
    text += "".join(",".join(row.get(name, "") for name in lists.COLUMNS) + "\n" for row in rows)
    path = settings.IMPORT_DIR / "list.csv"
    writer = sealed_files.SealedWriter(path)
    writer.write(text.encode())
    writer.close()
    plan = Plan.objects.get(code="critical")
    run = actions.begin_import(
        path=str(path), file_name="list.csv", plan_id=plan.pk, dry_run=False, by=None,
        at=clock.now(),
    )  # fmt: skip
    done = actions.run_import(run_id=run.pk, at=clock.now())
    assert done
    assert done.bad
    assert done.good


def main() -> None:
    """{"numbers": […], "stories": […], "listed": […]} from standard input."""
    given = json.load(sys.stdin)
    clock.move_to(make.NOON, frozen=True)
    make.plan()
    for index, (number, story) in enumerate(zip(given["numbers"], given["stories"], strict=True)):
        plant(index, number, story)
    refused_once(given["numbers"][0])
    broken_once(given["numbers"][0])
    listed(given["listed"])
    for task in {entry["task"] for entry in app.conf.beat_schedule.values()}:
        app.send_task(task)


if __name__ == "__main__":
    main()
