"""Before what could do harm in a stranger's hands, one shows once more who one is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from claims.states import Status
from members import actions
from members.models import Account, Mandate
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db

NUMBER = "12011110003"


def signed_in(account: Account, *, ago: int) -> Client:
    """A browser that signed in so many seconds ago."""
    client = Client()
    client.force_login(account)
    make.authenticated(client, account, ago=ago)
    return client


def guarded(account: Account) -> list[str]:
    claim = make.claim(Status.GRANTED, membership=make.membership(member=make.member(account)))
    member = claim.member_id
    return [
        reverse("claims:payee", args=[claim.number]),
        reverse("portal:forget", args=[member]),
        reverse("portal:phone_change"),
        reverse("account_email"),
        reverse("account_change_password"),
        reverse("mfa_add_webauthn"),
        reverse("mfa_activate_totp"),
    ]


def test_a_login_of_long_ago_opens_no_sensitive_page_and_a_fresh_one_does() -> None:
    account = make.account()
    old, new = signed_in(account, ago=601), signed_in(account, ago=5)

    for path in guarded(account):
        asked = old.get(path)
        assert asked.status_code == 302, path
        assert asked["Location"].startswith("/accounts/reauthenticate/"), path
        assert new.get(path).status_code == 200, path


def test_the_password_opens_it_again_and_leads_back() -> None:
    account = make.account()
    client = signed_in(account, ago=3000)
    asked = client.get(reverse("portal:phone_change"))

    answer = client.post(asked["Location"], {"password": make.PASSWORD})

    assert answer["Location"] == reverse("portal:phone_change")
    assert client.get(reverse("portal:phone_change")).status_code == 200


def test_who_has_a_phone_alone_is_asked_for_a_code_and_not_let_through() -> None:
    make.browser_by_phone(NUMBER)
    account = Account.objects.get()
    client = signed_in(account, ago=3000)
    clock.move_to(clock.now() + timedelta(days=1), frozen=True)

    asked = client.get(reverse("account_email"))
    assert asked["Location"] == f"{reverse('portal:fresh_code')}?next=%2Faccounts%2Femail%2F"
    with make.sent_at_once():
        client.post(asked["Location"], {"step": "send"})
    wrong = client.post(asked["Location"], {"step": "code", "code": "x"})
    assert wrong.context["code_form"].errors
    answer = client.post(asked["Location"], {"step": "code", "code": make.sms_code(NUMBER)})

    assert answer["Location"] == reverse("account_email")
    assert client.get(reverse("account_email")).status_code == 200


def test_a_code_to_sign_in_does_not_step_up() -> None:
    make.browser_by_phone(NUMBER)
    account = Account.objects.get()
    client = signed_in(account, ago=3000)
    clock.move_to(clock.now() + timedelta(days=1), frozen=True)
    with make.sent_at_once():
        client.post(reverse("portal:fresh_code"), {"step": "send"})
    clock.move_to(clock.now() + timedelta(days=1), frozen=True)
    with make.sent_at_once():
        Client().post("/accounts/phone/", {"phone": NUMBER})

    answer = client.post(
        reverse("portal:fresh_code"), {"step": "code", "code": make.sms_code(NUMBER)}
    )

    assert answer.status_code == 200
    assert client.get(reverse("account_email")).status_code == 302


def test_what_was_typed_is_not_lost_while_one_shows_who_one_is() -> None:
    """A form opened freshly may be sent within an hour; one sent later comes back and goes on."""
    account = make.account()
    path = guarded(account)[0]
    typed = {
        "relation": "self", "holder": "林秀梅", "bank": "建设银行",
        "account_number": "6222020200011112222", "reason": "",
    }  # fmt: skip

    assert signed_in(account, ago=3500).post(path, typed).status_code != 403
    late = signed_in(account, ago=3700)
    asked = late.post(path, typed)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    answer = late.post(asked["Location"], {"password": make.PASSWORD})

    assert answer.status_code == 302 or answer.context["form"]["holder"].value() == "林秀梅"
    assert not answer.get("Location", "").startswith("/accounts/")


def test_a_payment_agreement_is_not_given_by_a_login_of_long_ago() -> None:
    membership = make.membership()
    account = membership.payer
    actions.revoke_mandate(
        mandate_id=Mandate.objects.get(account=account).pk, by=account, at=clock.now()
    )
    live = Mandate.objects.live(clock.today()).filter(account=account)

    signed_in(account, ago=4000).post(reverse("portal:mandate_give"))
    assert not live.exists()
    signed_in(account, ago=5).post(reverse("portal:mandate_give"))
    assert live.exists()


def test_a_step_up_from_the_future_is_none() -> None:
    client = signed_in(make.account(), ago=-3600)

    assert client.get(reverse("portal:phone_change")).status_code == 302


@pytest.mark.parametrize("page", ["/staff/", "/staff/claims/claim/"])
def test_a_code_to_the_phone_is_no_second_factor_for_staff(page: str) -> None:
    boss = make.staff("reviewer")
    client = Client()
    client.force_login(boss)
    make.authenticated(client, boss, ago=5, method="code")

    answer: Any = client.get(page)

    assert answer.status_code == 302
