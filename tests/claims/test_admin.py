"""The claim as staff work on it: what a page shows, refuses, and writes down."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from claims import actions
from claims.models import Claim, Evidence
from claims.states import Status
from members import actions as members
from members.models import AccessRecord
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def page(claim: Claim, tab: str = "overview") -> str:
    return reverse("admin:claims_claim_workspace", args=[claim.pk]) + f"?tab={tab}"


def do(client: Client, claim: Claim, verb: str, tab: str = "overview", **data: Any) -> Any:
    return client.post(page(claim, tab), {"do": verb, **data})


def owner_of(claim: Claim) -> Client:
    assert claim.owner is not None
    return make.desk_client(claim.owner)


def text(answer: Any) -> str:
    return str(answer.content.decode())


# --- who may look


def test_finance_does_not_see_claims() -> None:
    claim = make.claim(Status.REVIEWING)

    answer = make.desk_client(make.staff("finance")).get(page(claim))

    assert answer.status_code == 403


def test_staff_do_not_open_a_claim_of_their_own_family() -> None:
    adjuster = make.staff("adjuster")
    person = make.member(adjuster)
    claim = make.claim(Status.SUBMITTED, membership=make.membership(member=person))
    client = make.desk_client(adjuster)
    image = reverse("admin:claims_claim_page", args=[claim.pk, 1, 1])

    statuses = [client.get(url).status_code for url in (page(claim), image)]

    assert statuses == [403, 403]


@pytest.mark.parametrize("status", list(Status))
def test_every_tab_opens_at_every_status_and_names_nobody(status: Status) -> None:
    claim = make.claim(status)
    client = make.desk_client(make.staff("reviewer"))

    for tab in ("overview", "investigation", "criteria", "decision", "access"):
        answer = client.get(page(claim, tab))

        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        assert claim.member.name not in text(answer)


# --- identity and papers


def test_the_identity_is_masked_until_a_reason_is_recorded() -> None:
    by, number = make.account(), make.id_number()
    person = members.add_member(
        account_id=by.pk, name="林秀梅", id_number=number, relation="self", by=by, at=clock.now()
    )
    claim = make.claim(Status.REVIEWING, membership=make.membership(member=person))
    reviewer = make.staff("reviewer")
    client, show = make.desk_client(reviewer), reverse("admin:claims_claim_show", args=[claim.pk])
    client.post(show, {"reason": ""})
    masked = text(client.get(page(claim)))

    client.post(show, {"reason": "phone"})
    shown = text(client.get(page(claim)))

    assert number not in masked
    assert "林秀梅" not in masked
    assert number in shown
    read = AccessRecord.objects.get(what="id_number")
    assert (read.by, read.why, read.member) == (reviewer, "phone", person)


def test_ten_minutes_later_it_is_masked_again() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    client.post(reverse("admin:claims_claim_show", args=[claim.pk]), {"reason": "phone"})
    clock.move_to(clock.now() + timedelta(minutes=10), frozen=True)

    answer = client.get(page(claim))

    assert claim.member.name not in text(answer)
    assert not AccessRecord.objects.filter(what="id_number").exists()


def test_a_page_of_a_paper_is_sent_only_with_a_record_of_who_read_it() -> None:
    claim, reviewer = make.claim(Status.REVIEWING), make.staff("reviewer")
    client = make.desk_client(reviewer)
    paper = claim.papers.get(place=1)

    answer = client.get(reverse("admin:claims_claim_page", args=[claim.pk, 1, 2]))

    assert answer["Content-Type"] == "image/png"
    assert "no-store" in answer["Cache-Control"]
    read = AccessRecord.objects.filter(by=reviewer).get()
    assert (read.what, read.object_id, read.page) == ("evidence", paper.pk, 2)


def test_the_id_card_opens_with_a_reason_only() -> None:
    claim = make.claim(Status.INVESTIGATING)
    by = make.guardian(claim.member)
    actions.add_paper(
        claim_id=claim.pk, kind=Evidence.Kind.IDENTITY, name="card.jpg",
        data=make.paper_bytes(), by=by, at=clock.now(),
    )  # fmt: skip
    client = owner_of(claim)
    image = reverse("admin:claims_claim_page", args=[claim.pk, 3, 1])
    frame = reverse("admin:claims_claim_papers", args=[claim.pk]) + "?paper=3"
    before, hidden = client.get(image).status_code, image in text(client.get(frame))

    client.post(reverse("admin:claims_claim_show", args=[claim.pk]), {"reason": "compare"})
    after, visible = client.get(image).status_code, image in text(client.get(frame))

    assert (before, hidden) == (403, False)
    assert (after, visible) == (200, True)
    assert AccessRecord.objects.get(what="evidence", by=claim.owner).why == "compare"


def test_a_turned_page_is_turned() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    url = reverse("admin:claims_claim_page", args=[claim.pk, 2, 1])

    sizes = [
        Image.open(BytesIO(client.get(f"{url}?turn={turn}").content)).size for turn in (0, 90, 180)
    ]

    assert sizes == [(60, 80), (80, 60), (60, 80)]


def test_the_papers_are_framed_by_our_own_pages_alone() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))

    frame = client.get(reverse("admin:claims_claim_papers", args=[claim.pk]))

    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get(page(claim))["X-Frame-Options"] == "DENY"


def test_the_frame_comes_back_to_the_page_it_left() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    frame = reverse("admin:claims_claim_papers", args=[claim.pk])
    client.get(frame + "?paper=1&page=2&zoom=200")

    answer = client.get(frame, follow=True)

    assert (answer.context["page"], answer.context["zoom"]) == (2, 200)


# --- investigation


def test_an_adjuster_takes_finds_asks_and_finishes() -> None:
    claim, adjuster = make.claim(Status.SUBMITTED), make.staff("adjuster")
    client = make.desk_client(adjuster)

    do(client, claim, "take")
    do(client, claim, "finding", text="日期一致。", paper="1.2")
    do(client, claim, "say", text="请稍等。")
    do(client, claim, "finish", report="属实。")

    claim.refresh_from_db()
    finding = claim.investigation.findings.get()
    assert claim.status == Status.REVIEWING
    assert (finding.paper and finding.paper.place, finding.page) == (1, 2)
    assert (finding.by, claim.messages.get().text) == (adjuster, "请稍等。")


def test_what_an_action_refuses_stands_on_the_page_beside_what_was_typed() -> None:
    claim = make.claim(Status.INVESTIGATING)

    answer = do(
        owner_of(claim), claim, "request", "investigation",
        kind="discharge", why="要有盖章的那一页", due_on="2021-12-01",
    )  # fmt: skip

    assert answer.status_code == 400
    assert "要有盖章的那一页" in text(answer)
    assert answer.context["problems"][0][0] == "request-due_on"
    assert not claim.requests.exists()


def test_who_does_not_have_the_claim_is_told_who_has() -> None:
    claim = make.claim(Status.INVESTIGATING)
    client = make.desk_client(make.staff("adjuster"))

    seen = client.get(page(claim, "investigation"))
    posted = do(client, claim, "finding", "investigation", text="日期一致。")

    assert str(claim.owner) in seen.context["closed"]
    assert posted.status_code == 403
    assert claim.investigation.findings.count() == 1


def test_an_unknown_verb_is_not_found() -> None:
    claim = make.claim(Status.INVESTIGATING)

    assert do(owner_of(claim), claim, "grant").status_code == 404


# --- criteria


def typed_answers(claim: Claim, **changed: str) -> dict[str, str]:
    """Every condition met by page 1 of paper 1, as a browser sends it."""
    typed: dict[str, str] = {}
    for code, given in make.met_answers(claim).items():
        typed[code] = given["answer"]
        if given["answer"] == "met":
            typed[f"{code}__paper"] = "1.1"
        for name in ("measured", "since"):
            if name in given:
                typed[f"{code}__{name}"] = str(given[name])
    return typed | changed


def test_met_needs_its_paper() -> None:
    claim = make.claim(Status.REVIEWING)
    code = make.first_condition(claim)
    typed = typed_answers(claim) | {f"{code}__paper": ""}

    answer = do(make.desk_client(make.staff("reviewer")), claim, "answers", "criteria", **typed)

    assert [problem[0] for problem in answer.context["problems"]] == [f"answers-{code}__paper"]
    assert not claim.answers.exists()


def test_every_condition_is_answered() -> None:
    claim = make.claim(Status.REVIEWING)
    typed = typed_answers(claim)
    del typed["in_situ"]

    answer = do(make.desk_client(make.staff("reviewer")), claim, "answers", "criteria", **typed)

    assert [problem[0] for problem in answer.context["problems"]] == ["answers-in_situ_0"]


def test_a_number_that_contradicts_the_tick_is_shown_before_it_is_saved() -> None:
    claim = make.claim(Status.REVIEWING, disease="ami")
    typed = typed_answers(claim, lvef__measured="60")

    answer = do(make.desk_client(make.staff("reviewer")), claim, "answers", "criteria", **typed)

    assert [problem[0] for problem in answer.context["problems"]] == ["answers-lvef__measured"]


def test_saved_answers_come_back_and_the_definition_speaks() -> None:
    claim = make.claim(Status.REVIEWING, disease="ami")
    client = make.desk_client(make.staff("reviewer"))

    saved = do(client, claim, "answers", "criteria", **typed_answers(claim))
    seen = client.get(page(claim, "criteria"))

    assert saved.status_code == 302
    assert seen.context["outcome"].result == "met"
    assert seen.context["held"] == seen.context["total"] - 1  # an accident it was not, or was
    assert claim.answers.get(code="ecg").paper == claim.papers.get(place=1)


def test_a_claim_rests_until_the_day_that_a_condition_sets() -> None:
    claim = make.claim(Status.REVIEWING, disease="ami")
    client = make.desk_client(make.staff("reviewer"))
    since = clock.today() - timedelta(days=30)
    typed = typed_answers(claim, enzymes="not_shown", lvef__since=since.isoformat())
    typed |= {"enzymes__paper": "", "lvef__measured": ""}
    do(client, claim, "answers", "criteria", **typed)
    not_before = client.get(page(claim, "criteria")).context["outcome"].not_before

    do(client, claim, "wait", "criteria", not_before=not_before.isoformat())

    claim.refresh_from_db()
    assert (claim.status, claim.not_before) == (Status.WAITING, since + timedelta(days=90))


# --- decision


def ready(claim: Claim, client: Client, **changed: str) -> dict[str, str]:
    typed = typed_answers(claim, **changed)
    do(client, claim, "answers", "criteria", **typed)
    clause = client.get(page(claim, "decision")).context["form"].fields["clauses"].choices[0][0]
    return {"granted": "yes", "clauses": clause, "reason": "材料齐全。"}


def test_a_proposal_is_previewed_then_made() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    typed = ready(claim, client)

    preview = do(client, claim, "propose", "decision", **typed, preview="1")
    nothing_yet = claim.decisions.exists()
    do(client, claim, "propose", "decision", **typed)

    assert preview.context["letter"]["reason"] == "材料齐全。"
    assert not nothing_yet
    assert claim.decisions.get().granted


def test_a_refusal_says_what_would_change_it() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    code = make.first_condition(claim)
    typed = ready(claim, client, **{code: "not_shown"}) | {"granted": "no"}

    answer = do(client, claim, "propose", "decision", **typed)

    assert [problem[0] for problem in answer.context["problems"]] == ["propose-would_change"]
    assert not claim.decisions.exists()


def test_a_grant_against_the_definition_is_refused_and_what_was_typed_stays() -> None:
    claim = make.claim(Status.REVIEWING)
    client = make.desk_client(make.staff("reviewer"))
    code = make.first_condition(claim)
    typed = ready(claim, client, **{code: "not_shown"})

    answer = do(client, claim, "propose", "decision", **typed)

    assert answer.status_code == 400
    assert "材料齐全。" in text(answer)
    assert not claim.decisions.exists()


def test_nobody_confirms_the_own_proposal() -> None:
    claim = make.claim(Status.PROPOSED)
    decision = claim.decisions.get()
    client = make.desk_client(decision.proposed_by)

    seen = client.get(page(claim, "decision"))
    posted = do(client, claim, "confirm", "decision", decision=decision.pk)

    decision.refresh_from_db()
    assert "disabled" in text(seen)
    assert str(seen.context["closed"]) in text(seen)
    assert posted.status_code == 403
    assert decision.confirmed_at is None


def test_another_reviewer_confirms() -> None:
    claim, other = make.claim(Status.PROPOSED), make.staff("reviewer")
    decision = claim.decisions.get()

    do(make.desk_client(other), claim, "confirm", "decision", decision=decision.pk)

    claim.refresh_from_db()
    decision.refresh_from_db()
    assert (claim.status, decision.confirmed_by) == (Status.GRANTED, other)


def test_it_is_sent_back_with_a_note_only() -> None:
    claim = make.claim(Status.PROPOSED)
    decision = claim.decisions.get()
    client = make.desk_client(make.staff("reviewer"))

    bare = do(client, claim, "back", "decision", decision=decision.pk, why="")
    do(client, claim, "back", "decision", decision=decision.pk, why="心电图第 2 页看不清")

    decision.refresh_from_db()
    claim.refresh_from_db()
    assert bare.context["problems"][0][0] == "back-why"
    assert (claim.status, decision.sent_back_why) == (Status.REVIEWING, "心电图第 2 页看不清")


def test_a_proposal_of_another_claim_is_not_confirmed_here() -> None:
    claim = make.claim(Status.PROPOSED)
    other = make.claim(Status.PROPOSED).decisions.get()

    posted = do(
        make.desk_client(make.staff("reviewer")), claim, "confirm", "decision", decision=other.pk
    )

    other.refresh_from_db()
    assert posted.status_code == 409
    assert other.confirmed_at is None


def test_the_letter_shows_how_many_of_its_papers_this_reader_has_opened() -> None:
    claim = make.claim(Status.REVIEWING)
    first = make.desk_client(make.staff("reviewer"))
    do(first, claim, "propose", "decision", **ready(claim, first))
    second = make.desk_client(make.staff("reviewer"))
    before = second.get(page(claim, "decision")).context

    second.get(reverse("admin:claims_claim_page", args=[claim.pk, 1, 1]))
    after = second.get(page(claim, "decision")).context

    assert [(c["opened"], c["cited"]) for c in (before, after)] == [(0, 1), (1, 1)]
