"""Reporting in the browser: one question a page, nothing typed is lost, a number at the end."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from claims.models import Claim
from claims.states import Status
from members.models import AccessRecord, Account, Membership
from tests import make

pytestmark = pytest.mark.django_db

ANSWERS = {
    "illness": {"disease": "malignant_tumour"},
    "when": {"diagnosed_on": "2021-10-08"},
    "accident": {"accident": "no"},
    "hospital": {"hospital": "第一人民医院，三病区"},
    "story": {"story": "体检发现，十月八日确诊。"},
    "call": {"call_back": "上午打座机"},
    "consent": {"publish_consent": "yes"},
}


def signed_in(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def answer_all(client: Client, membership: Membership) -> Any:
    for step, typed in ANSWERS.items():
        response = client.post(f"/claims/start/{membership.pk}/{step}/", typed)
        assert response.status_code == 302, step
    return response


def test_seven_questions_a_check_and_a_number() -> None:
    membership = make.membership()
    client = signed_in(make.guardian(membership.member))

    assert f"/claims/start/{membership.pk}/illness/" in client.get("/claims/start/").text
    to_check = answer_all(client, membership)
    check = client.get(to_check["Location"])
    sent = client.post(to_check["Location"])

    claim = Claim.objects.get()
    assert "体检发现，十月八日确诊。" in check.text
    assert "2021 年 12 月 31 日" in check.text
    assert sent["Location"] == f"/claims/{claim.number}/done/report/"
    assert claim.number in client.get(sent["Location"]).text
    assert claim.publish_consent
    assert not claim.accident


def test_what_was_typed_comes_back_and_is_not_readable_in_the_session() -> None:
    membership = make.membership()
    client = signed_in(make.guardian(membership.member))
    client.post(f"/claims/start/{membership.pk}/story/", ANSWERS["story"])

    again = client.get(f"/claims/start/{membership.pk}/story/")

    assert "体检发现，十月八日确诊。" in again.text
    assert "体检" not in str(dict(client.session))
    assert AccessRecord.objects.filter(what="draft", why="own").exists()


def test_an_unanswered_question_says_so_beside_the_field_and_above() -> None:
    membership = make.membership()
    client = signed_in(make.guardian(membership.member))

    response = client.post(f"/claims/start/{membership.pk}/when/", {"diagnosed_on": ""})

    assert response.status_code == 400
    assert 'href="#id_diagnosed_on"' in response.text
    assert 'class="error-summary"' in response.text


def test_the_check_sends_back_to_the_first_open_question() -> None:
    membership = make.membership()
    client = signed_in(make.guardian(membership.member))
    client.post(f"/claims/start/{membership.pk}/illness/", ANSWERS["illness"])

    response = client.get(f"/claims/start/{membership.pk}/check/")

    assert response["Location"] == f"/claims/start/{membership.pk}/when/"


def test_a_day_still_to_come_is_refused_at_the_end_and_nothing_is_lost() -> None:
    membership = make.membership()
    client = signed_in(make.guardian(membership.member))
    answer_all(client, membership)
    client.post(f"/claims/start/{membership.pk}/when/?check", {"diagnosed_on": "2021-12-02"})

    response = client.post(f"/claims/start/{membership.pk}/check/")

    assert response.status_code == 400
    assert not Claim.objects.exists()
    assert "体检发现" in client.get(f"/claims/start/{membership.pk}/story/").text


def test_another_family_finds_neither_the_membership_nor_the_claim() -> None:
    claim = make.claim()
    stranger = signed_in(make.account())

    missing = stranger.get("/claims/HZ-2021-999999/")
    foreign = stranger.get(f"/claims/{claim.number}/")
    report = stranger.get(f"/claims/start/{claim.membership_id}/illness/")

    assert (missing.status_code, foreign.status_code, report.status_code) == (404, 404, 404)
    assert foreign.text.replace(claim.number, "HZ-2021-999999") == missing.text


def test_good_files_stay_and_bad_ones_are_named() -> None:
    claim = make.claim()
    client = signed_in(claim.filed_by)
    files = [
        SimpleUploadedFile("病理.jpg", make.paper_bytes()),
        SimpleUploadedFile("坏的.pdf", b"MZ not a pdf"),
        SimpleUploadedFile("空的.jpg", b""),
    ]

    response = client.post(
        f"/claims/{claim.number}/upload/", {"kind": "diagnosis", "papers": files}
    )

    assert response.status_code == 400
    assert "坏的.pdf" in response.text
    assert "空的.jpg" in response.text
    assert [paper.name for paper in claim.papers.all()] == ["病理.jpg"]
    assert 'href="#id_papers"' in response.text


def test_papers_are_added_removed_and_submitted() -> None:
    claim = make.claim()
    client = signed_in(claim.filed_by)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        file = SimpleUploadedFile(name, make.paper_bytes())
        client.post(f"/claims/{claim.number}/upload/", {"kind": "record", "papers": [file]})

    client.post(f"/claims/{claim.number}/papers/2/remove/")
    response = client.post(f"/claims/{claim.number}/submit/")

    claim.refresh_from_db()
    assert response["Location"] == f"/claims/{claim.number}/done/papers/"
    assert claim.status == Status.SUBMITTED
    kept = claim.papers.filter(removed_at__isnull=True)
    assert [paper.place for paper in kept] == [1, 3]


def test_a_paper_is_served_safely_and_every_look_is_recorded() -> None:
    claim = make.claim(Status.SUBMITTED)
    client = signed_in(claim.filed_by)

    shown = client.get(f"/claims/{claim.number}/papers/1/")
    picture = client.get(f"/claims/{claim.number}/papers/1/2/")
    whole = client.get(f"/claims/{claim.number}/papers/1/file/")

    assert f"/claims/{claim.number}/papers/1/1/" in shown.text
    assert picture["Content-Type"] == "image/png"
    assert whole["Content-Disposition"] == f'attachment; filename="{claim.number}-1.pdf"'
    for response in (picture, whole):
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert "no-store" in response["Cache-Control"]
    seen = AccessRecord.objects.filter(what="evidence").order_by("pk")
    assert [(record.page, record.why) for record in seen] == [(2, "own"), (None, "own")]


def test_a_paper_is_not_served_by_its_address_alone() -> None:
    claim = make.claim(Status.SUBMITTED)
    address = f"/claims/{claim.number}/papers/1/file/"

    anonymous, stranger = Client().get(address), signed_in(make.account()).get(address)
    finance = signed_in(make.staff("finance")).get(address)

    assert anonymous.status_code == 302
    assert (stranger.status_code, finance.status_code) == (404, 404)
    assert not AccessRecord.objects.filter(what="evidence").exists()


@pytest.mark.parametrize("status", Status)
def test_the_page_of_a_claim_shows_every_status(status: Status) -> None:
    claim = make.claim(status)

    response = signed_in(claim.filed_by).get(f"/claims/{claim.number}/")

    assert response.status_code == 200
    assert claim.number in response.text


def test_a_claim_is_withdrawn_after_asking_once_more() -> None:
    claim = make.claim(Status.SUBMITTED)
    client = signed_in(claim.filed_by)

    asked = client.get(f"/claims/{claim.number}/withdraw/")
    response = client.post(f"/claims/{claim.number}/withdraw/")

    claim.refresh_from_db()
    assert asked.status_code == 200
    assert response["Location"] == f"/claims/{claim.number}/done/withdrawn/"
    assert client.get(response["Location"]).status_code == 200
    assert claim.status == Status.WITHDRAWN


def test_a_message_reaches_the_claim_and_the_adjuster_answers() -> None:
    claim = make.claim(Status.INVESTIGATING)
    client = signed_in(claim.filed_by)

    client.post(f"/claims/{claim.number}/say/", {"text": "小结我去拿可以吗？"})

    assert "小结我去拿可以吗？" in client.get(f"/claims/{claim.number}/").text
