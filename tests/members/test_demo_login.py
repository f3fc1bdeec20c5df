"""The demo's logins are printed for everybody, so they work on its own machine alone."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from members.models import Account
from tests import make

pytestmark = pytest.mark.django_db


def log_in(email: str, **meta: str) -> tuple[int, bool]:
    """The status of the answer to the login form, and whether one is in afterwards."""
    cache.clear()  # the limits on tries are counted there
    if not Account.objects.filter(email=email).exists():
        account = make.account(email)
        EmailAddress.objects.create(user=account, email=email, verified=True, primary=True)
    client = Client()
    sent = {"login": email, "password": make.PASSWORD}
    answer = client.post(reverse("account_login"), sent, **meta)  # type: ignore[arg-type]
    return answer.status_code, "_auth_user_id" in client.session


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_a_demo_login_works_on_the_machine_itself(address: str) -> None:
    assert log_in("lin@demo.invalid", REMOTE_ADDR=address) == (302, True)


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "2001:db8::7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_a_demo_login_is_refused_from_elsewhere(meta: dict[str, str]) -> None:
    assert log_in("lin@demo.invalid", **meta) == (403, False)


def test_other_logins_work_from_anywhere() -> None:
    assert log_in("lin@example.org", REMOTE_ADDR="192.0.2.7") == (302, True)
