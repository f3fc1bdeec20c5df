"""The inbox page, one notice, and how one is told: what is new, what failed, what stays."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from members import actions, inbox, notices
from members.models import Account, Notice, NoticeCopy, NoticePreference
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid
from tests import make

pytestmark = pytest.mark.django_db
INBOX, SETTINGS = "portal:inbox", "portal:inbox_settings"


def signed_in(account: Account, language: str = "en") -> Client:
    client = Client(headers={"Accept-Language": language})
    client.force_login(account)
    return client


def text(client: Client, name: str, *args: object, status: int = 200) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == status
    return answer.content.decode()


def tell(account: Account, tail: str = "0051") -> Notice:
    return actions.notify(
        code="phone_changed", facts={"tail": tail}, at=clock.now(), account_id=account.pk
    )


def said(**changed: Any) -> dict[str, Any]:
    """The form as somebody sends it who has changed nothing."""
    return {
        "ways": ["email", "sms"],
        "pace": "once",
        "quiet": "yes",
        "quiet_from": "22:00",
        "quiet_until": "08:00",
        "language": "zh-hans",
    } | changed


# --- what is new


def test_a_message_is_new_until_the_inbox_was_opened() -> None:
    account = make.account()
    tell(account)
    client = signed_in(account)

    assert "1 new" in text(client, "portal:me")
    assert "tag-do" in text(client, INBOX)
    assert "tag-do" not in text(client, INBOX)
    assert "1 new" not in text(client, "portal:me")

    tell(account, "0052")
    assert text(client, INBOX).count("tag-do") == 1


def test_the_number_of_new_messages_ends_at_99() -> None:
    account = make.account()
    for _message in range(99):
        tell(account)
    client = signed_in(account)
    assert "99 new" in text(client, "portal:me")

    for _message in range(5):
        tell(account)

    assert "99+ new" in text(client, "portal:me")
    assert inbox.unread(account) == 100


def test_messages_to_everybody_are_counted_too_and_those_before_joining_are_not() -> None:
    membership = make.membership()
    account = membership.payer
    facts = {"number": 7, "share_fen": 702, "debit_on": "2021-12-14", "days": 5}
    for at in (make.JOINED.replace(year=2020), clock.now()):
        actions.notify(code="share_due", facts=facts, at=at, plan_id=membership.plan_id)

    assert inbox.unread(account) == account.notices.count() + 1


def test_an_older_page_does_not_make_what_is_new_old_again() -> None:
    account = make.account()
    found = [tell(account) for _message in range(25)]
    client = signed_in(account)

    client.get(reverse(INBOX))
    client.get(f"{reverse(INBOX)}?before={found[4].pk}")

    assert inbox.read_to(account) == found[-1].pk


def test_nobody_marks_what_is_not_theirs() -> None:
    account, other = make.account(), make.account()
    foreign = tell(other)

    with pytest.raises(Invalid):
        actions.mark_read(account_id=account.pk, to=foreign.pk, by=account, at=clock.now())
    with pytest.raises(Forbidden):
        actions.mark_read(account_id=other.pk, to=foreign.pk, by=account, at=clock.now())
    assert inbox.read_to(other) == 0


def test_opening_the_inbox_changes_none_of_the_choices_of_the_house() -> None:
    account = make.account()
    before = inbox.ways_of(account.pk)
    tell(account)

    signed_in(account).get(reverse(INBOX))

    assert NoticePreference.objects.filter(account=account).exists()
    assert inbox.ways_of(account.pk) == before


# --- one message


def test_the_link_of_an_e_mail_leads_to_the_message_and_says_how_its_copies_went() -> None:
    account = make.account()
    notice = tell(account)
    client = signed_in(account)
    assert "An e-mail is on its way" in text(client, "portal:notice", notice.pk)

    make.copies_sent()

    page = text(client, "portal:notice", notice.pk)
    assert "0051" in page
    assert "Sent by e-mail" in page


def test_a_message_of_somebody_else_is_as_missing_as_none() -> None:
    notice = tell(make.account())
    client = signed_in(make.account())

    text(client, "portal:notice", notice.pk, status=404)
    text(client, "portal:notice", notice.pk + 1000, status=404)
    text(client, "portal:notice", 10**17, status=404)


def test_a_copy_that_could_not_be_delivered_says_so_in_the_list_and_on_its_page() -> None:
    account = make.account()
    notice = tell(account)
    make.failed_copy(account)
    client = signed_in(account)

    for page in (text(client, INBOX), text(client, "portal:notice", notice.pk)):
        assert "The e-mail copy could not be delivered. Please check your address." in page


def test_a_copy_of_which_nobody_knows_says_that_instead() -> None:
    account = make.account()
    notice = tell(account)
    NoticeCopy.objects.update(claimed_at=clock.now(), failed_at=clock.now(), why="unclear")

    page = text(signed_in(account), "portal:notice", notice.pk)

    assert "We do not know whether the e-mail copy arrived." in page


# --- how one wants to be told


def test_choices_are_kept_and_shown_again() -> None:
    account = make.account()
    client = signed_in(account)

    answer = client.post(
        reverse(SETTINGS),
        said(ways=["sms"], pace="digest", quiet_from="21:30", quiet_until="09:15", language="en"),
        follow=True,
    )

    kept = NoticePreference.objects.get(account=account)
    assert (kept.email, kept.sms, kept.digest, kept.language) == (False, True, True, "en")
    assert (kept.quiet_from, kept.quiet_until) == (time(21, 30), time(9, 15))
    page = answer.content.decode()
    assert "Saved." in page
    assert 'value="21:30"' in page
    assert 'value="09:15"' in page


def test_quiet_hours_can_be_given_up_and_everything_switched_off() -> None:
    account = make.account()

    signed_in(account).post(reverse(SETTINGS), said(ways=[], quiet="no"))

    kept = NoticePreference.objects.get(account=account)
    assert (kept.email, kept.sms, kept.quiet_from, kept.quiet_until) == (False, False, None, None)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quiet_from": ""}, "quiet_from"),
        ({"quiet_until": "25:00"}, "quiet_until"),
        ({"quiet_from": "08:00"}, "quiet_until"),
        ({"pace": ""}, "pace"),
        ({"language": "fr"}, "language"),
        ({"quiet": "sometimes"}, "quiet"),
        ({"ways": ["pigeon"]}, "ways"),
    ],
)
def test_a_mistake_is_named_at_its_field_and_nothing_typed_is_lost(
    changed: dict[str, Any], field: str
) -> None:
    account = make.account()

    answer = signed_in(account).post(reverse(SETTINGS), said(**changed))

    form = answer.context["form"]
    assert set(form.errors) == {field}
    sent = said() | changed
    assert {name: form[name].value() for name in sent} == sent
    assert not NoticePreference.objects.filter(account=account).exists()


def test_another_account_is_not_set() -> None:
    account, other = make.account(), make.account()

    with pytest.raises(Forbidden):
        actions.set_preference(
            account_id=other.pk, email=True, sms=True, digest=False, quiet_from=None,
            quiet_until=None, language="en", by=account, at=clock.now(),
        )  # fmt: skip


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_says_of_each_group_what_cannot_be_switched_off(language: str) -> None:
    page = text(signed_in(make.account(), language), SETTINGS)

    with override(language):
        for group in notices.GROUPS.values():
            assert str(group.name) in page
            assert str(group.kept) in page
            assert str(group.free) in page


def test_address_and_number_are_shown_masked() -> None:
    account = make.account("linxiumei@example.org")
    actions.accounts.write_phone(account.pk, "12011110077", clock.now())

    page = text(signed_in(account), SETTINGS)

    assert "li***@example.org" in page
    assert "0077" in page
    assert "linxiumei" not in page
    assert "12011110077" not in page


def test_whoever_is_signed_in_finds_the_inbox_in_the_navigation() -> None:
    link = f'<a href="{reverse(INBOX)}"'

    assert link in text(signed_in(make.account()), "portal:home")
    assert link not in text(Client(), "portal:home")


# --- the desk


def test_the_desk_lists_failed_copies_masked_and_without_what_they_say() -> None:
    membership = make.membership(name="欧阳秀梅")
    failed = make.failed_copy(membership.payer)
    sent = make.account()
    tell(sent)
    make.copies_sent()
    desk = make.desk_client(make.staff("data_officer"))

    page = text(desk, "admin:members_noticecopy_changelist")
    one = text(desk, "admin:members_noticecopy_change", failed.pk)

    for shown in (page, one):
        assert str(membership.payer.email)[:1] + "***@example.org" in shown
        assert str(membership.payer.email) not in shown
        assert "欧阳" not in shown
        assert failed.notice.code in shown
    assert "phone_changed" not in page
