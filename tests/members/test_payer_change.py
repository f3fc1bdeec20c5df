"""Who pays changes by the word of both."""

from __future__ import annotations

from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from members import actions
from members.models import Account, HouseholdLink, Mandate, Membership, Notice, PayerChange
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make


def mothers() -> tuple[Membership, Account, Account]:
    """A mother who joined by herself, and her son, who may act for her since."""
    number, son = make.id_number(date(1965, 4, 4)), make.account()
    own = make.account()
    mother = actions.add_member(
        account_id=own.pk, name="陈桂香", id_number=number, relation="self", by=own, at=clock.now()
    )
    membership = make.membership(member=mother)
    request = actions.ask_to_act(
        account_id=son.pk, name="陈桂香", id_number=number, relation="parent",
        by=son, at=clock.now(),
    )  # fmt: skip
    assert request is not None
    actions.answer_request(request_id=request.pk, accept=True, by=own, at=clock.now())
    return membership, own, son


def ask(membership: Membership, to: Account, by: Account) -> PayerChange:
    return actions.ask_payer_change(
        membership_id=membership.pk, to_account_id=to.pk, by=by, at=clock.now()
    )


def answer(change: PayerChange, by: Account, *, agree: bool = True) -> PayerChange:
    return actions.answer_payer_change(
        change_id=change.pk, agree=agree, by=by, at=clock.now()
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("asked_by_son", [True, False])
def test_either_asks_and_the_other_agrees(asked_by_son: bool) -> None:
    membership, mother, son = mothers()
    joined_at, covered = membership.joined_at, membership.covered_from
    one, other = (son, mother) if asked_by_son else (mother, son)

    change = ask(membership, son, one)
    before = Membership.objects.get().payer
    answer(change, other)

    membership.refresh_from_db()
    assert (before, membership.payer) == (mother, son)
    assert (membership.joined_at, membership.covered_from) == (joined_at, covered)
    assert Mandate.objects.live(clock.today()).filter(account=son).exists()
    assert PayerChange.objects.get().took_effect
    told = Notice.objects.filter(code__startswith="payer").order_by("pk")
    assert [(notice.code, notice.account_id) for notice in told] == [
        ("payer_asked", other.pk),
        ("payer_changed", one.pk),
    ]


@pytest.mark.django_db
def test_without_the_others_yes_nothing_changes() -> None:
    membership, mother, son = mothers()

    answer(ask(membership, son, son), mother, agree=False)
    actions.withdraw_payer_change(
        change_id=ask(membership, son, son).pk, by=son, at=clock.now()
    )  # fmt: skip
    late = ask(membership, son, son)
    clock.move_to(make.NOON + timedelta(days=14), frozen=True)
    with pytest.raises(NotNow):
        answer(late, mother)

    assert actions.payer_changes_due(at=clock.now()) == 1
    membership.refresh_from_db()
    assert membership.payer == mother
    assert not any(change.took_effect for change in PayerChange.objects.all())


@pytest.mark.django_db
def test_only_those_two_ask_and_only_the_other_answers() -> None:
    membership, mother, son = mothers()

    with pytest.raises(Forbidden):
        ask(membership, son, make.account())
    with pytest.raises(Invalid):
        ask(membership, make.account(), mother)
    with pytest.raises(Invalid):
        ask(membership, mother, mother)
    change = ask(membership, son, son)
    with pytest.raises(Forbidden):
        answer(change, son)
    with pytest.raises(NotNow):
        ask(membership, son, mother)

    assert Membership.objects.get().payer == mother


@pytest.mark.django_db
def test_nothing_is_handed_over_after_the_end() -> None:
    membership, mother, son = mothers()
    change = ask(membership, son, son)
    actions.leave(membership_id=membership.pk, by=mother, at=clock.now())
    clock.move_to(make.NOON + timedelta(days=5), frozen=True)
    actions.leave_due(at=clock.now())

    with pytest.raises(NotNow):
        answer(change, mother)


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_are_one() -> None:
    membership, mother, son = mothers()
    change, together = ask(membership, son, son), Barrier(2)
    outcomes: list[bool | None] = []

    def run(agree: bool) -> None:
        together.wait()
        try:
            answer(change, mother, agree=agree)
            outcomes.append(agree)
        except NotNow:
            outcomes.append(None)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[agree]) for agree in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(None) == 1
    membership.refresh_from_db()
    assert (membership.payer == son) == (True in outcomes)


# --- a login of one's own


@pytest.mark.django_db
def test_who_was_added_by_the_family_gets_a_login_of_their_own() -> None:
    number, son, own = make.id_number(date(1965, 4, 4)), make.account(), make.account()
    mother = actions.add_member(
        account_id=son.pk, name="陈桂香", id_number=number, relation="parent",
        by=son, at=clock.now(),
    )  # fmt: skip
    make.consent(mother)
    membership = make.membership(member=mother)

    request = actions.ask_to_act(
        account_id=own.pk, name="陈桂香", id_number=number, relation="self", by=own, at=clock.now()
    )
    assert request is not None
    actions.answer_request(request_id=request.pk, accept=True, by=son, at=clock.now())
    answer(ask(membership, own, own), son)

    assert HouseholdLink.objects.get(account=own).consent_way == "self"
    membership.refresh_from_db()
    assert membership.payer == own


# --- the pages


@pytest.mark.django_db
def test_the_pages_ask_and_answer() -> None:
    membership, mother, son = mothers()
    sons, mothers_own = Client(), Client()
    sons.force_login(son)
    mothers_own.force_login(mother)
    url = reverse("portal:payer", args=[membership.number])

    empty = sons.post(url, {})
    sons.post(url, {"to_account": str(son.pk)})
    page = mothers_own.get(reverse("portal:payment")).content.decode()
    change = PayerChange.objects.get()
    stranger = Client()
    stranger.force_login(make.account())
    refused = stranger.post(reverse("portal:payer_answer", args=[change.pk]), {"answer": "yes"})
    mothers_own.post(reverse("portal:payer_answer", args=[change.pk]), {"answer": "yes"})

    assert 'href="#id_to_account_0"' in empty.content.decode()
    assert reverse("portal:payer_answer", args=[change.pk]) in page
    assert refused.status_code == 404
    membership.refresh_from_db()
    assert membership.payer == son
