"""One page about getting in: number, address, password, passkeys, devices."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from members.models import Account
from tests import make

pytestmark = pytest.mark.django_db

NUMBER = "12011110004"
PAGE = "/me/security/"


def test_it_shows_how_one_signs_in_and_never_the_whole_number() -> None:
    browser = make.browser_by_phone(NUMBER)

    page = browser.get(PAGE).text

    assert "0004" in page
    assert NUMBER not in page
    for name in ("portal:phone_change", "account_email", "account_set_password",
                 "mfa_add_webauthn"):  # fmt: skip
        assert reverse(name) in page


def test_signing_out_the_others_leaves_this_one() -> None:
    make.browser_by_phone(NUMBER)
    account = Account.objects.get()
    account.set_password(make.PASSWORD)
    account.save()
    sign_in = {"login": NUMBER, "password": make.PASSWORD}
    old, here = Client(), Client()
    for browser in (old, here):
        browser.post(reverse("account_login"), sign_in)
        browser.get(PAGE)
    assert len(here.get(PAGE).context["sessions"]) == 2

    here.post(reverse("usersessions_list"))

    assert old.get(PAGE).status_code == 302
    assert len(here.get(PAGE).context["sessions"]) == 1


def test_a_passkey_is_begun_with_scripts_of_our_own_alone() -> None:
    browser = make.browser_by_phone(NUMBER)

    page = browser.get(reverse("mfa_add_webauthn"))

    assert page.status_code == 200
    assert "creation_options" in page.text
    assert "onclick" not in page.text
    tags = [part.split(">")[0] for part in page.text.split("<script")[1:]]
    assert [tag for tag in tags if "src=" not in tag and "application/json" not in tag] == []
    assert Client().get(reverse("account_login")).status_code == 200


def passkey(account: Account) -> None:
    Authenticator.objects.create(
        user=account, type="webauthn", data={"name": "x", "credential": {}}
    )


def test_who_has_a_passkey_still_gets_in_by_phone_when_the_device_is_lost() -> None:
    make.browser_by_phone(NUMBER)
    passkey(Account.objects.get())
    from members import actions

    actions.forget_turns(("number", NUMBER))

    assert make.browser_by_phone(NUMBER).get(PAGE).status_code == 200


def test_staff_with_a_passkey_are_asked_for_it_after_the_password() -> None:
    boss = make.staff("reviewer")
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=boss, email=boss.email, verified=True, primary=True)
    passkey(boss)
    browser = Client()

    answer = browser.post(
        reverse("account_login"), {"login": boss.email, "password": make.PASSWORD}
    )

    assert answer["Location"] == reverse("mfa_authenticate")
    assert browser.get("/staff/").status_code == 302


def test_staff_pages_outside_the_admin_show_staff_nothing_more_than_a_member_sees() -> None:
    """Only the admin is a place of staff: no other page asks for is_staff to let somebody in."""
    from pathlib import Path

    root = Path(__file__).resolve().parent.parent.parent
    found = {
        str(path.relative_to(root))
        for app in ("members", "claims", "jury", "assessments", "disclosures", "portal")
        for path in (root / app).rglob("*.py")
        if {"views", "views.py"} & set(path.parts) and "is_staff" in path.read_text()
    }

    assert found == set()
