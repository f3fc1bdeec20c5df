"""Who reads English meets no Chinese, but for names and what the rules say in Chinese."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.test import Client

from tests import make

HAN = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
WITHOUT_TEXT = {"script", "style"}
SAID_ALOUD = {"alt", "aria-label", "placeholder", "title", "value"}


class Words(HTMLParser):
    """The text of a page that is not marked as another language's."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = []  # each open element, and whether it is passed over

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        foreign = (given.get("lang") or "en").startswith("zh")
        passed = tag in WITHOUT_TEXT or foreign or bool(self.open and self.open[-1][1])
        if not passed:
            self.found += [text or "" for name, text in attrs if name in SAID_ALOUD]
        if tag not in {"meta", "link", "input", "img", "br", "hr", "use", "path"}:
            self.open.append((tag, passed))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.found.append(data.strip())


def chinese(client: Client, path: str) -> list[str]:
    """The texts with Chinese in them on the English page, but for what may be there."""
    words = Words()
    words.feed(client.get(path).content.decode())
    assert len(" ".join(words.found)) > 200, f"{path} is empty"
    allowed = {"中文", "相助", *dict(settings.LANGUAGES).values()}
    return [text for text in words.found if HAN.search(text) and text not in allowed]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        *[
            "/",
            "/how/",
            "/rules/",
            "/help/",
            "/privacy/",
            "/accessibility/",
            "/periods/",
            "/money/",
        ],
        *["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nowhere/"],
    ],
)
def test_an_english_page_has_no_chinese(client: Client, path: str) -> None:
    make.plan()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"

    assert chinese(client, path) == []


@pytest.mark.django_db
def test_the_test_would_see_it(client: Client) -> None:
    make.plan()

    assert "首页" in chinese(client, "/")
