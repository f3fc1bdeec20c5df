"""Signing in by phone: one way for known and unknown numbers, codes that count, growing waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members import actions, sms
from members.models import Account, Phone, PhoneCode
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db

NUMBER, OTHER = "12011110001", "12011110002"
ENTER, CODE = "/accounts/phone/", "/accounts/phone/code/"


def ask(client: Client, number: str = NUMBER, **more: Any) -> Any:
    with make.sent_at_once():
        return client.post(ENTER, {"phone": number}, **more)


def is_in(client: Client) -> bool:
    return client.get(reverse("portal:me")).status_code == 200


def wait(**time: int) -> None:
    clock.move_to(clock.now() + timedelta(**time), frozen=True)


def test_a_new_number_opens_an_account_with_the_code_and_not_before(client: Client) -> None:
    answer = ask(client, "120 1111 0001")

    assert answer["Location"] == CODE
    assert not Account.objects.exists()

    client.post(CODE, {"code": make.sms_code(NUMBER)})

    assert is_in(client)
    account = Account.objects.get()
    assert (account.email, account.made_at, account.has_usable_password()) == (
        None, make.NOON, False
    )  # fmt: skip
    assert (account.phone.tail, account.phone.verified_at) == ("0001", make.NOON)


def test_the_same_number_comes_back_to_the_same_account() -> None:
    make.browser_by_phone(NUMBER)
    wait(minutes=2)

    again = make.browser_by_phone("+86 " + NUMBER)

    assert is_in(again)
    assert Account.objects.count() == Phone.objects.count() == 1


def test_known_and_unknown_numbers_have_the_same_answer_and_the_same_work(client: Client) -> None:
    make.browser_by_phone(NUMBER)
    wait(minutes=2)
    Client().get(ENTER)

    seen = []
    for number in (NUMBER, OTHER):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser = Client()
            page = ask(browser, number)
        shown = browser.get(CODE).content.decode().replace(number, "N")
        sent = sms.written(number)[-1].replace(make.sms_code(number), "C")
        verbs = [query["sql"].split()[0] for query in queries]
        seen.append((page.status_code, page["Location"], sent, verbs, "N" in shown))

    assert seen[0] == seen[1]


def test_a_wrong_code_signs_nobody_in_and_five_end_it(client: Client) -> None:
    ask(client)
    wrong = f"{(int(make.sms_code(NUMBER)) + 1) % 10**6:06d}"

    for _each in range(5):
        assert client.post(CODE, {"code": wrong}).context["form"].errors

    answer = client.post(CODE, {"code": make.sms_code(NUMBER)})
    assert answer.context["form"].errors
    assert not is_in(client)
    assert not Account.objects.exists()


def test_a_code_counts_once_and_for_ten_minutes(client: Client) -> None:
    ask(client)
    code = make.sms_code(NUMBER)
    wait(minutes=10)

    client.post(CODE, {"code": code})

    assert not is_in(client)
    ask(client)
    client.post(CODE, {"code": make.sms_code(NUMBER)})
    assert is_in(client)
    assert PhoneCode.objects.filter(used_at__isnull=False).count() == 1


def test_a_code_of_another_number_opens_nothing(client: Client) -> None:
    ask(Client(), OTHER)
    ask(client)

    client.post(CODE, {"code": make.sms_code(OTHER)})

    assert not is_in(client) or make.sms_code(OTHER) == make.sms_code(NUMBER)


def test_each_message_makes_the_next_wait_longer_and_says_until_when(client: Client) -> None:
    ask(client)
    for minutes, sent in ((1, 2), (5, 3), (60, 4)):
        refused = ask(client)
        assert refused.status_code == 200
        assert ":" in str(
            refused.context["form"].non_field_errors() or refused.context["form"]["phone"].errors
        )
        wait(minutes=minutes)
        ask(client)
        assert len(sms.written(NUMBER)) == sent

    wait(days=1)
    ask(client)
    assert len(sms.written(NUMBER)) == 5
    wait(minutes=1)
    ask(client)
    assert len(sms.written(NUMBER)) == 6


def test_one_address_cannot_flood_many_numbers_and_a_header_does_not_help() -> None:
    for place in range(20):
        ask(Client(), f"120222200{place:02d}", HTTP_X_FORWARDED_FOR=f"203.0.113.{place}")

    assert sum(len(sms.written(f"120222200{place:02d}")) for place in range(20)) == 11


@pytest.mark.django_db(transaction=True)
def test_a_message_that_does_not_leave_is_said(client: Client, settings: Any) -> None:
    settings.SMS_BACKEND, settings.SMS_URL, settings.SMS_TOKEN = "http", "http://127.0.0.1:9/", "t"

    answer = client.post(ENTER, {"phone": NUMBER})

    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_who_has_a_second_factor_is_asked_for_it_after_the_code() -> None:
    make.browser_by_phone(NUMBER)
    account = Account.objects.get()
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(account, generate_totp_secret())
    wait(minutes=2)

    browser = make.browser_by_phone(NUMBER)

    assert browser.get(reverse("portal:me")).status_code == 302
    assert browser.get(reverse("mfa_authenticate")).status_code == 200


def test_a_closed_account_is_not_entered() -> None:
    make.browser_by_phone(NUMBER)
    Account.objects.update(is_active=False)
    wait(minutes=2)

    assert not is_in(make.browser_by_phone(NUMBER))


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_nobody_is_led_to_another_site(client: Client, target: str) -> None:
    with make.sent_at_once():
        client.post(f"{ENTER}?next={target}", {"phone": NUMBER})

    answer = client.post(f"{CODE}?next={target}", {"code": make.sms_code(NUMBER)})

    assert answer["Location"] == reverse("portal:me")


def test_the_number_is_in_no_table_of_sessions_and_codes(client: Client) -> None:
    ask(client)

    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        data = "".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT t::text FROM members_phonecode t")
        data += "".join(row[0] for row in cursor.fetchall())

    assert data
    assert NUMBER not in data
    assert make.sms_code(NUMBER) not in data
    from django.contrib.sessions.backends.db import SessionStore
    from django.core import signing

    class Raw:
        def loads(self, read: bytes) -> bytes:
            return read

    raw = signing.loads(
        client.session._get_session_from_db().session_data,  # type: ignore[attr-defined]
        salt=SessionStore().key_salt, serializer=Raw,  # type: ignore[arg-type]
    )  # fmt: skip
    assert NUMBER.encode() not in raw


# --- wrong passwords


def sign_in(email: str, password: str, **more: Any) -> Any:
    client = Client()
    answer = client.post(reverse("account_login"), {"login": email, "password": password}, **more)
    return client, answer


def confirmed(email: str) -> Account:
    from allauth.account.models import EmailAddress

    account = make.account(email)
    EmailAddress.objects.create(user=account, email=email, verified=True, primary=True)
    return account


def test_wrong_passwords_wait_longer_and_longer_and_nobody_else_does() -> None:
    confirmed("lin@example.org")
    confirmed("chen@example.org")
    for _each in range(5):
        sign_in("lin@example.org", "wrong-password")

    client, _answer = sign_in("lin@example.org", make.PASSWORD)
    assert not is_in(client)
    client, _answer = sign_in("chen@example.org", make.PASSWORD)
    assert is_in(client)
    client, _answer = sign_in("lin@example.org", make.PASSWORD, REMOTE_ADDR="203.0.113.9")
    assert is_in(client)

    wait(minutes=1)
    client, _answer = sign_in("lin@example.org", make.PASSWORD)
    assert is_in(client)


def test_a_known_and_an_unknown_login_are_told_the_same() -> None:
    confirmed("lin@example.org")

    told = [
        str(sign_in(email, "wrong-password")[1].context["form"].errors)
        for email in ("lin@example.org", "nobody@example.org")
    ]

    assert told[0] == told[1]


def test_one_signs_in_by_number_and_password() -> None:
    make.browser_by_phone(NUMBER)
    account = Account.objects.get()
    account.set_password(make.PASSWORD)
    account.save()

    client, _answer = sign_in("120 1111 0001", make.PASSWORD)

    assert is_in(client)


# --- another number


def test_a_number_is_changed_by_its_own_code_and_the_old_one_is_told() -> None:
    browser = make.browser_by_phone(NUMBER)
    account = Account.objects.get()

    with make.sent_at_once():
        browser.post(reverse("portal:phone_change"), {"step": "number", "phone": OTHER})
    with make.sent_at_once():
        browser.post(reverse("portal:phone_change"), {"step": "code", "code": make.sms_code(OTHER)})

    assert actions.phone_number(account) == OTHER
    assert account.notices.get().code == "phone_changed"
    assert "手机" in sms.written(NUMBER)[-1] or "phone" in sms.written(NUMBER)[-1]
    assert actions.account_by_phone(NUMBER) is None


def test_a_number_of_another_account_is_not_taken() -> None:
    make.browser_by_phone(OTHER)
    browser = make.browser_by_phone(NUMBER)
    wait(minutes=2)

    with make.sent_at_once():
        browser.post(reverse("portal:phone_change"), {"step": "number", "phone": OTHER})
    answer = browser.post(
        reverse("portal:phone_change"), {"step": "code", "code": make.sms_code(OTHER)}
    )

    assert answer.context["form"].errors
    assert Phone.objects.count() == 2


def test_old_codes_and_counts_are_removed(client: Client) -> None:
    ask(client)
    wait(days=3)

    assert actions.logins_due(at=clock.now()) == 3
