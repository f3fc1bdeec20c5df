"""The calendar subscription: a secret link, and a file that strict programs can read."""

from __future__ import annotations

import re
from datetime import UTC, date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from members import actions
from members.models import Account, CalendarFeed, Membership, NoticePreference
from mutualaid import clock
from portal.calendar_feed import calendar
from portal.cover import Event
from tests import make

NAME = r"[A-Z][A-Z0-9-]*"
LINE = re.compile(rf"({NAME})((?:;{NAME}=[A-Za-z0-9-]+)*):(.*)\Z", re.DOTALL)


class Broken(Exception):
    """Not an iCalendar file."""


def unescaped(value: str) -> str:
    """A TEXT value read back; anything but the four escapes is refused."""
    if re.search(r"(?<!\\)(?:\\\\)*[;,]", value) or re.search(r"[\x00-\x1f\x7f]", value):
        raise Broken(value)
    if re.sub(r"\\[\\;,nN]", "", value).count("\\"):
        raise Broken(value)
    letters = {"n": "\n", "N": "\n"}
    return re.sub(r"\\(.)", lambda found: letters.get(found[1], found[1]), value)


def read(body: bytes) -> list[dict[str, str]]:
    """The events of a file, by property. Raises Broken for what RFC 5545 does not allow."""
    if not body.endswith(b"\r\n") or body.replace(b"\r\n", b"").count(b"\n"):
        raise Broken("line breaks")
    pieces = body[:-2].split(b"\r\n")
    if any(len(piece) > 75 for piece in pieces):
        raise Broken("long line")
    lines: list[str] = []
    for piece in pieces:
        text = piece.decode()  # also: no letter is cut by a fold
        if text.startswith(" "):
            lines[-1] += text[1:]
        else:
            lines.append(text)
    return _events(lines)


def _events(lines: list[str]) -> list[dict[str, str]]:
    parsed = []
    for line in lines:
        found = LINE.match(line)
        if not found:
            raise Broken(line)
        parsed.append((found[1], found[2], found[3]))
    if parsed[0] != ("BEGIN", "", "VCALENDAR") or parsed[-1] != ("END", "", "VCALENDAR"):
        raise Broken("envelope")
    head = {name: value for name, _parameters, value in parsed[1 : _first(parsed)]}
    if head.get("VERSION") != "2.0" or not head.get("PRODID"):
        raise Broken("head")
    return _bodies(parsed[_first(parsed) : -1])


def _bodies(parsed: list[tuple[str, str, str]]) -> list[dict[str, str]]:
    events: list[dict[str, str]] = []
    inside: dict[str, str] | None = None
    for name, parameters, value in parsed:
        if (name, value) == ("BEGIN", "VEVENT") and inside is None:
            inside = {}
        elif (name, value) == ("END", "VEVENT") and inside is not None:
            events.append(_whole(inside))
            inside = None
        elif inside is None or name in inside:
            raise Broken(name)
        else:
            if name in ("DTSTART", "DTEND"):
                if parameters != ";VALUE=DATE" or not re.fullmatch(r"\d{8}", value):
                    raise Broken(name)
            elif parameters:
                raise Broken(name)
            inside[name] = unescaped(value) if name == "SUMMARY" else value
    if inside is not None:
        raise Broken("open event")
    return events


def _first(parsed: list[tuple[str, str, str]]) -> int:
    begins = [place for place, line in enumerate(parsed) if line == ("BEGIN", "", "VEVENT")]
    return begins[0] if begins else len(parsed) - 1


def _whole(event: dict[str, str]) -> dict[str, str]:
    missing = {"UID", "DTSTAMP", "DTSTART", "SUMMARY"} - set(event)
    if missing or not re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"]):
        raise Broken(str(missing))
    start, end = (date.fromisoformat(event[n]) for n in ("DTSTART", "DTEND"))
    if end - start != timedelta(days=1):
        raise Broken("one day")
    return event


# --- the file


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_any_text_survives_escaping_and_folding(text: str) -> None:
    body = calendar(
        [Event(date(2022, 2, 28), "k", text)], name="名", link="https://x/", at=make.NOON
    )

    (event,) = read(body)

    kept = "".join(letter for letter in text if letter >= " " or letter == "\n")
    assert event["SUMMARY"] == kept.replace("\x7f", "")
    assert (event["DTSTART"], event["DTEND"]) == ("20220228", "20220301")


def test_an_empty_calendar_is_one_too() -> None:
    assert read(calendar([], name="n", link="https://x/", at=make.NOON)) == []


def test_the_parser_is_strict() -> None:
    body = calendar([Event(date(2022, 1, 1), "k", "a")], name="n", link="https://x/", at=make.NOON)

    for broken in (
        body.replace(b"\r\n", b"\n"),
        body.replace(b"SUMMARY:a", b"SUMMARY:a, b"),
        body.replace(b"SUMMARY:a", b"SUMMARY:" + b"a" * 80),
        body.replace(b"UID:", b"X-UID:"),
        body.replace(b"END:VEVENT\r\n", b""),
        body.replace(b"DTSTART;VALUE=DATE:20220101", b"DTSTART:2022-01-01"),
    ):
        with pytest.raises(Broken):
            read(broken)


# --- the link


def subscribe(account: Account) -> str:
    return actions.make_feed(by=account, at=clock.now())


def fetch(token: str) -> list[dict[str, str]]:
    answer = Client().get(reverse("portal:calendar_feed", args=[token]))
    assert answer.status_code == 200
    return read(answer.content)


@pytest.mark.django_db
def test_the_feed_has_the_familys_dates() -> None:
    membership = make.membership(joined=make.NOON)
    make.new_rules(membership.plan, date(2022, 1, 1))

    events = fetch(subscribe(membership.payer))

    by_uid = {event["UID"].partition("@")[0]: event for event in events}
    key = f"membership-{membership.pk}"
    assert by_uid[f"{key}-covered"]["DTSTART"] == "20220301"
    assert by_uid[f"{key}-amount-20250505"]["DTSTART"] == "20250505"
    assert by_uid[f"{key}-until"]["DTSTART"] == "20450505"
    assert by_uid["plan-critical-disclosed-20211207"]["DTSTART"] == "20211207"
    assert by_uid["plan-critical-split-20211214"]["DTSTART"] == "20211214"
    rules = membership.plan.rules.latest("effective_on")
    assert by_uid[f"rules-{rules.pk}"]["DTSTART"] == "20220101"
    assert len(by_uid) == len(events)


@pytest.mark.django_db
def test_the_same_day_has_the_same_uid_tomorrow() -> None:
    membership = make.membership()
    token = subscribe(membership.payer)

    today = {event["UID"]: event["DTSTART"] for event in fetch(token)}
    clock.move_to(make.NOON + timedelta(days=1), frozen=True)
    tomorrow = {event["UID"]: event["DTSTART"] for event in fetch(token)}

    kept = today.keys() & tomorrow.keys()
    assert len(kept) >= len(today) - 2  # the oldest dates of the plan drop out
    assert {today[uid] for uid in kept} == {tomorrow[uid] for uid in kept}


@pytest.mark.django_db
def test_no_full_name_and_no_sum_leaves_the_house() -> None:
    membership = make.membership(name="欧阳秀梅")

    answer = Client().get(
        reverse("portal:calendar_feed", args=[subscribe(membership.payer)])
    ).content  # fmt: skip

    text = answer.replace(b"\r\n ", b"").decode()
    assert "欧阳**" in text
    assert "秀梅" not in text
    assert not re.search(r"\d[.,]\d{2}", text)


@pytest.mark.django_db
def test_the_feed_speaks_the_language_of_the_account() -> None:
    membership = make.membership(joined=make.NOON)
    NoticePreference.objects.create(account=membership.payer, language="en")

    summaries = [event["SUMMARY"] for event in fetch(subscribe(membership.payer))]

    assert "林**: cover for illness begins" in summaries


@pytest.mark.django_db
def test_the_answer_is_private() -> None:
    membership = make.membership()

    answer = Client().get(reverse("portal:calendar_feed", args=[subscribe(membership.payer)]))

    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"].startswith("private")
    assert "sessionid" not in answer.cookies


@pytest.mark.django_db
def test_only_a_hash_of_the_link_is_kept() -> None:
    membership = make.membership()

    token = subscribe(membership.payer)

    kept = bytes(CalendarFeed.objects.get().token_hash)
    assert token.encode() not in kept
    assert len(kept) == 32


@pytest.mark.django_db
def test_a_renewed_and_a_removed_link_no_longer_work() -> None:
    membership = make.membership()
    first = subscribe(membership.payer)
    second = subscribe(membership.payer)
    actions.remove_feed(by=membership.payer, at=clock.now())

    for token in (first, second, "x" * 43):
        url = reverse("portal:calendar_feed", args=[token])
        assert Client().get(url).status_code == 404


@pytest.mark.django_db
def test_a_closed_account_has_no_calendar() -> None:
    membership = make.membership()
    token = subscribe(membership.payer)
    Account.objects.filter(pk=membership.payer_id).update(is_active=False)

    assert Client().get(reverse("portal:calendar_feed", args=[token])).status_code == 404


# --- the page


def signed_in(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.payer)
    client.cookies["django_language"] = "en"
    return client


@pytest.mark.django_db
def test_the_link_is_shown_once() -> None:
    client, url = signed_in(make.membership()), reverse("portal:calendar")

    made = client.post(url, {"do": "make"})
    link = made.context["link"]
    again = client.get(url).content.decode()

    assert link in made.content.decode()
    assert made["Cache-Control"] == "no-store"
    assert read(Client().get(link).content)
    assert link not in again
    assert "A link has worked since" in again


@pytest.mark.django_db
def test_the_page_removes_the_link() -> None:
    client, url = signed_in(make.membership()), reverse("portal:calendar")
    link = client.post(url, {"do": "make"}).context["link"]

    client.post(url, {"do": "remove"})

    assert Client().get(link).status_code == 404
    assert not CalendarFeed.objects.exists()


@pytest.mark.django_db
def test_the_stamp_is_in_universal_time() -> None:
    membership = make.membership()

    (stamp,) = {event["DTSTAMP"] for event in fetch(subscribe(membership.payer))}

    assert stamp == f"{make.NOON.astimezone(UTC):%Y%m%dT%H%M%SZ}"
