"""What people and their devices are called on their pages: never a number of ours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.translation import override

from members.models import Account
from mutualaid import clock
from portal import me
from portal.views.security import device
from tests import make

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15"
ANDROID = "Mozilla/5.0 (Linux; Android 8.1; OPPO A5) AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        (f"{IPHONE} Version/16.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.40", "WeChat, iPhone"),
        (f"{ANDROID} Chrome/99.0 Mobile Safari/537.36", "Chrome, Android"),
        (f"{WINDOWS} Chrome/120.0 Safari/537.36 Edg/120.0", "Edge, Windows"),
        ("curl/8.0", "curl/8.0"),
    ],
)
@pytest.mark.usefixtures("english")
def test_a_device_is_called_what_its_owner_calls_it(user_agent: str, said: str) -> None:
    assert device(user_agent) == said


@pytest.mark.django_db
def test_an_account_is_you_a_masked_name_or_the_end_of_its_number() -> None:
    make.browser_by_phone("12011110001")
    by_phone, other = Account.objects.get(), make.account("lin@example.org")

    with override("en"):
        assert me.named(by_phone, by_phone) == "you"
    assert me.named(by_phone, other) == "***0001"
    assert me.named(other, by_phone) == "li***"
    make.member(other, name="林秀梅")
    assert me.named(other, by_phone) == "林**"


@pytest.mark.django_db
def test_no_page_of_who_has_a_phone_alone_shows_the_number_of_the_account() -> None:
    client = make.browser_by_phone("12011110001")
    account = Account.objects.get()
    plan = make.plan()
    membership = make.membership(plan, member=make.member(account))
    rules = make.new_rules(plan, clock.today() + timedelta(days=31))
    accept = reverse("portal:rule_change", args=[membership.number, rules.version])
    client.post(accept)

    for path in (
        accept,
        *(reverse(f"portal:{page}", args=[membership.number]) for page in ("cover", "declared")),
        *(reverse(f"portal:{page}") for page in ("me", "family", "payment")),
    ):
        assert f">#{account.pk}" not in (text := client.get(path).content.decode())
        assert f" #{account.pk}" not in text, path
