"""How a page is shown to this reader: text size, colours, language. Links, cookies, no script.

`?size=l`, `?theme=dark`, `?lang=en` on any page are remembered in a cookie for a year, and the same
page comes back without them. What is not one of the known values is left to the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.utils.encoding import escape_uri_path
from django.utils.http import escape_leading_slashes
from django.utils.translation import get_language
from django.utils.translation import gettext as _

INBOX = {"portal:inbox", "portal:inbox_settings", "portal:notice"}
# Pages of the portal that stand under no entry of the navigation.
_PUBLIC = ("how", "rules", "help", "privacy", "accessibility", "plans", "plan")
_VERSIONS = ("rules_versions", "rules_version", "rules_changes")
PUBLIC = {f"portal:{name}" for name in _PUBLIC + _VERSIONS}
SIZES, THEMES = ("m", "l", "xl"), ("auto", "light", "dark")
_YEAR = 365 * 24 * 3600


def _choices() -> dict[str, tuple[str, tuple[str, ...]]]:
    """For each parameter its cookie and its values; the first value is the default."""
    return {
        "size": ("size", SIZES),
        "theme": ("theme", THEMES),
        "lang": (settings.LANGUAGE_COOKIE_NAME, tuple(code for code, _name in settings.LANGUAGES)),
    }


class DisplayMiddleware:
    """Turns a display link into a cookie and the same page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = _chosen(request)
        if chosen:
            return _remember(request, chosen)
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ("Cookie",))
        return response


def _chosen(request: HttpRequest) -> dict[str, str]:
    """The display parameters of this address that mean something."""
    if request.method not in {"GET", "HEAD"} or request.path.startswith("/api/"):
        return {}
    return {
        name: request.GET[name]
        for name, (_cookie, values) in _choices().items()
        if request.GET.get(name) in values
    }


def _remember(request: HttpRequest, chosen: dict[str, str]) -> HttpResponse:
    response = HttpResponseRedirect(here(request, {}, without=tuple(chosen)))
    for name, value in chosen.items():
        response.set_cookie(
            _choices()[name][0],
            value,
            max_age=_YEAR,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
        )
    return response


def here(request: HttpRequest, changes: dict[str, str], *, without: tuple[str, ...] = ()) -> str:
    """This address with some parameters set or left out. Never another host's."""
    query = request.GET.copy()
    for name in (*without, *changes):
        query.pop(name, None)
    pairs = [(name, value) for name, values in query.lists() for value in values]
    pairs += list(changes.items())
    path = escape_leading_slashes(escape_uri_path(request.path))
    return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True)
class Choice:
    """One link of a switch: its word, its address, and whether it is the one in force."""

    label: str
    url: str
    current: bool
    code: str


class Display:
    """Size, theme and language of this reader, and the switches for them."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def _value(self, name: str) -> str:
        cookie, values = _choices()[name]
        value = self.request.COOKIES.get(cookie, "")
        return value if value in values else values[0]

    @property
    def size(self) -> str:
        """m, l or xl."""
        return self._value("size")

    @property
    def theme(self) -> str:
        """auto, light or dark."""
        return self._value("theme")

    @property
    def html_lang(self) -> str:
        """What <html lang> says: zh-Hans or en."""
        return "zh-Hans" if self.language == "zh-hans" else self.language

    @property
    def language(self) -> str:
        """The language this page is written in."""
        return get_language() or settings.LANGUAGE_CODE

    def _switch(self, name: str, words: dict[str, str], current: str) -> list[Choice]:
        return [
            Choice(word, here(self.request, {name: code}) + "#settings", code == current, code)
            for code, word in words.items()
        ]

    @property
    def sizes(self) -> list[Choice]:
        """The switch of the text size."""
        words = {"m": _("Standard"), "l": _("Large"), "xl": _("Very large")}
        return self._switch("size", words, self.size)

    @property
    def themes(self) -> list[Choice]:
        """The switch of the colours."""
        words = {"auto": _("As the device"), "light": _("Light"), "dark": _("Dark")}
        return self._switch("theme", words, self.theme)

    @property
    def languages(self) -> list[Choice]:
        """The switch of the language; each word in its own language."""
        return self._switch("lang", dict(settings.LANGUAGES), self.language)

    @property
    def nav(self) -> list[Choice]:
        """The main navigation; places that do not exist yet are left out."""
        section = _section(self.request)
        places = {
            "portal:home": _("Home"),
            "disclosures:periods": _("Disclosures"),
            "disclosures:money": _("Where the money goes"),
            "portal:me": _("My page"),
        }
        user = getattr(self.request, "user", None)
        if user is not None and user.is_authenticated:
            places["portal:inbox"] = _("Inbox")
        found = [(name, word, _address(name)) for name, word in places.items()]
        return [Choice(word, url, name == section, name) for name, word, url in found if url]


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _section(request: HttpRequest) -> str:
    """The navigation entry under which this page stands."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return ""
    if match.app_name == "disclosures":
        name = match.url_name or ""
        return "disclosures:money" if name.startswith("money") else "disclosures:periods"
    if match.view_name == "portal:home":
        return "portal:home"
    if match.view_name in PUBLIC:
        return ""
    if match.view_name in INBOX:
        return "portal:inbox"
    mine = {"portal", "members", "claims", "jury", "assessments"}
    return "portal:me" if match.app_name in mine else ""


def context(request: HttpRequest) -> dict[str, Any]:
    """What every template may use: `display`, `site_name`, `help_phone`, `help_phone_uri`."""
    phone = settings.HELP_PHONE
    return {
        "display": Display(request),
        "site_name": settings.SITE_NAME or settings.SITE_TITLE,
        "help_phone": phone,
        "help_phone_uri": "".join(sign for sign in phone if sign.isdigit() or sign == "+"),
    }
