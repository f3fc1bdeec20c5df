"""Debian's Chromium, driven as the people who use the house. No test here.

Every page that a person reaches is looked at: it answers, its content policy is strict and not
broken, it asks nobody but us, it is not wider than the window, and axe finds nothing. What is
wrong is collected, so that a journey goes on and names everything at its end; what a person needs
and does not find fails at once.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from axe_playwright_python.base import AXE_SCRIPT
from django.db import connection
from django.utils.translation import gettext, override
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Frame,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

PATIENCE = 15_000  # milliseconds; two cores may have other work
# What a page is made of. Two pages of one kind of address that agree in it have the same faults.
_KINDS = """() => {
    const said = each => [each.tagName, each.getAttribute('class'), each.getAttribute('role')];
    return [...new Set([...document.querySelectorAll('*')].map(each => said(each).join('.')))]
        .sort().join();
}"""
_NUMBERS = re.compile(r"[A-Z0-9-]*[0-9][A-Z0-9-]*")
_OPEN = "() => document.querySelectorAll('details').forEach(each => each.open = true)"
_CLOSE = "() => document.querySelectorAll('details').forEach(each => each.open = false)"
# It need not fetch the style sheets a second time: only a rule that is off by default reads them.
_AXE = """() => axe.run(document, {resultTypes: ['violations'], preload: false})
    .then(found => found.violations)"""
_TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass(frozen=True)
class Look:
    """How pages are shown: language of the site, theme, width of the window in CSS pixels, size of
    the text ("xl" is 125 %)."""

    language: str
    theme: str
    width: int
    size: str = "m"

    def __str__(self) -> str:
        return f"{self.language[:2]}-{self.theme}-{self.width}" + self.size.strip("m")

    def cookies(self, url: str) -> list[dict[str, str]]:
        return [
            {"name": "django_language", "value": self.language, "url": url},
            {"name": "theme", "value": self.theme, "url": url},
            {"name": "size", "value": self.size, "url": url},
        ]


PHONE, DESK = Look("zh-hans", "light", 390), Look("en", "dark", 1280)
LOOKS = [
    Look(language, theme, width)
    for language in ("zh-hans", "en")
    for theme in ("light", "dark")
    for width in (390, 1280)
]
# The small phone of somebody whose eyes are old.
NARROW = [
    Look(language, theme, 320, "xl")
    for language in ("zh-hans", "en")
    for theme in ("light", "dark")
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a profile and without the network's own traffic."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


class World:
    """One browser and one server, seen in one look; `faults` is what every visit found."""

    def __init__(self, browser: Browser, url: str, look: Look, *, script: bool = True) -> None:
        self.browser, self.url, self.look, self.script = browser, url, look, script
        self.faults: list[str] = []
        self.visits: list[str] = []  # every page met, as "status path"
        self.checked: set[tuple[str, str]] = set()  # what axe has seen: address, what is in it

    def person(self, name: str) -> Person:
        """Somebody with cookies of their own."""
        return Person(self, name)


class Person:
    """One window of one person. What they press is named by its English msgid."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.look = world, name, world.look
        self.taps = 0  # buttons pressed, links followed, boxes ticked; typing is none
        self.acts_for = ""  # whose name stands above every page, while it is somebody else's
        self.context = world.browser.new_context(
            viewport={"width": self.look.width, "height": 844},
            color_scheme="dark" if self.look.theme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=world.script,
            accept_downloads=True,
        )
        self.context.add_cookies(self.look.cookies(world.url))  # type: ignore[arg-type]
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.on("request", self._requested)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._wrong(f"script failed: {error}"))

    # --- what they read

    def words(self, msgid: str, **facts: object) -> str:
        """A text of ours in this person's language."""
        with override(self.look.language):
            return gettext(msgid) % facts if facts else gettext(msgid)

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.world.url)

    @property
    def text(self) -> str:
        """What stands in the main part of the page, closed parts included."""
        return re.sub(r"\s+", " ", self.page.locator("main").first.text_content() or "")

    def reads(self, *msgids: str) -> None:
        """These texts of ours stand on the page."""
        for msgid in msgids:
            assert self.words(msgid) in self.text, (self.name, self.path, msgid, self.text)

    def sees(self, *texts: object) -> None:
        """These words, numbers and dates stand on the page."""
        for text in texts:
            assert str(text) in self.text, (self.name, self.path, text, self.text)

    # --- what they do

    def goes(self, path: str, status: int = 200) -> None:
        """Type an address."""
        response = self.page.goto(path if "://" in path else self.world.url + path)
        self._arrived(response, status)

    def presses(self, msgid: str, status: int = 200, within: str = "body") -> None:
        """A button with just this name."""
        self._clicks(self._named("button", msgid, within), status)

    def follows(self, msgid: str, status: int = 200, within: str = "body", **facts: object) -> None:
        """A link with just this name."""
        self._clicks(self._named("link", msgid, within, **facts), status)

    def sends(self, selector: str, status: int = 200) -> None:
        """The button or link that this CSS selector finds."""
        self._clicks(self.page.locator(selector).first, status)

    def fills(self, **values: str) -> None:
        """Fields by their names in the form."""
        for name, value in values.items():
            self.page.locator(f"[name='{name}']:visible").first.fill(value)

    def ticks(self, name: str, value: str = "") -> None:
        """A radio or a box, with the mouse on its label or on itself."""
        chosen = f"[value='{value}']" if value else ""
        self.page.locator(f"input[name='{name}']{chosen}").first.check()
        self.taps += 1

    def chooses(self, name: str, value: str) -> None:
        """An entry of a drop-down list."""
        self.page.locator(f"select[name='{name}']").first.select_option(value)

    def uploads(self, *files: tuple[str, str, bytes], status: int = 200) -> None:
        """Files (name, claimed type, bytes) by the form of a claim's page."""
        given = [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in files]
        self.page.locator("input[type='file']").set_input_files(given)  # type: ignore[arg-type]
        self.presses("Upload", status)

    def _named(self, role: Any, msgid: str, within: str, **facts: object) -> Locator:
        place = self.page.locator(within).first
        return place.get_by_role(role, name=self.words(msgid, **facts), exact=True).first

    def _clicks(self, target: Locator, status: int) -> None:
        assert target.count(), (self.name, self.path, str(target), self.text)
        self.taps += 1
        with self.page.expect_navigation() as arrival:
            target.click()
        self._arrived(arrival.value, status)

    # --- what every page must be

    def _wrong(self, what: str) -> None:
        self.world.faults.append(f"{self.look} {self.name} {self.path}: {what}")

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.world.url, "data:", "about:", "blob:")):
            self._wrong(f"asks {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # A page that answers 4xx on purpose is looked at by whoever expects it.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._wrong(f"console: {message.text}")

    def _arrived(self, response: Response | None, status: int) -> None:
        self.page.wait_for_load_state()
        assert response is not None, self.path
        self.world.visits.append(f"{response.status} {self.path}")
        assert response.status == status, (self.name, self.path, response.status, self.text)
        policy = response.headers.get("content-security-policy", "")
        if "default-src 'self'" not in policy or "unsafe" in policy:
            self._wrong(f"content policy is {policy!r}")
        if self.acts_for:
            self._names_whom()
        if self.world.script:
            self._looks_at_it()

    def _names_whom(self) -> None:
        """The bar and the title say for whom this page is."""
        said = "".join(self.page.locator(".acting").all_inner_texts())
        if self.acts_for not in said or self.acts_for not in self.page.title():
            self._wrong(f"does not say that it is for {self.acts_for}")

    def _looks_at_it(self) -> None:
        kind = (_NUMBERS.sub("0", self.path), self.page.evaluate(_KINDS))
        if kind in self.world.checked:
            return
        self.world.checked.add(kind)
        if self.page.evaluate(_TOO_WIDE):
            self._wrong("is wider than the window")
        for violation in self.axe():
            self._wrong(violation)

    def axe(self) -> list[str]:
        """What axe finds on this page, its closed parts and frames included; one line each."""
        frames = [frame for frame in self.page.frames if _is_page(frame)]
        for frame in frames:
            frame.evaluate(_OPEN)
            frame.evaluate(AXE_SCRIPT)
        found = self.page.evaluate(_AXE)
        for frame in frames:
            frame.evaluate(_CLOSE)
        return [_line(violation, node) for violation in found for node in violation["nodes"]]


def _is_page(frame: Frame) -> bool:
    return frame.url.startswith("http") and not frame.is_detached()


def _line(violation: dict[str, Any], node: dict[str, Any]) -> str:
    return f"axe {violation['id']} at {node['target']}: {node['html'][:160]}"


def until_the_server_has_let_go() -> None:
    """A live server's threads close their connections a moment after the browser has closed its
    own; the database is dropped after a test, and nobody may sit on it."""
    for _try in range(100):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.05)


def code_in(text: str) -> str:
    """The code of an e-mail: the line that holds nothing else."""
    found = re.search(r"^\s*([A-Z0-9]+(?:-[A-Z0-9]+)*)\s*$", text, re.MULTILINE)
    assert found, text
    return found[1]


def app_code(secret: str, later: int = 0) -> str:
    """The six digits that a code app shows now, or `later` half minutes from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))
