"""Copies of notices by e-mail and SMS: to whom, when, in which words, and never twice."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from pathlib import Path
from threading import Barrier, Lock, Thread
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection, transaction
from django.db.models import Value
from django.db.models.fields import TextField
from django.db.models.functions import Cast, Concat
from hypothesis import given
from hypothesis import strategies as st

from members import actions, bulk, letters, notices, sms, ways
from members.actions import copying
from members.models import (
    Account,
    Broadcast,
    Membership,
    Notice,
    NoticeCopy,
    NoticePreference,
    Plan,
)
from members.ways import Ways
from mutualaid import clock
from mutualaid.clock import SHANGHAI
from tests import make
from tests.assessments.test_split_race import ROOT, url, wait_until
from tests.members import lists

PHONE = "12011110051"
FACTS = {
    "name": "林**",
    "number": "M000000007",
    "joined_on": "2021-12-01",
    "covered_on": "2022-03-01",
    "ended_on": "2021-12-03",
    "age": 59,
}
SHARE = {"number": 7, "share_fen": 702, "debit_on": "2021-12-14", "days": 5}
NIGHT = make.NOON.replace(hour=23)
AN_HOUR = timedelta(hours=1)


def tell(account: Account, code: str = "joined", **facts: object) -> Notice:
    return actions.notify(code=code, facts=FACTS | facts, at=clock.now(), account_id=account.pk)


def with_phone(account: Account | None = None, number: str = PHONE) -> Account:
    account = account or make.account()
    actions.accounts.write_phone(account.pk, number, clock.now())
    return account


def chooses(account: Account, **changed: Any) -> NoticePreference:
    said: dict[str, Any] = {
        "email": True,
        "sms": True,
        "digest": False,
        "quiet_from": None,
        "quiet_until": None,
        "language": "zh-hans",
    }
    return actions.set_preference(
        account_id=account.pk, by=account, at=clock.now(), **(said | changed)
    )


def at(moment: datetime) -> int:
    """Move the clock there and send what is due."""
    clock.move_to(moment, frozen=True)
    return make.copies_sent()


def refuses(code: int) -> Any:
    def send(message: EmailMessage, *args: object, **kwargs: object) -> int:
        raise smtplib.SMTPRecipientsRefused({message.to[0]: (code, b"no")})

    return send


def is_down(*args: object, **kwargs: object) -> None:
    raise ConnectionRefusedError


def breaks(error: Exception) -> Any:
    def send(message: EmailMessage, *args: object, **kwargs: object) -> int:
        raise error

    return send


class Gateway:
    """A back end in the place of a provider's: what it was asked to send, and how it answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.sent = error, []  # type: tuple[Exception | None, list[tuple[str, str]]]

    def send(self, number: str, text: str) -> None:
        self.sent.append((number, text))
        if self.error:
            raise self.error


# --- what may be switched off


def test_every_code_says_how_it_goes_out() -> None:
    assert set(notices.KINDS) == set(notices.CODES)
    assert {kind.group for kind in notices.KINDS.values()} == set(notices.GROUPS)


@pytest.mark.parametrize("name", list(notices.GROUPS))
def test_a_group_says_what_of_it_can_and_cannot_be_switched_off(name: str) -> None:
    group = notices.GROUPS[name]
    kinds = [kind for kind in notices.KINDS.values() if kind.group == name]

    assert bool(group.kept) == any(kind.must for kind in kinds)
    assert bool(group.free) == any(not kind.must for kind in kinds)


NEVER_OFF = {
    "share_due", "period_disclosed", "debit_failed", "membership_ended_arrears", "mandate_expiring",
    "left", "aged_out", "ageing_out", "membership_ended_helped", "membership_ended_not_met",
    "rules_announced", "rules_begun", "claim_granted", "claim_refused", "claim_overturned",
    "claim_upheld", "claim_papers_wanted", "phone_changed", "recovery_asked", "family_asked",
    "erasure_asked",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(NEVER_OFF))
def test_what_costs_money_or_cover_cannot_be_switched_off(code: str) -> None:
    assert notices.KINDS[code].must


# What may stand in a text that leaves the house: no free words, no reason, no illness.
HARMLESS = {
    "name", "who", "plan", "number", "claim", "version", "days", "people", "age", "cases", "tail",
    "next", "members", "threshold",
}  # fmt: skip


def test_a_text_that_leaves_the_house_has_only_sums_dates_numbers_and_masked_names() -> None:
    for code, kind in notices.KINDS.items():
        title, text = (str(words) for words in notices.CODES[code])
        said = title if not kind.whole else title + text
        said = text * kind.whole if kind.outside else said
        names = set(re.findall(r"%\((\w+)\)s", said))
        odd = {n for n in names - HARMLESS if not n.endswith(("_fen", "_on", "_at"))}
        assert odd <= {"case"}, (code, odd)


# --- when: pure

TIMES = st.times().map(lambda t: t.replace(microsecond=0))
INSTANTS = st.integers(0, 730 * 86_400).map(
    lambda seconds: datetime(2021, 1, 1, tzinfo=SHANGHAI) + timedelta(seconds=seconds)
)


@st.composite
def chosen(draw: Any) -> Ways:
    start, end = draw(TIMES), draw(TIMES)
    quiet = start != end and draw(st.booleans())
    return Ways(
        digest=draw(st.booleans()),
        quiet_from=start if quiet else None,
        quiet_until=end if quiet else None,
        email=draw(st.booleans()),
        sms=draw(st.booleans()),
    )


@given(chosen(), INSTANTS)
def test_nothing_is_due_in_quiet_hours_and_everything_within_two_days(
    ways_: Ways, moment: datetime
) -> None:
    due = ways.due(ways_, moment)

    assert not ways.is_quiet(ways_, due)
    assert moment <= due <= moment + timedelta(hours=48)
    assert ways_.digest or due <= moment + timedelta(hours=24)
    assert ways.due(ways_, moment, urgent=True) == moment


@given(chosen(), INSTANTS)
def test_quiet_hours_hold_from_their_first_to_their_last_minute(
    ways_: Ways, moment: datetime
) -> None:
    if ways_.quiet_from is None or ways_.quiet_until is None:
        assert not ways.is_quiet(ways_, moment)
        return
    start = datetime.combine(moment.date(), ways_.quiet_from, tzinfo=SHANGHAI)
    end = datetime.combine(moment.date(), ways_.quiet_until, tzinfo=SHANGHAI)

    assert ways.is_quiet(ways_, start)
    assert ways.is_quiet(ways_, end - timedelta(microseconds=1))
    assert not ways.is_quiet(ways_, end)
    assert not ways.is_quiet(ways_, start - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("hour", "minute", "due"),
    [(21, 59, "01 21:59"), (22, 0, "02 08:00"), (7, 59, "01 08:00"), (8, 0, "01 08:00")],
)
def test_who_has_chosen_nothing_is_not_woken(hour: int, minute: int, due: str) -> None:
    moment = datetime(2021, 12, 1, hour, minute, tzinfo=SHANGHAI)

    assert f"{ways.due(Ways(), moment):%d %H:%M}" == due


def test_one_message_a_day_comes_at_six_or_when_it_is_no_longer_quiet() -> None:
    noon = make.NOON

    assert ways.due(Ways(digest=True), noon) == noon.replace(hour=18)
    evening = Ways(digest=True, quiet_from=time(17), quiet_until=time(9))
    assert ways.due(evening, noon) == noon.replace(hour=9) + timedelta(days=1)


@given(chosen(), st.sets(st.sampled_from(["email", "sms"])), st.booleans())
def test_what_must_come_comes_somehow(ways_: Ways, has: set[str], everywhere: bool) -> None:
    must = ways.channels(ways_, has, must=True, everywhere=everywhere)
    free = ways.channels(ways_, has, must=False, everywhere=False)

    assert free <= must <= has
    assert bool(must) == bool(has)
    assert not everywhere or must == has


# --- one account


@pytest.mark.django_db
def test_a_notice_goes_out_by_e_mail_and_sms_once() -> None:
    account = with_phone()
    notice = tell(account)

    assert make.copies_sent() == 2
    assert make.copies_sent() == 0

    letter, short = mail.outbox[0], sms.written(PHONE)
    assert (letter.to, len(mail.outbox), len(short)) == ([account.email], 1, 1)
    assert "林**" in letter.subject
    assert "M000000007" in letter.body
    assert f"/me/inbox/{notice.pk}/" in letter.body
    assert "林**" in short[0]
    assert "http" not in short[0]
    assert NoticeCopy.objects.filter(notice=notice, sent_at=make.NOON, tries=1).count() == 2


@pytest.mark.django_db
def test_a_copy_has_no_whole_name_and_nothing_about_health() -> None:
    account = make.account()
    tell(account, "claim_refused", appeal_on="2021-12-31")
    tell(account, "precheck_counts_as_yes", place=3)
    tell(account, "objection_answered", case="A1", answer="他的肿瘤是真的。")
    make.copies_sent()

    said = "".join(f"{letter.subject}\n{letter.body}" for letter in mail.outbox)
    assert len(mail.outbox) == 3
    for word in ("肿瘤", "jury until", "健康要求", "附件"):
        assert word not in said
    assert str(notices.GROUPS["claims"].hint) in said


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "word"), [("zh-hans", "已经加入"), ("en", "has joined")])
def test_a_copy_is_written_in_the_language_that_was_chosen(language: str, word: str) -> None:
    account = with_phone()
    chooses(account, language=language)
    tell(account)

    make.copies_sent()

    assert word in mail.outbox[0].subject
    assert word in sms.written(PHONE)[0]


@pytest.mark.django_db
def test_what_comes_at_night_waits_for_the_morning_but_not_what_is_about_the_account() -> None:
    account = make.account()
    clock.move_to(NIGHT, frozen=True)
    tell(account)
    tell(account, "phone_changed", tail="0051")

    assert make.copies_sent() == 1
    assert "0051" in mail.outbox[0].body
    assert at(NIGHT.replace(day=2, hour=7, minute=59)) == 0
    assert at(NIGHT.replace(day=2, hour=8)) == 1


@pytest.mark.django_db
def test_choices_count_from_the_moment_they_are_made_also_for_what_waits() -> None:
    account = make.account()
    clock.move_to(NIGHT, frozen=True)
    tell(account)
    assert make.copies_sent() == 0
    chooses(account, quiet_from=time(6), quiet_until=time(11))

    assert at(NIGHT.replace(day=2, hour=8)) == 0
    assert at(NIGHT.replace(day=2, hour=11)) == 1


@pytest.mark.django_db
def test_one_message_a_day_tells_of_everything_since() -> None:
    account = with_phone()
    chooses(account, digest=True)
    tell(account)
    clock.move_to(make.NOON.replace(hour=15), frozen=True)
    tell(account, "left")
    tell(account, "phone_changed", tail="0051")

    assert make.copies_sent() == 2  # about the account: at once, both ways
    assert at(make.NOON.replace(hour=17, minute=59)) == 0
    assert at(make.NOON.replace(hour=18)) == 4

    assert len(mail.outbox) == 2
    letter = mail.outbox[1]
    assert "2" in letter.subject
    assert letter.body.count("/me/inbox/") == 3  # two messages, and where this is chosen
    assert "2" in sms.written(PHONE)[1]
    assert len(sms.written(PHONE)) == 2


@pytest.mark.django_db
def test_what_is_switched_off_does_not_come_and_what_cannot_be_comes_by_e_mail() -> None:
    account = with_phone()
    chooses(account, email=False, sms=False)
    tell(account, "joined")
    tell(account, "left")
    tell(account, "phone_changed", tail="0051")

    assert make.copies_sent() == 3
    assert len(mail.outbox) == 2
    assert len(sms.written(PHONE)) == 1
    assert account.notices.count() == 3
    assert not NoticeCopy.objects.waiting().exists()


@pytest.mark.django_db
def test_an_address_that_waits_for_being_confirmed_gets_nothing() -> None:
    account = make.account()
    address = EmailAddress.objects.create(user=account, email=account.email, verified=False)
    tell(account)

    assert make.copies_sent() == 0
    address.verified = True
    address.save()
    tell(account)
    assert make.copies_sent() == 1


@pytest.mark.django_db
def test_names_that_lead_nowhere_are_not_written_to() -> None:
    account = make.account("7@crowd.invalid")
    tell(account)

    assert not NoticeCopy.objects.exists()
    assert account.notices.count() == 1


@pytest.mark.django_db
def test_whoever_a_list_brought_in_gets_theirs(tmp_path: Path, settings: Any) -> None:
    plan = make.plan()
    file = tmp_path / "list.csv"
    lists.write(file, [lists.row(7, email="lin@example.org")])
    lists.read(file, plan)

    assert make.copies_sent() == 2
    assert mail.outbox[0].to == ["lin@example.org"]
    assert len(sms.written("12000000007")) == 1


@pytest.mark.django_db
def test_what_statements_about_many_write_has_copies_too() -> None:
    membership = make.membership()
    make.copies_sent()
    actions.leave(membership_id=membership.pk, by=membership.payer, at=clock.now())
    membership.refresh_from_db()
    assert membership.leaving_at
    at(membership.leaving_at)
    mail.outbox.clear()

    actions.leave_due(at=clock.now())

    assert make.copies_sent() == 1
    assert membership.number in mail.outbox[0].body


# --- what goes wrong


@pytest.mark.django_db
def test_a_mail_server_that_is_down_is_tried_again_later_and_later_then_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make.account()
    chooses(account)  # no quiet hours
    notice = tell(account)
    monkeypatch.setattr(EmailBackend, "open", is_down)
    copy = NoticeCopy.objects.get()
    waits = []

    for _try in range(ways.TRIES):
        assert at(copy.due_at) == 0
        before, copy = copy.due_at, NoticeCopy.objects.get()
        waits.append(copy.due_at - before)

    assert waits[:-1] == ways.WAITS
    assert waits[-1] == timedelta(0)
    assert sorted(ways.WAITS) == ways.WAITS
    assert (copy.tries, copy.why) == (ways.TRIES, "no_answer")
    assert copy.failed_at == clock.now()
    monkeypatch.undo()
    assert at(clock.now() + timedelta(days=9)) == 0
    assert Notice.objects.get() == notice


@pytest.mark.django_db
def test_what_was_down_for_a_while_goes_out_once_it_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(make.account())
    monkeypatch.setattr(EmailBackend, "open", is_down)
    assert make.copies_sent() == 0
    monkeypatch.undo()

    assert make.copies_sent() == 0  # not before its time
    assert at(make.NOON + ways.WAITS[0]) == 1
    assert NoticeCopy.objects.get().tries == 2


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "gone"), [(550, True), (451, False)])
def test_an_address_that_is_refused_for_good_is_not_tried_again(
    code: int, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(make.account())
    monkeypatch.setattr(EmailMessage, "send", refuses(code))

    make.copies_sent()

    copy = NoticeCopy.objects.get()
    assert (copy.failed_at is not None, copy.why) == (gone, "refused" if gone else "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (smtplib.SMTPDataError(452, b"full"), ""),
        (smtplib.SMTPSenderRefused(421, b"busy", "us"), ""),
        (smtplib.SMTPServerDisconnected("gone"), "unclear"),
        (TimeoutError("silent"), "unclear"),
    ],
)
def test_a_mail_server_that_says_no_is_asked_again_and_one_that_was_lost_is_not(
    error: Exception, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(make.account())
    monkeypatch.setattr(EmailMessage, "send", breaks(error))
    make.copies_sent()
    monkeypatch.undo()

    assert NoticeCopy.objects.get().why == why
    assert at(make.NOON + AN_HOUR) == (0 if why else 1)


@pytest.mark.django_db
def test_while_a_way_out_is_blocked_no_page_of_a_notice_to_everybody_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    membership = make.membership()
    make.copies_sent()
    for number in range(4):
        chooses(with_phone(account := make.account(), f"1201111007{number}"), email=False)
        tell(account)
    notice = to_all(membership.plan)
    monkeypatch.setattr(sms, "backend", lambda: Gateway(sms.NotSent("down")))

    make.copies_sent()

    assert not NoticeCopy.objects.filter(notice=notice).exists()
    monkeypatch.undo()
    at(make.NOON + AN_HOUR)
    assert Broadcast.objects.get(notice=notice).sent == 1


@pytest.mark.django_db
def test_a_message_of_which_nobody_knows_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    account = with_phone()
    chooses(account, email=False)
    tell(account)
    gateway = Gateway(sms.Unclear("silent"))
    monkeypatch.setattr(sms, "backend", lambda: gateway)

    make.copies_sent()
    at(make.NOON + timedelta(days=3))

    assert len(gateway.sent) == 1
    assert NoticeCopy.objects.get().why == "unclear"


@pytest.mark.django_db
def test_what_nobody_foresaw_is_raised_and_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = with_phone()
    chooses(account, email=False)
    tell(account)
    gateway = Gateway(RuntimeError("a fault of ours"))
    monkeypatch.setattr(sms, "backend", lambda: gateway)

    with pytest.raises(RuntimeError):
        make.copies_sent()
    assert make.copies_sent() == 0
    at(make.NOON + copying.UNCLEAR_AFTER)

    assert len(gateway.sent) == 1
    assert NoticeCopy.objects.get().why == "unclear"


@pytest.mark.django_db
def test_a_way_that_is_blocked_is_left_alone_and_the_other_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(6):
        tell(with_phone(number=f"1201111006{number}"))
    gateway = Gateway(sms.NotSent("down"))
    monkeypatch.setattr(sms, "backend", lambda: gateway)

    assert make.copies_sent() == 6

    assert len(mail.outbox) == 6
    assert len(gateway.sent) == copying.BLOCKED_AFTER


@pytest.mark.django_db
def test_addresses_that_are_refused_block_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for _account in range(6):
        tell(make.account())
    monkeypatch.setattr(EmailMessage, "send", refuses(550))

    make.copies_sent()

    assert NoticeCopy.objects.filter(why="refused").count() == 6


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"sent_at": make.NOON}, "copy_claimed_before_sent"),
        ({"failed_at": make.NOON}, "copy_failed_says_why"),
        ({"failed_at": make.NOON, "why": "bad luck"}, "copy_failed_says_why"),
        (
            {
                "claimed_at": make.NOON,
                "sent_at": make.NOON,
                "failed_at": make.NOON,
                "why": "unclear",
            },
            "copy_sent_or_failed",
        ),
    ],
)
def test_the_database_refuses(change: dict[str, object], constraint: str) -> None:
    tell(make.account())

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        NoticeCopy.objects.update(**change)


@pytest.mark.django_db
def test_quiet_hours_that_never_end_are_refused_by_the_database() -> None:
    account = make.account()

    with pytest.raises(IntegrityError, match="preference_quiet_ends"), transaction.atomic():
        NoticePreference.objects.create(account=account, quiet_from=time(8), quiet_until=time(8))


# --- a gateway that is really there


@pytest.fixture
def gateway_socket() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answer_with(server: socket.socket, words: bytes) -> Thread:
    """Take one request whole, say that, and hang up."""

    def serve() -> None:
        with server.accept()[0] as caller:
            taken = b""
            while b'"text"' not in taken:
                taken += caller.recv(65536)
            caller.sendall(words)

    thread = Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (b"", sms.Unclear),
        (b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n", sms.Unclear),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", sms.NotSent),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None),
    ],
)
def test_a_gateway_that_took_a_message_and_fell_silent_leaves_it_unclear(
    gateway_socket: socket.socket, words: bytes, error: type[Exception] | None
) -> None:
    port = gateway_socket.getsockname()[1]
    serving = answer_with(gateway_socket, words)
    backend = sms.Http(f"http://127.0.0.1:{port}/send", "token")

    if error is None:
        backend.send(PHONE, "text")
    else:
        with pytest.raises(sms.NotSent) as caught:
            backend.send(PHONE, "text")
        assert type(caught.value) is error
        assert PHONE not in str(caught.value)
    serving.join()


def test_a_gateway_that_is_not_there_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(sms.NotSent) as caught:
        sms.Http(f"http://127.0.0.1:{port}/", "token").send(PHONE, "text")

    assert type(caught.value) is sms.NotSent


# --- to everybody


def to_all(plan: Plan, code: str = "share_due", **facts: object) -> Notice:
    return actions.notify(code=code, facts=SHARE | facts, at=clock.now(), plan_id=plan.pk)


@pytest.mark.django_db
def test_a_notice_to_everybody_reaches_each_payer_once_and_leaves_no_rows() -> None:
    first, second = make.membership(), make.membership(name="赵一")
    make.membership(member=make.member(first.payer, name="林父", relation="parent"))
    stranger = make.account()
    make.copies_sent()
    mail.outbox.clear()
    notice = to_all(first.plan)

    assert make.copies_sent() == 2

    told = [letter.to[0] for letter in mail.outbox]
    assert len(told) == 2
    assert set(told) == {first.payer.email, second.payer.email}
    assert stranger.email not in told
    assert not NoticeCopy.objects.filter(notice=notice).exists()
    broadcast = Broadcast.objects.get(notice=notice)
    assert (broadcast.sent, broadcast.failed, broadcast.done_at) == (2, 0, make.NOON)


@pytest.mark.django_db
def test_only_a_failed_copy_of_it_stays_as_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    membership = make.membership()
    make.copies_sent()
    notice = to_all(membership.plan)
    monkeypatch.setattr(EmailMessage, "send", refuses(550))

    make.copies_sent()

    copy = NoticeCopy.objects.get(notice=notice)
    assert (copy.account, copy.why) == (membership.payer, "refused")
    assert Broadcast.objects.get(notice=notice).failed == 1


@pytest.mark.django_db
def test_it_is_not_spread_at_night() -> None:
    membership = make.membership()
    make.copies_sent()
    clock.move_to(NIGHT, frozen=True)
    notice = to_all(membership.plan)

    assert make.copies_sent() == 0
    assert not NoticeCopy.objects.filter(notice=notice).exists()
    assert at(NIGHT.replace(day=2, hour=9)) == 1


@pytest.mark.django_db
def test_whoever_joined_later_or_left_long_ago_is_not_told_but_who_still_pays_is() -> None:
    plan = make.plan()
    gone, leaving, later = make.membership(), make.membership(), make.membership(name="赵一")
    ended = {"end_reason": Membership.End.LEFT}
    Membership.objects.filter(pk=gone.pk).update(ended_at=make.NOON - timedelta(days=60), **ended)
    Membership.objects.filter(pk=leaving.pk).update(ended_at=make.NOON - timedelta(days=5), **ended)
    Membership.objects.filter(pk=later.pk).update(joined_at=make.NOON + AN_HOUR)
    make.copies_sent()
    mail.outbox.clear()
    words = {"plan_zh": "大病互助", "plan_en": "Plan", "version": "2", "effective_on": "2022-01-01"}
    to_all(plan)
    to_all(plan, "rules_announced", **words)

    make.copies_sent()

    assert [letter.to for letter in mail.outbox] == [[leaving.payer.email]]


@pytest.mark.django_db
def test_whoever_was_forgotten_gets_nothing() -> None:
    membership = make.membership()
    account = with_phone(membership.payer)
    make.copies_sent()
    actions.leave(membership_id=membership.pk, by=account, at=clock.now())
    membership.refresh_from_db()
    assert membership.leaving_at
    clock.move_to(membership.leaving_at, frozen=True)
    actions.leave_due(at=clock.now())
    make.copies_sent()
    actions.ask_erasure(member_id=membership.member_id, by=account, at=clock.now())
    clock.move_to(clock.now() + timedelta(days=actions.HOLD_DAYS), frozen=True)
    actions.erasures_due(at=clock.now())
    mail.outbox.clear()
    written = len(sms.written(PHONE))

    tell(account)
    to_all(membership.plan)
    at(clock.now() + timedelta(days=1))

    assert mail.outbox == []
    assert len(sms.written(PHONE)) == written
    assert not NoticeCopy.objects.waiting().exists()


# --- two at once, and killed


class Slow(Gateway):
    """Counts under a lock: two workers use it at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()

    def send(self, number: str, text: str) -> None:
        with self.lock:
            self.sent.append((number, text))


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_copy_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [f"120111100{place}" for place in range(60, 84)]
    for number in numbers:
        account = with_phone(number=number)
        chooses(account, email=False)
        tell(account)
    gateway, start = Slow(), Barrier(2)
    monkeypatch.setattr(sms, "backend", lambda: gateway)

    def work(_worker: int) -> int:
        start.wait()
        try:
            return make.copies_sent()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        sent = list(pool.map(work, range(2)))

    assert sum(sent) == len(numbers)
    assert sorted(number for number, _text in gateway.sent) == numbers


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_spread_a_notice_to_everybody_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = crowd(60)
    monkeypatch.setattr(copying, "ACCOUNTS_A_PAGE", 3)
    notice, start, lock, told = to_all(plan), Barrier(2), Lock(), Counter[str]()

    def send(message: EmailMessage, *args: object, **kwargs: object) -> int:
        with lock:
            told[message.to[0]] += 1
        return 1

    monkeypatch.setattr(EmailMessage, "send", send)

    def work(_worker: int) -> None:
        start.wait()
        try:
            make.copies_sent()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    make.copies_sent()

    assert set(told.values()) == {1}
    assert set(told) == set(Account.objects.values_list("email", flat=True))
    assert Broadcast.objects.get(notice=notice).sent == len(told)


def crowd(people: int) -> Plan:
    """A plan with invented people, whose addresses lead somewhere."""
    plan = make.plan()
    bulk.crowd(plan_id=plan.pk, joined_on=[make.NOON.date() - timedelta(days=90)], people=people)
    address = Concat(Cast("pk", TextField()), Value("@example.org"))
    Account.objects.filter(email__endswith="@crowd.invalid").update(email=address)
    return plan


# One worker of its own, that writes down whom it is about to write to, and then does as it is told.
_WORKER = """
import sys, time
import django
django.setup()
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from members import actions
from mutualaid import clock

def send(message, *args, **kwargs):
    with open(sys.argv[1], "a") as out:
        out.write(message.to[0] + "\\n")
    if sys.argv[2] == "hang":
        time.sleep(600)
    return 1

EmailMessage.send = send
actions.copies_due(at=clock.now())
"""


def worker(out: Path, what: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(out), what],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": url("default"),
            "DATABASE_OWNER_URL": url("owner"),
            "BROKER_URL": "redis://127.0.0.1:1/0",
            "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
        },
    )


def written(out: Path) -> list[str]:
    return out.read_text().split() if out.exists() else []


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_sends_has_sent_at_most_once(tmp_path: Path) -> None:
    account, out = make.account(), tmp_path / "sent"
    tell(account)

    running = worker(out, "hang")
    wait_until(lambda: written(out) or running.poll() is not None)
    running.kill()
    running.wait()

    assert written(out) == [account.email]
    assert NoticeCopy.objects.under_way().count() == 1
    assert make.copies_sent() == 0
    assert at(make.NOON + copying.UNCLEAR_AFTER) == 0
    assert mail.outbox == []
    copy = NoticeCopy.objects.get()
    assert (copy.why, copy.tries) == ("unclear", 1)


@pytest.mark.django_db(transaction=True)
def test_a_notice_to_some_thousand_killed_half_way_goes_on_without_a_second_copy(
    tmp_path: Path,
) -> None:
    plan, out = crowd(3000), tmp_path / "sent"
    everybody = set(Account.objects.values_list("email", flat=True))
    notice = to_all(plan)

    running = worker(out, "send")
    wait_until(lambda: len(written(out)) > 600 or running.poll() is not None)
    running.kill()
    running.wait()
    before = written(out)
    assert 600 < len(before) < len(everybody)

    while make.copies_sent():
        pass
    at(make.NOON + copying.UNCLEAR_AFTER)

    told = Counter(before + [letter.to[0] for letter in mail.outbox])
    assert set(told.values()) == {1}
    missed = everybody - set(told)  # claimed, and killed before a word left
    assert len(missed) <= 1
    broadcast = Broadcast.objects.get(notice=notice)
    left = list(NoticeCopy.objects.filter(notice=notice))
    assert {copy.why for copy in left} <= {"unclear"}
    assert len(left) <= 1
    assert broadcast.sent + broadcast.failed == len(everybody)
    assert broadcast.done_at is not None


# --- the words


@pytest.mark.django_db
def test_a_title_of_several_lines_is_one_subject() -> None:
    account = make.account()
    notice = tell(account, name="林\n*")

    assert "\n" not in letters.mail([notice])[0]
