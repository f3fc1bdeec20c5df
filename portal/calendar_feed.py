"""The dates of a family as an iCalendar file (RFC 5545): whole days, CRLF, folded lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from portal.cover import Event

LONGEST_LINE = 75  # octets, without the line break (RFC 5545 §3.1)


def calendar(events: Iterable[Event], *, name: str, link: str, at: datetime) -> bytes:
    """The file. `name` is what a calendar program calls it, `link` where each event leads; `at` is
    when it was written. The UID of an event never changes, so a new date moves it."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{_host()}//members//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT12H",
        "X-PUBLISHED-TTL:PT12H",
    ]
    for event in events:
        lines += _event(event, link, at)
    lines.append("END:VCALENDAR")
    return b"".join(part + b"\r\n" for line in lines for part in _folded(line))


def _event(event: Event, link: str, at: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.key}@{_host()}"
    yield f"DTSTAMP:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{_date(event.on)}"
    yield f"DTEND;VALUE=DATE:{_date(event.on + timedelta(days=1))}"
    yield f"SUMMARY:{_text(event.what)}"
    yield f"URL:{link}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"


def _date(on: date) -> str:
    return f"{on:%Y%m%d}"


def _text(value: str) -> str:
    """A TEXT value: backslash, semicolon, comma, line break escaped; other controls left out."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\n")):
        value = value.replace(plain, escaped)
    value = value.replace("\n", "\\n")
    return "".join(letter for letter in value if letter >= " " and letter != "\x7f")


def _folded(line: str) -> Iterator[bytes]:
    """The line in pieces of at most 75 octets, never cut inside a letter; each after the first
    begins with a space."""
    piece = b""
    for letter in line:
        encoded = letter.encode()
        if len(piece) + len(encoded) > LONGEST_LINE:
            yield piece
            piece = b" "
        piece += encoded
    yield piece
