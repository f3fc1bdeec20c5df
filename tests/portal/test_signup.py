"""Signing up with e-mail, password and the mailed code; signing in by password or by code."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from members.models import Account
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outbox(settings: object) -> None:
    cache.clear()  # the limits on tries are counted there
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]


def code() -> str:
    found = re.search(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", str(mail.outbox[-1].body), re.M)
    assert found, mail.outbox[-1].body
    return found[1]


def sign_up(client: Client, email: str = "Lin@Example.org") -> None:
    client.post(
        reverse("account_signup"),
        {"email": email, "password1": make.PASSWORD, "password2": make.PASSWORD},
    )


def test_signing_up_needs_the_code_from_the_mail(client: Client) -> None:
    sign_up(client)

    assert Account.objects.get().email == "lin@example.org"
    assert Account.objects.get().made_at == make.NOON
    assert client.get(reverse("portal:me")).status_code == 302

    client.post(reverse("account_email_verification_sent"), {"code": code()})

    assert client.get(reverse("portal:me")).status_code == 200


def test_a_wrong_code_does_not_sign_in(client: Client) -> None:
    sign_up(client)

    response = client.post(reverse("account_email_verification_sent"), {"code": "AAAA-AAAA"})

    assert response.context["form"].errors
    assert client.get(reverse("portal:me")).status_code == 302


def test_one_signs_in_by_a_mailed_code(client: Client) -> None:
    sign_up(client)
    client.post(reverse("account_email_verification_sent"), {"code": code()})
    client.post(reverse("account_logout"))

    client.post(reverse("account_request_login_code"), {"email": "lin@example.org"})
    client.post(reverse("account_confirm_login_code"), {"code": code()})

    assert client.get(reverse("portal:me")).status_code == 200


def test_one_signs_in_by_password(client: Client) -> None:
    sign_up(client)
    client.post(reverse("account_email_verification_sent"), {"code": code()})
    client.post(reverse("account_logout"))

    client.post(reverse("account_login"), {"login": "LIN@example.org", "password": make.PASSWORD})

    assert client.get(reverse("portal:me")).status_code == 200


def test_a_known_address_is_not_told_to_a_stranger(client: Client) -> None:
    make.account("lin@example.org")

    sign_up(client)

    assert Account.objects.count() == 1
    assert client.get(reverse("portal:me")).status_code == 302
