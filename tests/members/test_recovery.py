"""An account comes back to the person whose number was lost: identity, a person, and three days."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from members import actions, identity, sms
from members.models import (
    AccessRecord,
    Account,
    CalendarFeed,
    HelpCall,
    HouseholdLink,
    Member,
    Phone,
    Recovery,
)
from mutualaid import clock
from mutualaid.errors import Forbidden, NotNow, Refused
from tests import make

pytestmark = pytest.mark.django_db

OLD, NEW = "12011110005", "12011110006"
PAGE = "/accounts/recover/"


@pytest.fixture(autouse=True)
def letters(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


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


def told() -> tuple[Recovery, Client]:
    """Somebody has asked, and the beat has told every contact."""
    member, number, browser = person()
    ask(member.name, number)
    due()
    return Recovery.objects.get(), browser


def confirmed() -> tuple[Recovery, Client]:
    recovery, browser = told()
    return confirm(recovery), browser


def confirm(recovery: Recovery, by: Account | None = None) -> Recovery:
    with make.sent_at_once():
        return actions.confirm_recovery(
            recovery_id=recovery.pk, by=by or make.staff("data_officer"), at=clock.now()
        )


def uphold(recovery: Recovery, by: Account | None = None) -> Recovery:
    with make.sent_at_once():
        return actions.uphold_recovery(
            recovery_id=recovery.pk, by=by or make.staff("data_officer"), at=clock.now()
        )


def object_to(recovery: Recovery, by: Account) -> Recovery:
    with make.sent_at_once():
        return actions.object_to_recovery(recovery_id=recovery.pk, by=by, at=clock.now())


def due(**time: int) -> int:
    """What beat does then, the copies of notices among it."""
    clock.move_to(clock.now() + timedelta(**time), frozen=True)
    with make.sent_at_once():
        done = actions.recover_due(at=clock.now())
    make.copies_sent()
    return done


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


# --- telling, and the hold


def test_the_old_contacts_are_told_by_the_beat_and_the_hold_counts_from_then() -> None:
    member, number, browser = person()
    account = actions.account_by_phone(OLD)
    assert account
    Account.objects.filter(pk=account.pk).update(email="old@example.org")
    sent = len(sms.written(OLD))
    ask(member.name, number)
    assert len(sms.written(OLD)) == sent, "nothing leaves while the answer is waited for"
    assert "0006" not in browser.get("/me/security/").text

    assert due(days=2) == 0

    recovery = Recovery.objects.get()
    assert (recovery.told_at, recovery.ready_at) == (clock.now(), clock.now() + timedelta(days=3))
    assert "【相助】" in sms.written(OLD)[-1]
    assert mail.outbox[-1].to == ["old@example.org"]
    assert "0006" in browser.get("/me/security/").text
    confirm(recovery)
    assert due(days=2, hours=23) == 0
    assert due(hours=1) == 1


def test_telling_twice_tells_once() -> None:
    _recovery, _browser = told()
    sent = len(sms.written(OLD))

    due(minutes=5)

    assert len(sms.written(OLD)) == sent


def test_the_warning_is_in_the_language_of_the_account_whatever_the_asker_reads() -> None:
    member, number, _browser = person()

    with translation.override("en"):
        ask(member.name, number)
        due()

    assert "【相助】" in sms.written(OLD)[-1]


def test_whoever_confirms_late_leaves_a_day_and_tells_once_more() -> None:
    recovery, _browser = told()
    clock.move_to(clock.now() + timedelta(days=20), frozen=True)
    sent = len(sms.written(OLD))

    recovery = confirm(recovery)

    assert recovery.ready_at == clock.now() + timedelta(days=1)
    make.copies_sent()
    assert len(sms.written(OLD)) == sent + 1
    assert due(hours=23) == 0
    assert due(hours=1) == 1


def test_the_hold_ends_at_the_instant() -> None:
    recovery, _browser = confirmed()

    clock.move_to(recovery.ready_at - timedelta(microseconds=1), frozen=True)
    assert actions.recover_due(at=recovery.ready_at) == 0, "by the clock, not by what it is told"
    clock.move_to(recovery.ready_at, frozen=True)
    assert actions.recover_due(at=clock.now()) == 1


def test_nothing_happens_without_a_person_who_confirms_and_it_is_given_up() -> None:
    recovery, _browser = told()

    assert due(days=29) == 0
    recovery.refresh_from_db()
    assert recovery.stopped_at is None
    assert due(days=1) == 0
    recovery.refresh_from_db()
    assert recovery.stopped_at is not None


# --- objections


def test_an_objection_keeps_the_account_as_it_was() -> None:
    recovery, browser = confirmed()

    browser.post(reverse("portal:recovery_object", args=[recovery.pk]))

    assert due(days=4) == 0
    assert actions.phone_number(recovery.account) == OLD
    assert "recovery_objected" in recovery.account.notices.values_list("code", flat=True)
    with pytest.raises(NotNow):
        object_to(recovery, recovery.account)


def test_who_lost_a_recycled_number_gets_the_account_in_spite_of_the_strangers_objection() -> None:
    recovery, _browser = confirmed()
    object_to(recovery, recovery.account)

    recovery = uphold(recovery)

    assert recovery.ready_at == clock.now() + timedelta(days=3)
    assert "recovery_upheld" in recovery.account.notices.values_list("code", flat=True)
    with pytest.raises(NotNow):
        object_to(recovery, recovery.account)
    assert due(days=2, hours=23) == 0
    assert due(hours=1) == 1
    assert actions.phone_number(recovery.account) == NEW


def test_an_objection_before_anybody_has_confirmed_counts_the_same() -> None:
    recovery, _browser = told()
    object_to(recovery, recovery.account)

    with pytest.raises(NotNow):
        uphold(recovery)
    confirm(recovery)

    assert due(days=5) == 0
    uphold(recovery)
    assert due(days=3) == 1


def test_it_takes_a_second_person_after_an_objection() -> None:
    recovery, _browser = told()
    officer = make.staff("data_officer")
    confirm(recovery, officer)
    object_to(recovery, recovery.account)

    with pytest.raises(Forbidden):
        uphold(recovery, officer)
    with pytest.raises(Forbidden):
        uphold(recovery, make.staff("finance"))


def test_without_an_objection_there_is_nothing_to_uphold() -> None:
    recovery, _browser = confirmed()

    with pytest.raises(NotNow):
        uphold(recovery)


def test_staff_who_are_not_sure_end_it_also_after_it_was_upheld() -> None:
    recovery, _browser = confirmed()
    object_to(recovery, recovery.account)
    uphold(recovery)

    recovery = object_to(recovery, make.staff("data_officer"))

    assert recovery.stopped_at == clock.now()
    assert due(days=9) == 0


def test_what_was_objected_to_and_never_upheld_is_given_up() -> None:
    recovery, _browser = confirmed()
    object_to(recovery, recovery.account)

    due(days=30)

    recovery.refresh_from_db()
    assert recovery.stopped_at is not None


def test_a_stranger_cannot_object() -> None:
    recovery, _browser = told()

    with pytest.raises(Forbidden):
        object_to(recovery, make.account())
    stranger = make.browser_by_phone("12011110009")
    path = reverse("portal:recovery_object", args=[recovery.pk])
    assert stranger.post(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"done_at": make.NOON, "confirmed_at": None}, "recovery_done_only_confirmed|whole"),
        ({"done_at": make.NOON, "told_at": None}, "recovery_done_only_told"),
        ({"done_at": make.NOON, "objected_at": make.NOON}, "recovery_done_against_objection"),
        ({"upheld_at": make.NOON, "objected_at": make.NOON}, "recovery_upheld_by_another"),
    ],
)
def test_the_database_refuses(change: dict[str, object], constraint: str) -> None:
    recovery, _browser = confirmed()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Recovery.objects.filter(pk=recovery.pk).update(**change)


def test_the_database_holds_two_people_apart() -> None:
    recovery, _browser = confirmed()
    same = {"upheld_at": make.NOON, "objected_at": make.NOON, "upheld_by": recovery.confirmed_by}

    with pytest.raises(IntegrityError, match="recovery_upheld_by_another"), transaction.atomic():
        Recovery.objects.filter(pk=recovery.pk).update(**same)


# --- who asks


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


@pytest.mark.parametrize("known", [True, False])
def test_the_same_is_done_before_the_answer_whether_there_is_such_a_person(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long, the provider and messages, is done for everybody or for nobody."""
    member, number, _browser = person()
    asked: list[str] = []

    def verify(name: str, _number: str) -> identity.Found:
        asked.append(name)
        return identity.Found.VERIFIED

    monkeypatch.setattr(identity, "verify", verify)
    sent = len(sms.written(OLD))

    ask(member.name if known else "别人", number if known else make.id_number())

    assert len(asked) == 1
    assert len(sms.written(OLD)) == sent
    assert len(mail.outbox) == 0
    assert Recovery.objects.exists() is known


def test_one_id_number_is_asked_for_a_few_times_alike_whether_it_is_known() -> None:
    _member, number, _browser = person()

    for id_number in (number, make.id_number()):
        seen = []
        for place in range(5):
            phone = f"1202{number[-4:-1]}{int(id_number == number)}{place:03d}"
            try:
                ask("某某", id_number, number=phone, address=f"198.51.100.{place}")
                seen.append("asked")
            except NotNow:
                seen.append("waits")
        assert seen == ["asked"] * 4 + ["waits"]
    assert not Recovery.objects.exists()


def test_who_asks_first_keeps_the_person_out_of_nothing() -> None:
    member, number, _browser = person()
    ask(member.name, number, number="12011110021", address="198.51.100.1")
    ask(member.name, number, address="198.51.100.2")
    due()
    first, second = Recovery.objects.order_by("pk")

    confirm(second)
    with pytest.raises(NotNow):
        confirm(first)

    assert due(days=3) == 1
    first.refresh_from_db()
    assert first.stopped_at is not None
    assert actions.phone_number(second.account) == NEW


def test_the_same_question_again_is_one() -> None:
    member, number, _browser = person()
    ask(member.name, number)
    clock.move_to(clock.now() + timedelta(hours=1), frozen=True)

    ask(member.name, number, address="198.51.100.2")

    assert Recovery.objects.count() == 1


# --- what ends


def test_every_other_way_in_ends_also_the_address_and_the_link_of_the_calendar() -> None:
    recovery, _browser = confirmed()
    account = recovery.account
    Account.objects.filter(pk=account.pk).update(email="thief@example.org")
    EmailAddress.objects.create(user=account, email="thief@example.org", verified=True)
    actions.make_feed(by=account, at=clock.now())
    call = HelpCall.objects.create(
        account=account, by=make.staff("help_line"), reason="退出计划", code_hash=b"",
        asked_at=clock.now(), until_at=clock.now() + timedelta(days=9),
    )  # fmt: skip

    assert due(days=3) == 1

    account.refresh_from_db()
    call.refresh_from_db()
    assert mail.outbox[-1].to == ["thief@example.org"], "told, a last time"
    assert account.email is None
    assert not EmailAddress.objects.exists()
    assert not CalendarFeed.objects.exists()
    assert call.closed_at == clock.now()


def test_a_number_that_has_become_one_of_the_staff_is_not_taken_from_them() -> None:
    recovery, _browser = confirmed()
    make.browser_by_phone(NEW)
    other = actions.account_by_phone(NEW)
    assert other
    Account.objects.filter(pk=other.pk).update(is_staff=True)

    assert due(days=3) == 0

    assert actions.account_by_phone(NEW) == other
    assert actions.phone_number(recovery.account) == OLD


def test_an_account_that_was_closed_meanwhile_is_handed_to_nobody() -> None:
    recovery, _browser = confirmed()
    Account.objects.filter(pk=recovery.account_id).update(is_active=False)

    assert due(days=3) == 0

    recovery.refresh_from_db()
    assert recovery.stopped_at is not None


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
    due()
    recovery = confirm(Recovery.objects.get())

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


def test_nobody_confirms_for_who_shares_a_login_with_their_family() -> None:
    member, number, _browser = person()
    ask(member.name, number)
    officer, sister = make.staff("data_officer"), make.account()
    mother = make.member(sister, name="林大妈", relation="parent")
    for account, relative in ((sister, member), (officer, mother)):
        HouseholdLink.objects.create(
            account=account, member=relative, relation="parent", made_at=clock.now()
        )

    with pytest.raises(Forbidden):
        confirm(Recovery.objects.get(), officer)


# --- the desk


def officers_desk() -> Client:
    return make.desk_client(make.staff("data_officer"), at=time.time())


def test_the_desk_confirms_upholds_and_ends() -> None:
    recovery, _browser = told()
    path = reverse("admin:members_recovery_answer", args=[recovery.pk])
    page = reverse("admin:members_recovery_change", args=[recovery.pk])
    first, second = officers_desk(), officers_desk()

    assert first.get(page).status_code == 200
    assert first.post(path, {"answer": "confirm"}).status_code == 302
    object_to(recovery, recovery.account)
    assert "disabled" in first.get(page).text
    assert first.post(path, {"answer": "uphold"}).status_code == 403
    assert "disabled" not in second.get(page).text.split("<main")[-1]
    assert second.post(path, {"answer": "uphold"}).status_code == 302
    recovery.refresh_from_db()
    assert recovery.upheld_at == clock.now()
    assert first.post(path, {"answer": "refuse"}).status_code == 302
    recovery.refresh_from_db()
    assert recovery.stopped_at == clock.now()
    assert first.post(path, {"answer": "confirm"}).status_code == 409


@pytest.mark.parametrize("answer", ["", "yes", "stop_everything"])
def test_what_is_no_answer_changes_nothing(answer: str) -> None:
    recovery, _browser = told()

    said = officers_desk().post(
        reverse("admin:members_recovery_answer", args=[recovery.pk]), {"answer": answer}
    )

    assert said.status_code == 400
    recovery.refresh_from_db()
    assert (recovery.confirmed_at, recovery.stopped_at) == (None, None)


def test_the_new_number_is_shown_to_ring_it_up_and_that_is_written_down() -> None:
    recovery, _browser = told()
    desk: Any = officers_desk()
    page = reverse("admin:members_recovery_change", args=[recovery.pk])
    assert NEW not in desk.get(reverse("admin:members_recovery_changelist")).text
    assert NEW not in desk.get(page).text

    shown = desk.post(reverse("admin:members_recovery_number", args=[recovery.pk]))

    assert NEW in shown.text
    assert "no-store" in shown["Cache-Control"]
    record = AccessRecord.objects.get(what="new_number")
    assert (record.why, record.object_id) == ("recovery", recovery.pk)
    own = recovery.account.household.get(relation="self")
    assert record.member_id == own.member_id


def test_the_number_is_shown_to_nobody_else_and_not_after_the_end() -> None:
    recovery, _browser = told()
    path = reverse("admin:members_recovery_number", args=[recovery.pk])
    other: Any = make.desk_client(make.staff("finance"), at=time.time())

    assert other.post(path).status_code == 403
    object_to(recovery, make.staff("data_officer"))
    assert officers_desk().post(path).status_code == 409
    assert not AccessRecord.objects.filter(what="new_number").exists()


def test_an_old_login_of_the_desk_is_asked_for_again() -> None:
    recovery, _browser = told()
    desk: Any = make.desk_client(make.staff("data_officer"), at=time.time() - 3600)

    for name in ("answer", "number"):
        path = reverse(f"admin:members_recovery_{name}", args=[recovery.pk])
        assert "reauthenticate" in desk.post(path, {"answer": "confirm"})["Location"]
    recovery.refresh_from_db()
    assert recovery.confirmed_at is None


# --- at once


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


@pytest.mark.django_db(transaction=True)
def test_an_objection_at_the_instant_of_handing_over_comes_before_or_too_late() -> None:
    recovery, _browser = confirmed()
    clock.move_to(recovery.ready_at, frozen=True)
    at, handed, said = clock.now(), [], []

    def hand_over() -> None:
        try:
            handed.append(actions.recover_due(at=at))
        finally:
            connection.close()

    def objects() -> None:
        try:
            actions.object_to_recovery(recovery_id=recovery.pk, by=recovery.account, at=at)
            said.append("objected")
        except NotNow:
            said.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for work in (hand_over, objects)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    recovery.refresh_from_db()
    assert (handed == [1]) == (said == ["too late"])
    assert (recovery.done_at is None) == (said == ["objected"])


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_confirm_one_of_two_who_ask() -> None:
    member, number, _browser = person()
    ask(member.name, number, number="12011110021", address="198.51.100.1")
    ask(member.name, number, address="198.51.100.2")
    due()
    said: list[str] = []
    people = [make.staff("data_officer"), make.staff("data_officer")]

    def work(recovery_id: int, by: Account) -> None:
        try:
            actions.confirm_recovery(recovery_id=recovery_id, by=by, at=clock.now())
            said.append("confirmed")
        except NotNow:
            said.append("refused")
        finally:
            connection.close()

    asked = Recovery.objects.order_by("pk").values_list("pk", flat=True)
    threads = [threading.Thread(target=work, args=pair) for pair in zip(asked, people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said) == ["confirmed", "refused"]
