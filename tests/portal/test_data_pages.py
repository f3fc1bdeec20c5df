"""My data: the copy and being forgotten, as pages."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from members import actions
from members.models import Account, DataExport, ErasureRequest, Member
from mutualaid import clock
from tests import make

pytestmark = pytest.mark.django_db


def signed_in(account: Account, *, fresh: bool = True) -> Client:
    """A browser; `fresh`: whose owner has just shown once more who they are."""
    client = Client()
    client.force_login(account)
    if fresh:
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session["account_authentication_methods_user"] = str(account.pk)
        session.save()
    return client


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def asked(client: Client) -> DataExport:
    assert client.post("/me/data/").status_code == 302
    return DataExport.objects.get()


def test_the_copy_is_asked_for_waited_for_and_downloaded() -> None:
    client = signed_in(make.membership().payer)
    export = asked(client)

    waiting = client.get("/me/data/").text
    actions.exports_due(at=clock.now())
    ready = client.get("/me/data/").text
    answer = client.get(f"/me/data/copy/{export.pk}/")

    assert 'hx-trigger="every 3s"' in waiting
    assert "hx-trigger" not in ready
    assert f"/me/data/copy/{export.pk}/" in ready
    data = content(answer)
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    assert answer["Content-Length"] == str(len(data))
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"].startswith("attachment; filename")


def test_a_download_asks_once_more_who_it_is() -> None:
    account = make.account()
    export = asked(signed_in(account))
    actions.exports_due(at=clock.now())

    answer = signed_in(account, fresh=False).get(f"/me/data/copy/{export.pk}/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")


def test_another_account_finds_no_copy() -> None:
    export = asked(signed_in(make.account()))

    assert signed_in(make.account()).get(f"/me/data/copy/{export.pk}/").status_code == 404


def test_a_copy_that_is_not_ready_says_so() -> None:
    client = signed_in(make.account())
    export = asked(client)

    assert client.get(f"/me/data/copy/{export.pk}/").status_code == 409


def test_being_forgotten_is_asked_for_and_taken_back() -> None:
    member = make.member()
    client = signed_in(make.guardian(member))
    page = client.get(f"/me/data/forget/{member.pk}/").text

    sent = client.post(f"/me/data/forget/{member.pk}/")
    wish = ErasureRequest.objects.get()
    mine = client.get("/me/data/").text
    back = client.post(f"/me/data/keep/{wish.pk}/")

    assert "14" in page
    assert sent["Location"] == back["Location"] == "/me/data/"
    assert f"/me/data/keep/{wish.pk}/" in mine
    wish.refresh_from_db()
    assert wish.withdrawn_at


def test_what_stands_in_the_way_is_said_and_there_is_no_button() -> None:
    membership = make.membership()
    client = signed_in(membership.payer)
    address = f"/me/data/forget/{membership.member_id}/"

    page, sent = client.get(address).text, client.post(address)

    assert 'role="alert"' in page
    assert 'method="post"' not in page.partition("<main")[2].partition("</main")[0]
    assert sent.status_code == 409
    assert not ErasureRequest.objects.exists()


def test_another_family_is_as_missing_as_none() -> None:
    member = make.member()
    stranger = signed_in(make.account())
    wish = actions.ask_erasure(member_id=member.pk, by=make.guardian(member), at=clock.now())

    for address in (f"/me/data/forget/{member.pk}/", f"/me/data/forget/{member.pk + 999}/"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"/me/data/keep/{wish.pk}/").status_code == 404


def test_who_was_forgotten_is_logged_out() -> None:
    member = make.member()
    client = signed_in(make.guardian(member))
    client.post(f"/me/data/forget/{member.pk}/")
    clock.move_to(clock.now() + timedelta(days=14), frozen=True)

    actions.erasures_due(at=clock.now())

    assert Member.objects.get().erased_at
    assert client.get("/me/").status_code == 302


def test_the_way_there_is_on_my_page() -> None:
    assert 'href="/me/data/"' in signed_in(make.membership().payer).get("/me/").text
