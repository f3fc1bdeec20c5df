"""The API's bones: own cover and shares, publications for all, refusals as on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from assessments import actions as assessments
from assessments.states import Stage
from claims.models import Message
from disclosures import actions, api
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


def read(client: Client, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def test_the_schema_is_valid_and_without_warnings(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema"))


@pytest.mark.parametrize("address", ["/api/schema/", "/api/docs/"])
def test_the_description_is_open_and_asks_no_other_host(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer.status_code == 200
    page = answer.content.decode()
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    if address != "/api/schema/":
        assert "https://" not in page
        assert "<style" not in page


# --- own cover and shares


@pytest.mark.parametrize("address", ["/api/v1/cover/", "/api/v1/shares/"])
def test_own_things_ask_for_a_login(client: Client, address: str) -> None:
    assert client.get(address).status_code == 403


def test_a_member_reads_the_cover_of_the_family_and_nobody_elses(client: Client) -> None:
    own = make.membership()
    make.membership()
    client.force_login(make.guardian(own.member))

    [cover] = read(client, "/api/v1/cover/")["results"]

    assert cover == {
        "number": own.number,
        "member": "林**",
        "plan": "critical",
        "rules": own.rules.version,
        "leaving_at": None,
        "joined_at": own.joined_at.astimezone(clock.SHANGHAI).isoformat(),
        "covered_from": own.covered_from.isoformat(),
        "status": "covered",
        "ended_at": None,
        "end_reason": None,
    }


def test_cover_in_its_waiting_period_says_so(client: Client) -> None:
    own = make.membership(joined=make.NOON)
    client.force_login(make.guardian(own.member))

    [cover] = read(client, "/api/v1/cover/")["results"]

    assert cover["status"] == "waiting"


def test_a_member_reads_the_shares_of_the_family_the_newest_period_first(client: Client) -> None:
    own = make.membership(make.plan(annual_cap_fen=None))
    first = make.period(plan=own.plan)
    second = make.period(plan=own.plan)
    client.force_login(make.guardian(own.member))

    shares = read(client, "/api/v1/shares/")["results"]

    assert [(share["period"], share["amount_fen"]) for share in shares] == [
        (second.number, second.share_fen),
        (first.number, first.share_fen),
    ]
    assert {share["membership"] for share in shares} == {own.number}


def test_shares_are_paged_by_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assessments.api.ShareCursor.page_size", 1)
    own = make.membership()
    first, second = make.period(), make.period()
    client.force_login(make.guardian(own.member))

    page = read(client, "/api/v1/shares/")
    following = read(client, page["next"])

    assert [share["period"] for share in page["results"]] == [second.number]
    assert [share["period"] for share in following["results"]] == [first.number]
    assert following["next"] is None


# --- publications


def test_publications_are_read_without_login(client: Client) -> None:
    disclosure = make.disclosure(cases=2, members=4)
    actions.make_files_due(at=clock.now())
    number = disclosure.period.number

    [period] = read(client, "/api/v1/periods/")["results"]
    detail = read(client, f"/api/v1/periods/critical/{number}/")
    cases = read(client, f"/api/v1/periods/critical/{number}/cases/")

    assert (period["period"], period["sha256"]) == (number, disclosure.sha256)
    assert period["figures"] == detail["figures"] == disclosure.content["figures"]
    assert cases == {"next": None, "results": disclosure.content["cases"]}
    assert {file["sha256"] for file in detail["files"]} == set(
        disclosure.files.values_list("sha256", flat=True)
    )


def test_cases_are_paged_by_code(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "CASES_A_PAGE", 2)
    disclosure = make.disclosure(cases=3, members=3)
    address = f"/api/v1/periods/critical/{disclosure.period.number}/cases/"

    def pages() -> Iterator[dict[str, Any]]:
        page = read(client, address)
        yield from page["results"]
        while page["next"]:
            page = read(client, f"{address}?after={page['next']}")
            yield from page["results"]

    assert list(pages()) == disclosure.content["cases"]


def test_what_is_not_published_is_missing(client: Client) -> None:
    period = make.period(Stage.LOCKED)

    for tail in ("", "cases/"):
        address = f"/api/v1/periods/critical/{period.number}/{tail}"
        assert client.get(address).status_code == 404


def test_the_newest_version_is_the_one_that_is_read(client: Client) -> None:
    first = make.disclosure(cases=2)
    case = first.period.cases.order_by("code")[0]
    assessments.set_aside(case_id=case.pk, why="…", by=make.staff("finance"), at=clock.now())
    actions.publish_due(at=clock.now())

    [period] = read(client, "/api/v1/periods/")["results"]

    assert period["version"] == 2


# --- a verb


def write(client: Client, number: str, text: str) -> Any:
    return client.post(
        f"/api/v1/claims/{number}/messages/",
        json.dumps({"text": text}),
        content_type="application/json",
        headers=ENGLISH,
    )


def test_a_claimant_writes_a_message(client: Client) -> None:
    claim = make.claim()
    client.force_login(make.guardian(claim.member))

    answer = write(client, claim.number, "材料明天寄到。")

    assert answer.status_code == 201
    assert Message.objects.get().text == answer.json()["text"] == "材料明天寄到。"


def test_another_family_does_not_learn_that_the_claim_exists(client: Client) -> None:
    claim = make.claim()
    client.force_login(make.account())

    foreign = write(client, claim.number, "材料明天寄到。")
    missing = write(client, "HZ-2021-999999", "材料明天寄到。")

    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()
    assert not Message.objects.exists()


def test_a_refusal_is_the_sentence_and_status_of_the_page(client: Client) -> None:
    claim = make.claim()
    client.force_login(make.guardian(claim.member))
    text = "  "

    by_api = write(client, claim.number, text)
    by_page = client.post(f"/claims/{claim.number}/say/", {"text": text}, headers=ENGLISH)

    assert by_api.status_code == by_page.status_code == 400
    assert by_api.json()["field"] == "text"
    assert by_api.json()["detail"] in by_page.content.decode()


def test_a_write_from_another_site_is_refused() -> None:
    claim = make.claim()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make.guardian(claim.member))

    assert write(strict, claim.number, "材料明天寄到。").status_code == 403
    assert not Message.objects.exists()
