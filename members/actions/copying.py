"""Copies of notices by e-mail and SMS: found by a query, claimed, sent, recorded.

The row of a copy is written with its notice, in the same statement (members/models/notices.py). At
most one sending for each: `claimed_at` is set in a transaction of its own, on a row that nobody
else has (SKIP LOCKED), before anything leaves; what came of it is written in a second one. Between
the two no transaction is open, so a slow gateway holds no lock.

- The back end did not take it (sms.NotSent; a mail server that is not reached or says no): the
  claim is given back and the copy is tried again after ways.WAITS, then given up.
- Nobody knows (sms.Unclear; a mail server lost in the middle; a worker killed between the two
  transactions, seen by a claim that is an hour old): it is not sent again, by e-mail no more than
  by SMS. It is written down as failed, so that its reader and the desk see it; the notice itself
  stands in the inbox all the same.

A notice to everybody becomes rows page by page of the accounts by key, a page when nothing else is
due and only by day; its rows go once they are sent (design §4).
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F
from django.utils.translation import override

from members import bulk, inbox, letters, notices, sms, ways
from members.actions.contacts import contacts
from members.models import Broadcast, NoticeCopy

PASS_SECONDS = 40  # of one call: less than the minute after which beat rings again
ACCOUNTS_A_PAGE = 500
UNCLEAR_AFTER = timedelta(hours=1)  # no sending takes so long
BLOCKED_AFTER = 3  # failures in a row: this way out is left alone until the next call
PERMANENT = 500  # SMTP: from this code on it is no use to try again


class _Failed(Exception):
    """One sending did not happen, or nobody knows."""

    def __init__(self, why: NoticeCopy.Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class _Parcel:
    """What is claimed and leaves in one message; no copies where there was only something to put
    off or to drop."""

    channel: str = ""
    address: str = field(default="", repr=False)
    language: str = ""
    copies: list[NoticeCopy] = field(default_factory=list)


def copies_due(*, at: datetime) -> int:
    """Send what is due, the oldest first, for PASS_SECONDS at most; returns how many copies went
    out. Any number of callers; one that is killed loses at most the one message in its hands."""
    _settle_unclear(at)
    over, sent = time.monotonic() + PASS_SECONDS, 0
    blocked = dict.fromkeys(NoticeCopy.Channel.values, 0)
    while time.monotonic() < over:
        open_ways = [way for way, failures in blocked.items() if failures < BLOCKED_AFTER]
        parcel = _claim(at, open_ways)
        if parcel is None:
            # While a way out is blocked no page is added: its rows would only pile up.
            if len(open_ways) < len(blocked) or not _spread(at):
                break
        elif parcel.copies:
            why = _deliver(parcel, at)
            sent += 0 if why else len(parcel.copies)
            of_the_way = why in (NoticeCopy.Why.NO_ANSWER, NoticeCopy.Why.UNCLEAR)
            blocked[parcel.channel] = blocked[parcel.channel] + 1 if of_the_way else 0
    return sent


def _deliver(parcel: _Parcel, at: datetime) -> NoticeCopy.Why | None:
    """Send it, and write down what came of it; None where it went out."""
    try:
        _send(parcel)
    except _Failed as failure:
        _not_sent(parcel.copies, failure.why, at)
        return failure.why
    _sent(parcel.copies, at)
    return None


# --- the claim


@transaction.atomic
def _claim(at: datetime, channels: list[str]) -> _Parcel | None:
    """The copy that has waited longest, and for who wants one message a day all that go with it;
    None when nothing is due. Locks their rows, which nobody else has."""
    due = NoticeCopy.objects.waiting().filter(due_at__lte=at, channel__in=channels)
    # A code that this version does not know is left to one that does.
    mine = due.filter(notice__code__in=list(notices.KINDS)).select_related("notice", "account")
    mine = mine.select_for_update(of=("self",), skip_locked=True)
    first = mine.order_by("due_at", "pk").first()
    if first is None:
        return None
    chosen, has = inbox.ways_of(first.account_id), contacts(first.account)
    found = [first]
    if chosen.digest and not _is_urgent(first):
        others = mine.filter(account=first.account_id, channel=first.channel).exclude(pk=first.pk)
        found += [copy for copy in others.order_by("pk") if not _is_urgent(copy)]
    ready = [copy for copy in found if _is_ready(copy, chosen, has, at)]
    NoticeCopy.objects.filter(pk__in=[copy.pk for copy in ready]).update(
        claimed_at=at, tries=F("tries") + 1
    )
    for copy in ready:
        copy.tries += 1
    address = has.get(first.channel, "")
    return _Parcel(first.channel, address, chosen.language, sorted(ready, key=lambda c: c.pk))


def _is_ready(copy: NoticeCopy, chosen: ways.Ways, has: dict[str, str], at: datetime) -> bool:
    """Whether it is to leave now. One that nobody wants, or that leads nowhere any more, is
    removed; one that comes too early waits."""
    kind = notices.KINDS[copy.notice.code]
    wanted = ways.channels(chosen, has, must=kind.must, everywhere=kind.group == notices.URGENT)
    if copy.channel not in wanted:
        copy.delete()
        return False
    due_at = copy.notice.at if _is_urgent(copy) else _due(copy, chosen, at)
    if due_at > at:
        copy.due_at = due_at
        copy.save(update_fields=["due_at"])
        return False
    return True


def _due(copy: NoticeCopy, chosen: ways.Ways, at: datetime) -> datetime:
    """By what is chosen now: choices may have changed since, and a second try knows no night."""
    return max(ways.due(chosen, copy.notice.at), ways.free_from(chosen, at))


def _is_urgent(copy: NoticeCopy) -> bool:
    return notices.KINDS[copy.notice.code].group == notices.URGENT


# --- the sending, outside of any transaction


def _send(parcel: _Parcel) -> None:
    """Raises _Failed for what a back end says; what nobody foresaw goes through."""
    about = [copy.notice for copy in parcel.copies]
    with override(parcel.language):
        if parcel.channel == NoticeCopy.Channel.SMS:
            _send_sms(parcel.address, letters.short(about))
        else:
            _send_mail(parcel.address, letters.mail(about), parcel.copies[0].pk)


def _send_sms(number: str, text: str) -> None:
    try:
        sms.backend().send(number, text)
    except sms.Unclear as error:
        raise _Failed(NoticeCopy.Why.UNCLEAR) from error
    except sms.NotSent as error:
        raise _Failed(NoticeCopy.Why.NO_ANSWER) from error


def _send_mail(address: str, letter: tuple[str, str], key: int) -> None:
    """A server that was never reached, or that said no, has not sent it; of one that was lost in
    the middle nobody knows."""
    way = get_connection()
    message = _message(address, letter, key, way)
    try:
        way.open()
    except OSError as error:  # smtplib's errors are of that kind, too
        raise _Failed(NoticeCopy.Why.NO_ANSWER) from error
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _said in error.recipients.values()]
        final = bool(codes) and min(codes) >= PERMANENT
        raise _Failed(NoticeCopy.Why.REFUSED if final else NoticeCopy.Why.NO_ANSWER) from error
    except OSError as error:
        said_no = isinstance(error, smtplib.SMTPResponseException)
        raise _Failed(NoticeCopy.Why.NO_ANSWER if said_no else NoticeCopy.Why.UNCLEAR) from error
    finally:
        way.close()


def _message(address: str, letter: tuple[str, str], key: int, way: Any) -> EmailMessage:
    """In plain text. Its Message-ID names the copy, so that it can be found in a server's log."""
    subject, body = letter
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    headers = {"Message-ID": f"<copy-{key}@{host}>", "Auto-Submitted": "auto-generated"}
    return EmailMessage(subject, body, None, [address], headers=headers, connection=way)


# --- what came of it


@transaction.atomic
def _sent(copies: list[NoticeCopy], at: datetime) -> None:
    for copy in _still_claimed(copies):
        if copy.notice.account_id is None:
            copy.delete()
            Broadcast.objects.filter(notice=copy.notice_id).update(sent=F("sent") + 1)
        else:
            copy.sent_at = at
            copy.save(update_fields=["sent_at"])


@transaction.atomic
def _not_sent(copies: list[NoticeCopy], why: NoticeCopy.Why, at: datetime) -> None:
    for copy in _still_claimed(copies):
        final = why != NoticeCopy.Why.NO_ANSWER or copy.tries >= ways.TRIES
        if final:
            _give_up(copy, why, at)
        else:
            copy.claimed_at, copy.due_at = None, at + ways.WAITS[copy.tries - 1]
            copy.save(update_fields=["claimed_at", "due_at"])


def _give_up(copy: NoticeCopy, why: NoticeCopy.Why, at: datetime) -> None:
    copy.failed_at, copy.why = at, why
    copy.save(update_fields=["failed_at", "why"])
    if copy.notice.account_id is None:
        Broadcast.objects.filter(notice=copy.notice_id).update(failed=F("failed") + 1)


def _still_claimed(copies: list[NoticeCopy]) -> Iterator[NoticeCopy]:
    """Their rows, locked, but for those that were given up meanwhile."""
    found = NoticeCopy.objects.under_way().filter(pk__in=[copy.pk for copy in copies])
    yield from found.select_for_update(of=("self",)).select_related("notice").order_by("pk")


@transaction.atomic
def _settle_unclear(at: datetime) -> None:
    """Of what was claimed long ago nobody knows whether it went out."""
    old = NoticeCopy.objects.under_way().filter(claimed_at__lte=at - UNCLEAR_AFTER)
    for copy in old.select_for_update(of=("self",), skip_locked=True).select_related("notice"):
        _give_up(copy, NoticeCopy.Why.UNCLEAR, at)


# --- notices to everybody


@transaction.atomic
def _spread(at: datetime) -> bool:
    """Write the copies of the next page of accounts; whether there was one. Locks the broadcast.

    By day only: at night a page would be rows that wait for the morning, and so would the next.
    """
    if ways.is_quiet(ways.Ways(), at):
        return False
    waiting = Broadcast.objects.select_for_update(of=("self",), skip_locked=True).filter(
        done_at__isnull=True, notice__code__in=list(notices.KINDS)
    )
    broadcast = waiting.select_related("notice").order_by("notice_id").first()
    if broadcast is None:
        return False
    last = bulk.spread(
        notice=broadcast.notice,
        after=broadcast.after,
        size=ACCOUNTS_A_PAGE,
        since=_since(broadcast),
    )
    if last is None:
        broadcast.done_at = at
    else:
        broadcast.after = last
    broadcast.save(update_fields=["after", "done_at"])
    return True


def _since(broadcast: Broadcast) -> datetime:
    """Whose membership ended before then is not told. Whoever was counted in a period still pays
    its share, so money reaches back a month."""
    notice = broadcast.notice
    back = timedelta(days=31) if notices.KINDS[notice.code].group == "money" else timedelta(0)
    return notice.at - back
