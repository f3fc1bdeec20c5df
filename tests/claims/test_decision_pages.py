"""The letter, the account and the appeal, as the family goes through them."""

from __future__ import annotations

import pytest
from django.test import Client

from claims.models import Claim, Payee
from claims.states import Status
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db

STATEMENT = "报告就在医院，日期和病历里的一样，请大家看一看。"
ACCOUNT = {"relation": "self", "bank": "农业银行", "account": "6228480012345678901"}


def family_of(claim: Claim) -> Client:
    client = Client()
    client.force_login(claim.filed_by)
    make.authenticated(client, claim.filed_by)
    return client


def test_a_refusal_says_first_what_was_decided_then_why_then_the_ways_on() -> None:
    claim = make.claim(Status.REFUSED)
    decision = claim.decisions.get()

    text = family_of(claim).get(f"/claims/{claim.number}/letter/").text

    ways_on = f"/claims/{claim.number}/appeal/"
    order = ["<h1>", decision.clauses[0], decision.table[-1]["text_zh"], decision.would_change]
    places = [text.index(part) for part in [*order, ways_on]]
    assert places == sorted(places)


def test_there_is_no_letter_before_two_reviewers_have_decided() -> None:
    claim = make.claim(Status.PROPOSED)

    assert family_of(claim).get(f"/claims/{claim.number}/letter/").status_code == 404


def test_the_account_is_checked_once_more_and_then_confirmed() -> None:
    claim = make.claim(Status.GRANTED)
    client = family_of(claim)

    given = client.post(
        f"/claims/{claim.number}/payee/", ACCOUNT | {"holder": claim.member.name, "reason": ""}
    )
    check = client.get(given["Location"])
    confirmed = client.post(given["Location"])

    assert "8901" in check.text
    assert "6228480012345678901" not in check.text
    assert confirmed["Location"] == f"/claims/{claim.number}/done/payee/"
    assert client.get(confirmed["Location"]).status_code == 200
    assert Payee.objects.get(claim=claim).confirmed_at == clock.now()


def test_a_wrong_holder_is_said_beside_the_field() -> None:
    claim = make.claim(Status.GRANTED)

    response = family_of(claim).post(
        f"/claims/{claim.number}/payee/", ACCOUNT | {"holder": "别人", "reason": ""}
    )

    assert response.status_code == 400
    assert 'href="#id_holder"' in response.text
    assert not Payee.objects.exists()


def test_an_appeal_shows_what_the_jury_sees_and_is_sent_after_a_check() -> None:
    claim = make.claim(Status.REFUSED)
    client = family_of(claim)

    shown = client.get(f"/claims/{claim.number}/appeal/")
    typed = client.post(f"/claims/{claim.number}/appeal/", {"statement": STATEMENT, "agree": "on"})
    check = client.get(typed["Location"])
    sent = client.post(typed["Location"])

    claim.refresh_from_db()
    assert claim.decisions.get().reason in shown.text
    assert "第一人民医院" not in shown.text
    assert STATEMENT in check.text
    assert STATEMENT not in str(dict(client.session))
    assert sent["Location"] == f"/claims/{claim.number}/done/appeal/"
    assert claim.status == Status.APPEALED
    assert claim.appeals.get().statement == STATEMENT


def test_without_consent_the_jury_is_not_asked() -> None:
    claim = make.claim(Status.REFUSED)

    response = family_of(claim).post(f"/claims/{claim.number}/appeal/", {"statement": STATEMENT})

    assert response.status_code == 400
    assert 'href="#id_agree"' in response.text


def test_an_appeal_after_the_last_day_is_a_page_with_the_sentence() -> None:
    claim = make.claim(Status.REFUSED)
    assert claim.due_at is not None
    clock.move_to(claim.due_at, frozen=True)

    response = family_of(claim).get(f"/claims/{claim.number}/appeal/")

    assert response.status_code == 409


def test_the_vote_stands_on_the_page_once_it_is_over_and_never_before() -> None:
    claim, over = make.claim(Status.APPEALED), make.claim(Status.UPHELD)

    running = family_of(claim).get(f"/claims/{claim.number}/")
    result = family_of(over).get(f"/claims/{over.number}/")

    assert running.context["verdict"] == {}
    assert result.context["verdict"] == {"support": 1, "against": 2}


def test_an_appeal_is_taken_back_after_asking_once_more() -> None:
    claim = make.claim(Status.APPEALED)
    client = family_of(claim)

    asked = client.get(f"/claims/{claim.number}/appeal/withdraw/")
    done = client.post(f"/claims/{claim.number}/appeal/withdraw/")

    claim.refresh_from_db()
    assert asked.status_code == 200
    assert done["Location"] == f"/claims/{claim.number}/done/appeal-withdrawn/"
    assert claim.status == Status.REFUSED
