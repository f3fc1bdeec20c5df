"""The help line's desk: a caller is found, agrees by a code, and what is done is seen by all."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from members import actions, sms
from members.models import Account, HelpCall, HelpRecord, Mandate, Membership
from mutualaid import clock
from mutualaid.money import yuan
from portal import me
from tests import make

pytestmark = pytest.mark.django_db

BEGIN = reverse("admin:members_helpcall_begin")
LIST = reverse("admin:members_helpcall_changelist")
NUMBER = "12044000001"
REASON = "想退出计划"


def family() -> Membership:
    make.browser_by_phone(NUMBER)
    account = actions.account_by_phone(NUMBER)
    assert account
    return make.membership(member=make.member(account))


def desk(by: Account | None = None, *, ago: int = 0) -> Client:
    return make.desk_client(by or make.staff("help_line"), at=time.time() - ago)


def post(client: Client, path: str, **said: object) -> Any:
    with make.sent_at_once():
        return client.post(path, said)


def page_of(call: HelpCall) -> str:
    return reverse("admin:members_helpcall_call", args=[call.pk])


def agreed(membership: Membership, by: Account | None = None) -> tuple[HelpCall, Client]:
    call = make.help_call(membership, by)
    return call, desk(call.by)


# --- finding


def test_a_caller_is_found_masked_and_a_code_goes_out() -> None:
    membership = family()
    client = desk()

    found = post(client, BEGIN, step="search", term=NUMBER)
    answer = post(
        client, BEGIN, step="begin", term=NUMBER, account=membership.payer_id, reason=REASON
    )

    assert "林**" in found.text
    assert "林秀梅" not in found.text
    assert "*** **** 0001" in found.text
    call = HelpCall.objects.get()
    assert answer["Location"] == page_of(call)
    assert REASON in sms.written(NUMBER)[-1]


def test_what_the_caller_tells_stands_in_no_address() -> None:
    family()

    page = desk().get(BEGIN).text

    assert '<form method="post"' in page
    assert desk().get(BEGIN, {"term": NUMBER, "step": "search"}).context["form"] is None


@pytest.mark.parametrize("term", ["林秀梅", "12044000002", "M000999999", ""])
def test_who_is_not_found_is_said_and_nothing_is_sent(term: str) -> None:
    family()

    answer = post(desk(), BEGIN, step="search", term=term)

    assert answer.context["form"] is None
    assert answer.context["problems"]


def test_a_login_that_was_not_found_cannot_be_slipped_in() -> None:
    membership = family()
    other = make.membership(name="赵一")

    answer = post(
        desk(), BEGIN, step="begin", term=other.number, account=membership.payer_id, reason=REASON
    )

    assert answer.status_code == 200
    assert answer.context["form"].errors["account"]
    assert not HelpCall.objects.exists()


def test_staff_logins_are_not_even_found() -> None:
    membership = family()
    Account.objects.filter(pk=membership.payer_id).update(is_staff=True)

    assert post(desk(), BEGIN, step="search", term=NUMBER).context["form"] is None


def test_the_own_family_is_refused_in_a_sentence() -> None:
    membership = family()
    by = make.staff("help_line")
    membership.member.household.create(account=by, relation="parent", made_at=clock.now())

    answer = post(
        desk(by), BEGIN, step="begin", term=membership.number, account=membership.payer_id,
        reason=REASON,
    )  # fmt: skip

    assert answer.status_code == 403
    assert answer.context["problems"]


def test_a_login_of_an_hour_ago_is_asked_for_again_before_the_search() -> None:
    assert "reauthenticate" in desk(ago=3600).get(BEGIN)["Location"]
    assert "reauthenticate" in post(desk(ago=4000), BEGIN, step="search", term=NUMBER)["Location"]


@pytest.mark.parametrize("role", ["adjuster", "reviewer", "finance", "data_officer"])
def test_only_the_help_line_has_these_pages(role: str) -> None:
    call = make.help_call(family())
    client = desk(make.staff(role))

    assert client.get(BEGIN).status_code == 403
    assert client.get(page_of(call)).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_message_that_does_not_leave_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    membership = family()

    def fails(**_message: object) -> None:
        raise sms.NotSent

    monkeypatch.setattr(sms, "send", fails)
    said = {"step": "begin", "term": NUMBER, "account": membership.payer_id, "reason": REASON}
    answer = desk().post(BEGIN, said)

    assert answer.status_code == 200
    assert answer.context["problems"]


# --- the call


def test_before_the_member_agrees_nothing_of_the_family_is_shown() -> None:
    membership = family()
    client = desk()
    post(client, BEGIN, step="begin", term=NUMBER, account=membership.payer_id, reason=REASON)
    call = HelpCall.objects.get()

    page = client.get(page_of(call)).text
    wrong = f"{(int(make.sms_code(NUMBER)) + 1) % 10**6:06d}"
    refused = post(client, page_of(call), step="consent", code=wrong)
    right = post(client, page_of(call), step="consent", code=make.sms_code(NUMBER))

    assert membership.number not in page
    assert "林**" not in page
    assert refused.context["problems"]
    assert right.status_code == 302
    assert membership.number in client.get(page_of(call)).text


def test_the_page_explains_cover_share_and_ages_and_masks_everybody() -> None:
    account = make.account()
    membership = make.membership(member=make.member(account, name="林秀梅"))
    make.disclosure(cases=1, members=3)
    call, client = agreed(membership)

    page = client.get(page_of(call)).text

    share = me.this_share(membership, membership.plan)
    assert share
    assert yuan(share["amount_fen"]) in page
    assert membership.number in page
    assert "林**" in page
    assert "林秀梅" not in page
    assert str(account.email) not in page


def test_what_it_means_stands_above_each_button_and_the_button_does_it() -> None:
    membership = family()
    call, client = agreed(membership)
    people = client.get(page_of(call)).context["people"]
    (errand,) = people[0]["covers"][0]["errands"]
    assert errand.verb == "leave"
    assert len(errand.means) >= 3

    answer = post(client, page_of(call), step="act", verb=errand.verb, key=errand.key)

    assert answer.status_code == 302
    membership.refresh_from_db()
    assert membership.leaving_at is not None
    (keep,) = client.get(page_of(call)).context["people"][0]["covers"][0]["errands"]
    assert keep.verb == "keep"


def test_every_button_of_the_page_is_a_verb_of_the_list() -> None:
    account = make.account()
    person = make.member(account)
    membership = make.membership(member=person, joined=clock.now() - timedelta(hours=1))
    make.recovery(account)
    actions.recover_due(at=clock.now())
    call, client = agreed(membership)

    context = client.get(page_of(call)).context
    errands = [
        *context["people"][0]["covers"][0]["errands"], *context["people"][0]["errands"],
        *context["errands"],
    ]  # fmt: skip

    assert {errand.verb for errand in errands} == {
        "leave", "undo_join", "revoke_mandate", "object_to_recovery",
    }  # fmt: skip
    for errand in errands[1:]:
        assert (
            post(client, page_of(call), step="act", verb=errand.verb, key=errand.key).status_code
            == 302
        ), errand.verb
    assert HelpRecord.objects.count() == 3


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"verb": "join", "key": "1"}, 403),
        ({"verb": "leave", "key": "999999"}, 403),
        ({"verb": "leave", "key": "x"}, 404),
        ({"verb": "leave", "key": "9" * 30}, 404),
        ({"verb": "leave"}, 404),
        ({"verb": "keep"}, 409),
    ],
)
def test_what_is_forged_is_refused_on_the_page(said: dict[str, str], status: int) -> None:
    membership = family()
    call, client = agreed(membership)
    if status == 409:
        said = said | {"key": str(membership.pk)}

    answer = post(client, page_of(call), step="act", **said)

    assert answer.status_code == status
    assert not HelpRecord.objects.exists()


def test_after_the_half_hour_the_page_shows_what_was_done_and_no_family() -> None:
    membership = family()
    call, client = agreed(membership)
    post(client, page_of(call), step="act", verb="leave", key=membership.pk)
    clock.move_to(call.until_at, frozen=True)

    answer = client.get(page_of(call))

    assert answer.context["over"]
    assert membership.number not in answer.text
    assert answer.context["records"]
    late = post(client, page_of(call), step="act", verb="keep", key=membership.pk)
    assert late.status_code == 409


def test_the_call_is_ended_on_the_page() -> None:
    membership = family()
    call, client = agreed(membership)

    post(client, page_of(call), step="close")

    assert client.get(page_of(call)).context["over"]
    assert post(client, page_of(call), step="close").status_code == 409


def test_a_foreign_call_is_as_missing_as_none() -> None:
    call = make.help_call(family())
    other = desk()

    assert other.get(page_of(call)).status_code == 404
    assert other.get(reverse("admin:members_helpcall_call", args=[999_999])).status_code == 404
    assert call.reason not in other.get(LIST).text


def test_who_looks_after_the_record_sees_every_call_and_no_family() -> None:
    membership = family()
    call, client = agreed(membership)
    post(client, page_of(call), step="act", verb="leave", key=membership.pk)
    officer = desk(make.staff("data_officer"))

    page = officer.get(reverse("admin:members_helpcall_change", args=[call.pk])).text

    assert call.reason in officer.get(LIST).text
    assert call.reason in page
    assert membership.number not in page
    assert client.get(reverse("admin:members_helpcall_change", args=[call.pk]))[
        "Location"
    ] == page_of(call)


def test_nothing_of_it_is_kept_by_a_browser_or_on_the_way() -> None:
    call, client = agreed(family())

    assert "no-store" in client.get(page_of(call))["Cache-Control"]
    assert "no-store" in desk().get(BEGIN)["Cache-Control"]


# --- the member sees it


def signed_in(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def test_the_member_sees_each_call_what_for_and_what_was_done() -> None:
    membership = family()
    call, client = agreed(membership)
    post(client, page_of(call), step="act", verb="leave", key=membership.pk)
    mandate = Mandate.objects.get(account=membership.payer)
    post(client, page_of(call), step="act", verb="revoke_mandate", key=mandate.pk)
    own = signed_in(membership.payer)

    (row,) = own.get(reverse("portal:access")).context["calls"]

    assert row["call"] == call
    assert call.by.staff_number in row["who"]
    assert [each["record"].verb for each in row["done"]] == ["leave", "revoke_mandate"]
    assert call.reason in own.get(reverse("portal:access")).text
    assert call.reason in own.get(reverse("portal:inbox")).text


def test_a_call_that_nobody_agreed_to_is_seen_too() -> None:
    membership = family()
    post(desk(), BEGIN, step="begin", term=NUMBER, account=membership.payer_id, reason=REASON)

    (row,) = signed_in(membership.payer).get(reverse("portal:access")).context["calls"]

    assert (row["call"].consented_at, row["done"]) == (None, [])


def test_another_login_of_the_person_sees_what_was_done_for_them_and_no_more() -> None:
    membership = family()
    daughter = make.account()
    membership.member.household.create(account=daughter, relation="parent", made_at=clock.now())
    call, client = agreed(membership)
    post(client, page_of(call), step="act", verb="leave", key=membership.pk)
    mandate = Mandate.objects.get(account=membership.payer)
    post(client, page_of(call), step="act", verb="revoke_mandate", key=mandate.pk)

    answer = signed_in(daughter).get(reverse("portal:access"))
    (row,) = answer.context["calls"]

    assert [each["record"].verb for each in row["done"]] == ["leave"]
    assert call.reason not in answer.text


def test_a_stranger_sees_no_call() -> None:
    make.help_call(family())
    stranger = make.membership(name="赵一").payer

    assert signed_in(stranger).get(reverse("portal:access")).context["calls"] == []
