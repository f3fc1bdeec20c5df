"""The inbox in the API: list, one, how far it was seen, and how one wants to be told."""

from __future__ import annotations

import pytest

from members import actions
from members.models import Account, Notice, NoticePreference
from mutualaid import clock
from tests import make
from tests.portal.test_api_verbs import read, send, signed_in

pytestmark = pytest.mark.django_db
CHOICES = {
    "email": True,
    "sms": False,
    "digest": True,
    "quiet_from": "21:00:00",
    "quiet_until": "07:30:00",
    "language": "en",
}


def tell(account: Account) -> Notice:
    return actions.notify(
        code="phone_changed", facts={"tail": "0051"}, at=clock.now(), account_id=account.pk
    )


def test_one_message_says_what_became_of_its_copies() -> None:
    account = make.account()
    notice = tell(account)
    make.copies_sent()

    found = read(signed_in(account), f"notices/{notice.pk}/")

    assert (found["id"], found["code"]) == (notice.pk, "phone_changed")
    assert "0051" in found["text"]
    (copy,) = found["copies"]
    assert (copy["channel"], copy["failed_at"], copy["why"]) == ("email", None, "")
    assert copy["sent_at"] is not None


def test_a_message_of_somebody_else_is_missing() -> None:
    notice = tell(make.account())

    answer = signed_in(make.account()).get(f"/api/v1/notices/{notice.pk}/")

    assert answer.status_code == 404


def test_what_was_seen_is_said_and_counted() -> None:
    account = make.account()
    first, second = tell(account), tell(account)
    client = signed_in(account)

    assert read(client, "notices/read/") == {"read_to": 0, "unread": 2}
    assert send(client, "notices/read/", to=first.pk) == {"read_to": first.pk, "unread": 1}
    assert send(client, "notices/read/", to=second.pk)["unread"] == 0
    assert send(client, "notices/read/", to=first.pk)["read_to"] == second.pk
    assert send(client, "notices/read/", 400, to=10**18)["field"] == "to"


def test_choices_are_read_and_written_whole() -> None:
    account = make.account()
    client = signed_in(account)
    assert read(client, "notices/preference/")["quiet_from"] == "22:00:00"

    address = "/api/v1/notices/preference/"
    answer = client.put(address, CHOICES, content_type="application/json")

    assert (answer.status_code, answer.json()) == (200, CHOICES)
    assert read(client, "notices/preference/") == CHOICES
    assert NoticePreference.objects.get().account == account


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quiet_from": None}, "quiet_from"),
        ({"quiet_until": None}, "quiet_until"),
        ({"quiet_until": "21:00:00"}, "quiet_until"),
        ({"language": "fr"}, "language"),
    ],
)
def test_choices_that_make_no_sense_are_refused(changed: dict[str, object], field: str) -> None:
    client = signed_in(make.account())

    address = "/api/v1/notices/preference/"
    answer = client.put(address, CHOICES | changed, content_type="application/json")

    assert answer.status_code == 400
    assert field in answer.json() or answer.json()["field"] == field
    assert not NoticePreference.objects.exists()
