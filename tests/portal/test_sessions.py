"""A session begins anew with a login and ends with what should end it (security.md S4–S7, S12)."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client
from django.urls import reverse

from members import actions
from members.models import Account
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db

NUMBER, NEW = "12011110021", "12011110022"
LOGIN = "/accounts/login/"


def by_password(account: Account, client: Client | None = None) -> Client:
    EmailAddress.objects.get_or_create(
        user=account, email=account.email, defaults={"verified": True, "primary": True}
    )
    client = client or Client()
    client.post(LOGIN, {"login": account.email, "password": make.PASSWORD})
    return client


def key(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def is_in(client: Client) -> bool:
    return client.get(reverse("portal:me")).status_code == 200


def test_a_login_by_code_changes_the_key_that_was_there_before() -> None:
    client = Client()
    with make.sent_at_once():
        client.post("/accounts/phone/", {"phone": NUMBER})
    before = key(client)

    client.post("/accounts/phone/code/", {"code": make.sms_code(NUMBER)})

    assert key(client) != before
    planted = Client()
    planted.cookies[settings.SESSION_COOKIE_NAME] = before
    assert is_in(client)
    assert not is_in(planted)


def test_a_login_by_password_changes_the_key_that_was_there_before() -> None:
    client = Client()
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = key(client)

    by_password(make.account(), client)

    assert is_in(client)
    assert key(client) != before


def test_signing_out_ends_the_session_also_for_who_kept_its_key() -> None:
    client = by_password(make.account())
    kept = Client()
    kept.cookies[settings.SESSION_COOKIE_NAME] = key(client)
    assert is_in(kept)

    client.post("/accounts/logout/")

    assert not is_in(kept)


def test_another_password_ends_every_other_session() -> None:
    account = make.account()
    here, elsewhere = by_password(account), by_password(account)

    here.post(
        "/accounts/password/change/",
        {"oldpassword": make.PASSWORD, "password1": "long-ago-and-far-away",
         "password2": "long-ago-and-far-away"},
    )  # fmt: skip

    assert is_in(here)
    assert not is_in(elsewhere)


def test_a_closed_account_is_out_at_its_next_page() -> None:
    account = make.account()
    client = by_password(account)

    Account.objects.filter(pk=account.pk).update(is_active=False)

    assert not is_in(client)


def test_whoever_is_forgotten_is_signed_out_everywhere() -> None:
    client = make.browser_by_phone(NUMBER)
    account = actions.account_by_phone(NUMBER)
    assert account is not None
    member = make.member(account)
    asked = actions.ask_erasure(member_id=member.pk, by=account, at=clock.now())

    clock.move_to(asked.due_at, frozen=True)
    actions.erasures_due(at=clock.now())

    assert not is_in(client)
    assert actions.account_by_phone(NUMBER) is None


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "testserver@evil"])
def test_a_foreign_host_writes_no_address_into_a_mail(
    client: Client, mailoutbox: list[Any], host: str
) -> None:
    account = make.account()
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)

    answer = client.post("/accounts/password/reset/", {"email": account.email}, HTTP_HOST=host)

    assert answer.status_code == 400
    assert mailoutbox == []


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
     "https:evil.example", "\thttps://evil.example", "///evil.example", "http:///evil.example"],
)  # fmt: skip
def test_a_login_leads_to_no_other_site(target: str) -> None:
    account = make.account()
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)

    answer = Client().post(
        LOGIN, {"login": account.email, "password": make.PASSWORD, "next": target}
    )

    assert answer.status_code == 302
    assert answer["Location"] == reverse("portal:me")


def test_pages_of_who_is_signed_in_are_kept_by_nobody() -> None:
    client = by_password(make.account())

    for name in ("me", "security", "inbox", "data", "payment", "family"):
        kept = client.get(reverse(f"portal:{name}"))["Cache-Control"]
        assert "no-store" in kept, name
