"""The juror's pages, without JavaScript: every step a form and an answer."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from jury import reference
from jury.models import Ballot, Case, ExamAttempt, ExamQuestion, Juror, Seat
from members.models import Account
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db
REASON = "我看了双方的材料，按规则逐条对照，这是我的判断。"


def as_(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def case_and_juror() -> tuple[Case, Seat, Client]:
    case = make.case(spare=1)
    seat = case.seats.get(drawn=1)
    return case, seat, as_(seat.juror.account)


def page(name: str, case: Case) -> str:
    return reverse(f"jury:{name}", args=[case.number])


def ballot(step: str, **changed: str) -> dict[str, str]:
    given = {"choice": "against", "clause": "other", "reason": REASON}
    return given | {"step": step} | changed


def answer_all(client: Client, attempt: ExamAttempt, *, wrong: int = 0) -> None:
    for place, key in enumerate(attempt.questions, start=1):
        question = ExamQuestion.objects.get(pk=key)
        answer = question.right if place > wrong else (question.right + 1) % 3
        client.post(reverse("jury:question", args=[place]), {"answer": answer})


def test_a_member_becomes_a_juror_through_the_pages() -> None:
    reference.ensure_questions()
    account = make.guardian(make.membership().member)
    client = as_(account)
    assert client.get(reverse("jury:home")).status_code == 200
    assert client.get(reverse("jury:exam")).status_code == 200

    begun = client.post(reverse("jury:exam"))
    assert begun["Location"] == reverse("jury:question", args=[1])
    attempt = ExamAttempt.objects.get(account=account)
    answer_all(client, attempt)
    checked = client.get(reverse("jury:exam_check"))
    assert checked.content.decode().count("<dt>") == 6
    done = client.post(reverse("jury:exam_check"), follow=True)

    assert done.context["attempt"].passed
    assert Juror.objects.filter(account=account).exists()
    assert client.get(reverse("jury:home")).status_code == 200


def test_a_failed_exam_names_the_topics_and_explains() -> None:
    reference.ensure_questions()
    account = make.guardian(make.membership().member)
    client = as_(account)
    client.post(reverse("jury:exam"))
    attempt = ExamAttempt.objects.get(account=account)
    answer_all(client, attempt, wrong=2)

    answer = client.post(reverse("jury:exam_check"), follow=True)

    asked = [ExamQuestion.objects.get(pk=key) for key in attempt.questions]
    assert [row["topic"] for row in answer.context["wrong"]] == [
        reference.TOPICS[question.topic] for question in asked[:2]
    ]
    assert all(question.explanation_zh in answer.content.decode() for question in asked)
    again = client.post(reverse("jury:exam"))
    assert again.status_code == 409


def test_no_page_of_the_exam_tells_the_right_answer_before_it_is_handed_in() -> None:
    reference.ensure_questions()
    account = make.guardian(make.membership().member)
    client = as_(account)
    client.post(reverse("jury:exam"))
    question = ExamQuestion.objects.get(pk=ExamAttempt.objects.get().questions[0])
    address = reverse("jury:question", args=[1])

    before = client.get(address).content.decode().split("</form>")[0]
    ExamQuestion.objects.filter(pk=question.pk).update(right=(question.right + 1) % 3)
    after = client.get(address).content.decode().split("</form>")[0]

    strip = [line for line in before.splitlines() if "csrf" not in line]
    assert strip == [line for line in after.splitlines() if "csrf" not in line]
    assert question.explanation_zh not in before


def test_a_question_without_an_answer_is_asked_again_with_a_word() -> None:
    reference.ensure_questions()
    client = as_(make.guardian(make.membership().member))
    client.post(reverse("jury:exam"))

    answer = client.post(reverse("jury:question", args=[1]), {})

    assert answer.context["form"].errors["answer"]
    assert "error-summary" in answer.content.decode()


def test_a_juror_reads_votes_checks_changes_and_casts() -> None:
    case, seat, client = case_and_juror()
    shown = client.get(page("case", case)).content.decode()
    assert case.pack["question"]["zh"] in shown
    assert case.appeal.statement in shown
    assert client.get(page("vote", case))["Location"] == page("case", case)

    assert client.post(page("case", case))["Location"] == page("vote", case)
    assert client.get(page("vote", case)).status_code == 200
    checked = client.post(page("vote", case), ballot("check"))
    assert REASON in checked.content.decode()
    assert not Ballot.objects.exists()
    changed = client.post(page("vote", case), ballot("change"))
    assert REASON in changed.content.decode()
    assert "<textarea" in changed.content.decode()
    cast = client.post(page("vote", case), ballot("cast", choice="support"))

    assert cast["Location"] == page("receipt", case)
    kept = Ballot.objects.get(seat=seat)
    assert (kept.choice, kept.reason) == ("support", REASON)
    receipt = client.get(page("receipt", case)).content.decode()
    assert kept.receipt in receipt
    assert REASON not in receipt
    assert kept.get_choice_display() not in receipt


def test_a_second_vote_is_a_conflict_in_words() -> None:
    case, _seat, client = case_and_juror()
    client.post(page("case", case))
    client.post(page("vote", case), ballot("cast"))

    again = client.post(page("vote", case), ballot("cast", choice="support"))

    assert again.status_code == 409
    assert Ballot.objects.get().choice == "against"


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"choice": ""}, "choice"), ({"clause": ""}, "clause"), ({"reason": "不行"}, "reason")],
)
def test_a_ballot_with_a_fault_says_so_at_its_field(changed: dict[str, str], field: str) -> None:
    case, _seat, client = case_and_juror()
    client.post(page("case", case))

    for step in ("check", "cast"):
        answer = client.post(page("vote", case), ballot(step, **changed))
        assert list(answer.context["form"].errors) == [field]
    assert not Ballot.objects.exists()


def test_declining_asks_first_and_closes_the_case_for_good() -> None:
    case, seat, client = case_and_juror()
    assert client.get(page("decline", case)).status_code == 200
    seat.refresh_from_db()
    assert seat.declined_at is None

    assert client.post(page("decline", case))["Location"] == reverse("jury:home")

    assert client.get(page("case", case)).status_code == 404
    assert case.seats.held().count() == 3


def test_the_result_shows_the_count_and_ones_own_vote_after_the_close() -> None:
    case, _seat, client = case_and_juror()
    assert client.get(page("result", case))["Location"] == page("case", case)
    cast = make.ballots(case, against=2, support=1)
    make.close(case)

    answer = client.get(page("result", case))

    text = answer.content.decode()
    assert [row["value"] for row in answer.context["rows"]] == ["1", "2", "0", "3"]
    assert all(ballot.receipt in text for ballot in cast)
    assert answer.context["ballot"].choice == "support"  # the seat drawn first voted first
    assert client.get(page("case", case))["Location"] == page("result", case)
    assert client.get(reverse("jury:home")).status_code == 200


def test_a_withdrawn_case_shows_no_count() -> None:
    from jury import actions

    case, _seat, client = case_and_juror()
    make.ballots(case, against=2)
    claimant = make.guardian(case.appeal.claim.member)
    actions.withdraw_case(case_id=case.pk, by=claimant, at=clock.now())

    answer = client.get(page("result", case))

    assert answer.status_code == 200
    assert "rows" not in answer.context


def test_a_case_of_others_is_the_same_404_as_none() -> None:
    case, _seat, _client = case_and_juror()
    stranger = as_(make.account())

    for name in ("case", "decline", "vote", "receipt", "result"):
        foreign = stranger.get(page(name, case))
        missing = stranger.get(page(name, case).replace(case.number, "Z-999999"))
        assert (foreign.status_code, missing.status_code) == (404, 404)


def test_without_a_login_every_page_asks_for_one() -> None:
    case, _seat, _client = case_and_juror()
    client = Client()

    for address in (reverse("jury:home"), reverse("jury:exam"), page("case", case)):
        assert client.get(address)["Location"].startswith(reverse("account_login"))


def test_giving_up_the_office_asks_first() -> None:
    juror = make.juror()
    client = as_(juror.account)

    assert client.get(reverse("jury:resign")).status_code == 200
    client.post(reverse("jury:resign"))
    juror.refresh_from_db()
    assert juror.resigned_at is not None
    client.post(reverse("jury:office"))

    juror.refresh_from_db()
    assert juror.resigned_at is None
