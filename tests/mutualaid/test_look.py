"""The look: display links, words of dates and states, forms, vendored files, the gallery in axe."""

from __future__ import annotations

import hashlib
import mimetypes
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import TemplateSyntaxError
from django.test import RequestFactory
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy, override
from playwright.sync_api import Page, Route, sync_playwright

from mutualaid import charts, views
from mutualaid.display import Display, DisplayMiddleware, context
from mutualaid.forms import DateInput, with_hint
from mutualaid.templatetags import look

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "static/vendor"


def visit(path: str, **cookies: str) -> HttpResponse:
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    return DisplayMiddleware(lambda _: HttpResponse("page"))(request)


# Links that change how pages are shown.


@pytest.mark.parametrize(
    ("query", "cookie", "value"),
    [
        ("size=xl", "size", "xl"),
        ("theme=dark", "theme", "dark"),
        ("lang=en", "django_language", "en"),
        ("lang=zh-hans", "django_language", "zh-hans"),
    ],
)
def test_a_display_link_sets_a_cookie_and_shows_the_same_page(
    query: str, cookie: str, value: str
) -> None:
    response = visit(f"/periods/?q=71&{query}&f=1")

    assert response.status_code == 302
    assert response["Location"] == "/periods/?q=71&f=1"
    assert response.cookies[cookie].value == value


@pytest.mark.parametrize("path", ["/?size=huge", "/?lang=fr", "/?q=l", "/api/v1/x?size=l"])
def test_what_is_no_display_link_is_left_to_the_page(path: str) -> None:
    assert visit(path).content == b"page"


def test_a_form_that_is_sent_is_never_turned_into_a_link() -> None:
    request = RequestFactory().post("/?size=l")

    assert DisplayMiddleware(lambda _: HttpResponse("page"))(request).content == b"page"


def test_a_display_link_never_leads_to_another_host() -> None:
    request = RequestFactory().get("/?size=l")
    request.path = "//evil.example/"

    location = DisplayMiddleware(lambda _: HttpResponse())(request)["Location"]

    assert location.startswith("/%2F")


def test_a_cached_page_is_not_shown_to_somebody_with_another_size() -> None:
    assert "Cookie" in visit("/")["Vary"]


def test_a_cookie_that_somebody_forged_is_the_default() -> None:
    request = RequestFactory().get("/")
    request.COOKIES.update(size='"><script>', theme="neon")

    assert (Display(request).size, Display(request).theme) == ("m", "auto")


def test_the_switches_keep_the_rest_of_the_address() -> None:
    large = Display(RequestFactory().get("/periods/?q=第70期&size=m")).sizes[1]

    assert large.url == "/periods/?q=%E7%AC%AC70%E6%9C%9F&size=l#settings"


def test_the_telephone_can_be_dialled(settings: Any) -> None:
    settings.HELP_PHONE = "400-000 1234"

    assert context(RequestFactory().get("/"))["help_phone_uri"] == "4000001234"


# Words.


@pytest.mark.parametrize(
    ("language", "full", "short", "instant"),
    [
        ("zh-hans", "2021 年 12 月 8 日", "12 月 8 日", "2021 年 12 月 8 日 00:30"),
        ("en", "8 December 2021", "8 December", "8 December 2021, 00:30"),
    ],
)
def test_dates_are_those_of_shanghai(language: str, full: str, short: str, instant: str) -> None:
    at = datetime(2021, 12, 7, 16, 30, tzinfo=UTC)

    with override(language):
        assert look.day(at) == look.day(date(2021, 12, 8)) == full
        assert look.day(at, "short") == short
        assert look.moment(at) == instant
    assert look.machine(at) == "2021-12-08T00:30+08:00"


def test_amounts_are_written_to_the_fen() -> None:
    assert look.yuan(2_839_275_327) == "28,392,753.27"
    assert look.yuan(0) == "0.00"
    assert look.yuan(None) == ""


def test_a_state_is_a_word_an_icon_and_a_colour() -> None:
    said = look.tag("bad", "<b>no</b>")

    assert "tag-bad" in said
    assert "#i-cross" in said
    assert strip_tags(said).strip() == "&lt;b&gt;no&lt;/b&gt;"


@pytest.mark.parametrize("value", ["met", "not_met", "not_shown", "not_yet"])
def test_every_answer_of_a_criterion_has_its_own_word(value: str) -> None:
    with override("en"):
        words = {strip_tags(look.answer(each)) for each in look.ANSWERS}

        assert strip_tags(look.answer(value)) in words
    assert len(words) == 4


def test_not_yet_says_from_which_day() -> None:
    with override("en"):
        said = look.answer("not_yet", date(2021, 12, 20))

    assert "20 December 2021" in said


def test_icons_are_those_of_the_sprite() -> None:
    sprite = (ROOT / "templates/components/icons.svg").read_text()

    assert set(re.findall(r'id="i-([a-z]+)"', sprite)) == look.ICONS
    with pytest.raises(TemplateSyntaxError, match="No icon"):
        look.icon("unicorn")


# Forms.


class Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="As on the card")
    sick = forms.ChoiceField(
        label="Ill?", choices=[("y", with_hint("Yes", "then what")), ("n", "No")],
        widget=forms.RadioSelect,
    )  # fmt: skip
    born = forms.DateField(label="Born", widget=DateInput(), required=False)
    agree = forms.BooleanField(label="Agree", error_messages={"required": "Tick the box."})


def test_a_mistake_stands_beside_its_field_and_is_read_with_it() -> None:
    with override("en"):
        page = str(Sample({}))

    assert 'aria-describedby="id_name_helptext id_name_error"' in page
    assert 'id="id_name_helptext"' in page
    assert 'id="id_name_error"' in page
    assert "Fill in: Name" in page
    assert "Choose: Ill?" in page
    assert "Tick the box." in page
    assert page.count("field-bad") == 3


def test_each_choice_is_a_row_with_its_hint() -> None:
    page = str(Sample())

    assert page.count('<label class="choice"') == 3
    assert "<strong>Yes</strong><small>then what</small>" in page


def test_a_hint_cannot_smuggle_markup() -> None:
    assert "<script>" not in str(with_hint(gettext_lazy("Yes"), "<script>"))


def test_a_date_has_the_picker_of_the_device() -> None:
    page = str(Sample(initial={"born": date(2021, 12, 7)}))

    assert 'type="date"' in page
    assert 'value="2021-12-07"' in page


def test_a_mistake_of_the_whole_form_is_not_lost() -> None:
    form = Sample({"name": "x", "sick": "n", "agree": "on"})
    form.is_valid()
    form.add_error(None, "Both cannot be.")

    assert 'id="form-errors"' in str(form)
    assert "Both cannot be." in str(form)


# Charts.


def test_columns_rise_with_their_values_and_only_the_last_is_warm() -> None:
    drawn = charts.columns([charts.Point(str(n), n, str(n)) for n in (5, 10, 0)])

    assert drawn is not None
    assert [column.height for column in drawn.columns] == ["65.0", "130.0", "1.0"]
    assert [column.last for column in drawn.columns] == [False, False, True]


def test_no_periods_make_no_chart() -> None:
    assert charts.columns([]) is None


def test_bars_are_longest_for_the_most() -> None:
    drawn = charts.bars([("a", 10), ("b", 5), ("rest", 0)], rest="rest")

    assert [line.width for line in drawn.lines] == [166, 83, 2]
    assert [line.rest for line in drawn.lines] == [False, False, True]


# What is delivered.


def vendored() -> dict[str, str]:
    packages = tomllib.loads((VENDOR / "VENDOR.toml").read_text())["package"]
    return {path: digest for package in packages for path, digest in package["files"].items()}


def test_every_vendored_file_is_the_one_that_was_written_down() -> None:
    present = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDOR.toml"
    }

    assert present == vendored()


def test_every_vendored_package_has_its_licence_beside_it() -> None:
    for package in tomllib.loads((VENDOR / "VENDOR.toml").read_text())["package"]:
        assert {"name", "version", "licence", "source"} <= package.keys()
        assert any("LICEN" in path.upper() for path in package["files"])


def delivered() -> list[Path]:
    texts = {".html", ".css", ".js", ".svg"}
    places = (ROOT / "templates", ROOT / "static")
    return [path for place in places for path in place.rglob("*") if path.suffix in texts]


@pytest.mark.parametrize("path", delivered(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_or_style_fetches_from_another_host(path: Path) -> None:
    fetched = re.findall(
        r"""(?:src|href|action|srcset)\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
        r"""|url\(\s*["']?(?:https?:)?//[^)]+|@import[^;]+|sourceMappingURL""",
        path.read_text(),
    )

    assert not fetched


@pytest.mark.parametrize(
    "path",
    [path for path in delivered() if path.suffix == ".html"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_page_has_a_style_or_a_script_of_its_own(path: Path) -> None:
    if "pdf" in path.parts:
        return  # never sent to a browser
    text = path.read_text()

    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=\s*[\"']", text)
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        if 'type="application/json"' in attributes:
            continue  # data, which no browser runs
        assert "src=" in attributes
        assert not inside.strip()


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


def answer(route: Route, language: str, cookies: dict[str, str]) -> None:
    """The gallery and the files it names, without a server and without a database."""
    path = route.request.url.split("/", 3)[3]
    if path.startswith("static/"):
        file = ROOT / path
        kind = mimetypes.guess_type(file.name)[0] or "text/plain"
        route.fulfill(body=file.read_bytes(), content_type=kind)
        return
    request: HttpRequest = RequestFactory().get("/" + path)
    request.COOKIES.update(cookies)
    with override(language):
        page = views.gallery(request)
    route.fulfill(body=page.content, content_type="text/html; charset=utf-8")


def gallery(browser: Any, language: str, width: int, **cookies: str) -> Page:
    page: Page = browser.new_page(viewport={"width": width, "height": 900})
    page.route("**/*", lambda route: answer(route, language, cookies))
    page.goto("http://gallery.invalid/components/")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    return page


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("zh-hans", 390, "light"), ("en", 1280, "dark")]
)
def test_axe_finds_nothing_in_any_component(
    browser: Any, language: str, width: int, theme: str
) -> None:
    page = gallery(browser, language, width, theme=theme)

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    page.close()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_nothing_is_wider_than_a_small_phone_with_large_letters(
    browser: Any, language: str
) -> None:
    page = gallery(browser, language, 320, size="xl")

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


def test_everything_to_tap_is_large_enough(browser: Any) -> None:
    page = gallery(browser, "zh-hans", 390)

    sizes = page.evaluate(
        "[...document.querySelectorAll('.btn, .choice, .form-control')]"
        ".map(each => each.getBoundingClientRect().height)"
    )

    assert sizes
    assert min(sizes) >= 60
    page.close()


def test_a_first_visit_is_light(browser: Any) -> None:
    """What base.html asks for, compressed as it is sent: pages may add 60 kB of their own."""
    import gzip

    asked: list[str] = []
    page: Page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/*", lambda route: answer(route, "zh-hans", {}))
    page.goto("http://gallery.invalid/components/")
    page.close()

    files = [ROOT / url.split("/", 3)[3] for url in asked if "/static/" in url]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < 50_000
    assert len(asked) <= 4
    assert settings.STATIC_URL == "/static/"
