"""Before the close nothing tells how others voted, or how many (security.md G14): worlds that
differ only in the votes of others give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from jury import show, tasks
from jury.models import Case, Verdict
from members.models import Account, Notice
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db
WORLDS: list[dict[str, int]] = [{}, {"support": 3}, {"against": 2, "abstain": 1}]
PAGES = ["home", "exam", "exam_result", "resign"]
CASE_PAGES = ["case", "decline", "vote", "receipt", "result"]
ELSEWHERE = ["portal:me", "portal:inbox", "portal:home", "disclosures:periods"]
NONCE = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')


@contextmanager
def world(case: Case, votes: dict[str, int]) -> Iterator[None]:
    """Others have voted so, for as long as this lasts."""
    with transaction.atomic():
        make.ballots(case, **votes)
        yield
        transaction.set_rollback(True)


def crawl(case: Case, reader: Account) -> dict[str, tuple[int, bytes, list[tuple[str, str]]]]:
    """Every jury page, and what else shows the state of a case, as this person sees it."""
    client = Client()
    client.force_login(reader)
    client.get("/")  # whatever a first visit sets
    addresses = [reverse(f"jury:{name}") for name in PAGES]
    addresses += [reverse(f"jury:{name}", args=[case.number]) for name in CASE_PAGES]
    addresses += [found for name in ELSEWHERE if (found := _address(name))]
    addresses += [f"/claims/{case.appeal.claim_id}/", f"/claims/{case.appeal.claim.number}/"]
    seen = {}
    for address in addresses:
        answer = client.get(address)
        headers = [(k, v) for k, v in answer.headers.items() if k in {"Location", "ETag"}]
        seen[address] = (answer.status_code, NONCE.sub(b"", answer.content), headers)
    return seen


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def test_pages_are_the_same_whichever_way_others_have_voted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = make.case(panel=5, quorum=3)
    reader = case.seats.get(drawn=5).juror.account
    make.ballot(case.seats.get(drawn=4))
    people = [
        reader,
        case.seats.get(drawn=4).juror.account,
        make.guardian(case.appeal.claim.member),
        make.account(),
        make.staff("reviewer"),
    ]

    found = []
    for votes in WORLDS:
        caplog.clear()
        with world(case, votes):
            tasks.due()
            pages = [crawl(case, person) for person in people]
            notices = list(Notice.objects.values_list("account", "code", "facts"))
            found.append((pages, notices, caplog.text))

    assert all(seen == found[0] for seen in found[1:])
    assert found[0][0][0][reverse("jury:case", args=[case.number])][0] == 200


def test_the_same_question_after_the_close_has_different_answers() -> None:
    """The comparison above can fail: once closed, the pages do tell."""
    case = make.case()
    reader = case.seats.get(drawn=3).juror.account
    address = reverse("jury:result", args=[case.number])
    answers = []

    for votes in ({"support": 2}, {"against": 2}):
        with world(case, votes):
            make.close(case)
            answers.append(crawl(case, reader)[address])
        case.refresh_from_db()
        clock.move_to(make.NOON, frozen=True)

    assert [answer[0] for answer in answers] == [200, 200]
    assert answers[0] != answers[1]


def test_nothing_counts_before_the_verdict() -> None:
    case = make.case()
    make.ballots(case, support=2)

    with pytest.raises(Verdict.DoesNotExist):
        show.outcome(case)
