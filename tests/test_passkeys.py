"""Passkeys in a browser, under our content policy, with an authenticator that Chromium plays."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache

from members import stepup
from members.models import Account
from tests import make
from tests.browser import PHONE, Person, World

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "12011110001"


@pytest.fixture
def world(browser: Any, live_server: Any, settings: Any) -> World:
    settings.ACCOUNT_RATE_LIMITS = False
    cache.clear()
    make.plan()
    return World(browser, live_server.url, PHONE)


def with_a_finger(person: Person) -> None:
    """From now on this device has an authenticator that knows its owner."""
    device = person.context.new_cdp_session(person.page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def signs_in_by_phone(person: Person) -> None:
    person.goes("/accounts/phone/?next=/me/security/")
    person.fills(phone=NUMBER)
    person.presses("Send me a code")
    person.fills(code=make.sms_code(NUMBER))
    person.presses("Go on")
    assert person.path == "/me/security/"


def adds_a_passkey(person: Person) -> None:
    person.follows("Add a passkey")
    person.fills(name="我的手机")
    person.presses("Add a passkey")
    assert person.path == "/accounts/2fa/"  # the same page
    person.sees("我的手机")


def signs_out(person: Person) -> None:
    person.follows("Sign out")
    person.presses("Sign out", within="main")
    person.goes("/accounts/login/")


def test_a_passkey_is_added_signs_in_and_is_taken_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person("林秀梅")
    with_a_finger(person)
    signs_in_by_phone(person)
    adds_a_passkey(person)
    kept = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN)
    assert kept.user == Account.objects.get(phone__tail=NUMBER[-4:])

    signs_out(person)
    person.presses("With a passkey")
    assert person.path == "/me/"

    monkeypatch.setattr(stepup, "FRESH_SECONDS", 0)  # ten minutes later
    person.goes("/me/phone/")
    assert person.path.startswith("/accounts/2fa/webauthn/reauthenticate/")
    monkeypatch.setattr(stepup, "FRESH_SECONDS", 10 * 60)
    person.presses("With a passkey")
    assert person.path == "/me/phone/"

    person.goes("/me/security/")
    person.sends("a[href*='/remove/']")
    person.presses("Remove")
    assert not Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).exists()
    assert world.faults == []


def test_a_device_without_a_passkey_says_so_and_another_way_is_at_hand(world: World) -> None:
    person = world.person("林秀梅")
    with_a_finger(person)
    person.goes("/accounts/login/")

    person.page.get_by_role("button", name=person.words("With a passkey")).click()

    failed = person.page.get_by_role("alert")
    failed.wait_for()
    person.reads("That did not work with this device. Please try again, or choose another way.")
    assert person.path == "/accounts/login/"
    assert world.faults == []
