"""An account comes back to the person whose number was lost: identity, a person, and three days."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from members import actions, sms
from members.models import Account, Member, Phone, Recovery
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow, Refused
from tests import make

pytestmark = pytest.mark.django_db

OLD, NEW = "12011110005", "12011110006"
PAGE = "/accounts/recover/"


def person(name: str = "林秀梅") -> tuple[Member, str, Client]:
    """A member who signs in by the old number, with their ID number and browser."""
    browser = make.browser_by_phone(OLD)
    account = actions.account_by_phone(OLD)
    assert account
    number = make.id_number()
    member = actions.add_member(
        account_id=account.pk, name=name, id_number=number, relation="self", by=account,
        at=clock.now(),
    )  # fmt: skip
    return member, number, browser


def ask(name: str, id_number: str, *, number: str = NEW, address: str = "203.0.113.5") -> bool:
    with make.sent_at_once():
        asked, normal = actions.ask_code(
            purpose="recover", phone=number, address=address, at=clock.now()
        )
    with make.sent_at_once():
        return actions.ask_recovery(
            name=name, id_number=id_number, code_id=asked.pk, number=normal,
            code=make.sms_code(number), address=address, at=clock.now(),
        )  # fmt: skip


def confirmed() -> tuple[Recovery, Client]:
    member, number, browser = person()
    ask(member.name, number)
    recovery = Recovery.objects.get()
    officer = make.staff("data_officer")
    return actions.confirm_recovery(recovery_id=recovery.pk, by=officer, at=clock.now()), browser


def due(**time: int) -> int:
    clock.move_to(clock.now() + timedelta(**time), frozen=True)
    with make.sent_at_once():
        return actions.recover_due(at=clock.now())


def test_after_three_days_the_new_number_alone_opens_the_account() -> None:
    recovery, old_browser = confirmed()
    account = recovery.account

    assert due(days=2, hours=23) == 0
    assert actions.phone_number(account) == OLD
    assert due(hours=1) == 1

    assert actions.phone_number(account) == NEW
    assert actions.account_by_phone(OLD) is None
    assert old_browser.get(reverse("portal:me")).status_code == 302
    again = make.browser_by_phone(NEW)
    assert again.get(reverse("portal:me")).context["user"] == account
    account.refresh_from_db()
    assert not account.has_usable_password()
    assert "recovery_done" in account.notices.values_list("code", flat=True)


def test_the_old_number_is_told_at_once_and_one_word_stops_it() -> None:
    member, number, browser = person()
    ask(member.name, number)
    recovery = Recovery.objects.get()
    assert make.copies_sent() == 1
    assert "账户" in sms.written(OLD)[-1] or "account" in sms.written(OLD)[-1]
    assert "0006" in browser.get("/me/security/").text

    browser.post(reverse("portal:recovery_object", args=[recovery.pk]))

    with pytest.raises(NotNow):
        actions.confirm_recovery(
            recovery_id=recovery.pk, by=make.staff("data_officer"), at=clock.now()
        )
    assert due(days=4) == 0
    assert actions.phone_number(recovery.account) == OLD


def test_nothing_happens_without_a_person_who_confirms_and_it_is_given_up() -> None:
    member, number, _browser = person()
    ask(member.name, number)

    assert due(days=29) == 0
    assert Recovery.objects.get().stopped_at is None
    assert due(days=1) == 0
    assert Recovery.objects.get().stopped_at is not None


@pytest.mark.parametrize("wrong", ["name", "number"])
def test_who_does_not_fit_is_told_the_same_and_nothing_begins(wrong: str) -> None:
    member, number, _browser = person()
    other = make.id_number()

    said = ask("别人" if wrong == "name" else member.name, other if wrong == "number" else number)

    assert said is True
    assert not Recovery.objects.exists()


def test_a_name_that_the_provider_does_not_know_for_the_number_begins_nothing() -> None:
    member, number, _browser = person()
    Member.objects.filter(pk=member.pk).update(name="林秀错")

    ask("林秀错", number)

    assert not Recovery.objects.exists()


def test_the_page_says_the_same_to_everybody(client: Client) -> None:
    member, number, _browser = person()

    seen = []
    for place, (name, phone) in enumerate(((member.name, NEW), ("别人", "12011110007"))):
        browser = Client(REMOTE_ADDR=f"203.0.113.{place}")
        with make.sent_at_once():
            browser.post(PAGE, {"step": "number", "phone": phone})
        with make.sent_at_once():
            answer = browser.post(
                PAGE,
                {"step": "ask", "code": make.sms_code(phone), "name": name, "id_number": number},
            )
        seen.append((answer.status_code, answer["Location"], browser.get(answer["Location"]).text))

    assert seen[0] == seen[1]
    assert Recovery.objects.count() == 1


def test_a_wrong_code_keeps_what_was_typed() -> None:
    browser = Client()
    with make.sent_at_once():
        browser.post(PAGE, {"step": "number", "phone": NEW})
    wrong = f"{(int(make.sms_code(NEW)) + 1) % 10**6:06d}"

    answer = browser.post(PAGE, {"step": "ask", "code": wrong, "name": "林秀梅", "id_number": "1"})

    assert answer.context["ask_form"]["name"].value() == "林秀梅"
    assert answer.context["ask_form"].errors


def test_many_questions_from_one_address_wait_longer_and_longer() -> None:
    for number in ("12011110011", "12011110012", "12011110013"):
        ask("某某", make.id_number(), number=number)

    with pytest.raises(NotNow):
        ask("某某", make.id_number(), number="12011110014")


def test_a_number_that_serves_a_family_is_not_taken_from_it() -> None:
    member, number, _browser = person()
    make.browser_by_phone(NEW)
    other = actions.account_by_phone(NEW)
    make.member(other, name="赵一")
    clock.move_to(clock.now() + timedelta(days=2), frozen=True)

    with pytest.raises(Refused):
        ask(member.name, number)


def test_an_empty_account_of_the_new_number_gives_way() -> None:
    member, number, _browser = person()
    make.browser_by_phone(NEW)
    clock.move_to(clock.now() + timedelta(days=2), frozen=True)
    ask(member.name, number)
    recovery = Recovery.objects.get()
    actions.confirm_recovery(recovery_id=recovery.pk, by=make.staff("data_officer"), at=clock.now())

    assert due(days=3) == 1

    assert actions.phone_number(recovery.account) == NEW
    assert Phone.objects.count() == 1


@pytest.mark.parametrize("role", ["adjuster", "reviewer", "finance"])
def test_only_staff_with_this_task_confirm(role: str) -> None:
    member, number, _browser = person()
    ask(member.name, number)

    with pytest.raises(Forbidden):
        actions.confirm_recovery(
            recovery_id=Recovery.objects.get().pk, by=make.staff(role), at=clock.now()
        )


def test_nobody_confirms_for_the_own_family() -> None:
    member, number, _browser = person()
    ask(member.name, number)
    officer = make.staff("data_officer")
    from members.models import HouseholdLink

    HouseholdLink.objects.create(
        account=officer, member=member, relation="parent", made_at=clock.now()
    )

    with pytest.raises(Forbidden):
        actions.confirm_recovery(recovery_id=Recovery.objects.get().pk, by=officer, at=clock.now())


def test_staff_get_no_account_back_this_way() -> None:
    member, number, _browser = person()
    Account.objects.update(is_staff=True)

    ask(member.name, number, number="12011110008")

    assert not Recovery.objects.exists()


def test_the_desk_confirms_and_refuses() -> None:
    member, number, _browser = person()
    ask(member.name, number)
    recovery = Recovery.objects.get()
    desk: Any = make.desk_client(make.staff("data_officer"), at=time.time())
    path = reverse("admin:members_recovery_answer", args=[recovery.pk])

    assert NEW not in desk.get(reverse("admin:members_recovery_changelist")).text
    assert desk.get(reverse("admin:members_recovery_change", args=[recovery.pk])).status_code == 200
    desk.post(path, {"answer": "confirm"})
    recovery.refresh_from_db()
    assert recovery.confirmed_at == clock.now()
    desk.post(path, {"answer": "refuse"})
    recovery.refresh_from_db()
    assert recovery.stopped_at == clock.now()
    assert desk.post(path, {"answer": "confirm"}).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_two_workers_hand_over_once_and_an_objection_in_between_wins_or_loses_whole() -> None:
    recovery, _browser = confirmed()
    clock.move_to(recovery.ready_at, frozen=True)
    at, done = clock.now(), []

    def work() -> None:
        try:
            done.append(actions.recover_due(at=at))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(done) == 1
    assert actions.phone_number(recovery.account) == NEW
