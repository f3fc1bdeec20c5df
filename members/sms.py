"""Short messages: what is sent, and the back ends that send it.

`send` fills the template of a code (settings.SMS_TEMPLATES) and hands it to the back end that
settings.SMS_BACKEND names. A message never carries a link that asks for a code. Numbers are the 11
digits of members/phones.py.
"""

from __future__ import annotations

import http.client
import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import get_language

SECONDS = 10
OK = range(200, 300)


class NotSent(Exception):
    """The message did not go out; the reason carries no number and no text."""


class Unclear(NotSent):
    """The message was handed over, and no answer came: perhaps it went out."""


class SmsBackend(Protocol):
    """Whoever carries short messages."""

    def send(self, number: str, text: str) -> None:
        """Send once. Raises NotSent; of that Unclear where it may have gone out all the same."""


class Console:
    """For a developer's terminal."""

    def send(self, number: str, text: str) -> None:
        sys.stderr.write(f"SMS to {number}: {text}\n")


class Files:
    """One file a message in a folder that only this user reads: the demo, and machines that nobody
    reaches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, number: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        count = sum(1 for _ in self.folder.glob(f"{number}-*"))
        path = self.folder / f"{number}-{count:06d}-{uuid.uuid4().hex[:8]}.txt"
        path.touch(mode=0o600)
        path.write_text(text + "\n", encoding="utf-8")


class Http:
    """A provider's gateway: one host from the settings, one POST of JSON with a bearer token, no
    redirects followed."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = urlsplit(url), token

    def send(self, number: str, text: str) -> None:
        secure = self.url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        gateway = kind(self.url.netloc, timeout=SECONDS)
        body = json.dumps({"to": number, "text": text})
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        try:
            gateway.request("POST", self.url.path or "/", body.encode(), head)
            status = _status(gateway)
        except (OSError, http.client.HTTPException) as error:
            raise NotSent(f"The gateway was not reached: {type(error).__name__}.") from error
        finally:
            gateway.close()
        if status == http.client.GATEWAY_TIMEOUT:
            raise Unclear(f"The gateway answered {status}.")
        if status not in OK:
            raise NotSent(f"The gateway answered {status}.")


def _status(gateway: http.client.HTTPConnection) -> int:
    """What it answers to a whole request, which it may have carried out before it fell silent."""
    try:
        return gateway.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Unclear(f"The gateway did not answer: {type(error).__name__}.") from error


def backend() -> SmsBackend:
    """The one that the settings choose."""
    if settings.SMS_BACKEND == "http":
        return Http(settings.SMS_URL, settings.SMS_TOKEN)
    return Files(settings.SMS_DIR) if settings.SMS_BACKEND == "file" else Console()


def text_of(code: str, facts: Mapping[str, object]) -> str:
    """The message of a code in the active language. Raises KeyError for a code or fact unknown."""
    chinese, english = settings.SMS_TEMPLATES[code]
    template: str = english if (get_language() or "").startswith("en") else chinese
    return template % dict(facts)


def send(*, number: str, code: str, facts: Mapping[str, object]) -> None:
    """Send the message of `code` to a number. Raises NotSent, and Unclear."""
    backend().send(number, text_of(code, facts))


def written(number: str) -> list[str]:
    """What the file back end wrote for a number, oldest first: for the demo and the tests."""
    return [
        path.read_text(encoding="utf-8") for path in sorted(settings.SMS_DIR.glob(f"{number}-*"))
    ]
