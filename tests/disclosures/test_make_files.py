"""The files of a publication: same figures, unchanged bytes, no reach, no person named."""

from __future__ import annotations

import csv
import io
import os
import socket
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from django.test import Client

from claims.states import Status
from disclosures import actions, files, report
from disclosures.models import Disclosure, PublishedFile
from mutualaid import clock, pdf
from mutualaid.errors import NotNow
from mutualaid.money import yuan
from tests import make

pytestmark = pytest.mark.django_db


def with_files(**world: Any) -> Disclosure:
    disclosure = make.disclosure(**world)
    actions.make_files_due(at=clock.now())
    return disclosure


def content_of(disclosure: Disclosure, ending: str) -> bytes:
    [file] = [file for file in disclosure.files.all() if file.name.endswith(ending)]
    return files.get(file.sha256)


def text_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_page_pdf_table_and_data_hold_the_same_figures(client: Client) -> None:
    disclosure = with_files(cases=3, members=7)
    figures = disclosure.content["figures"]

    page = client.get(f"/periods/critical/{disclosure.period.number}/").content.decode()
    paper = text_of(content_of(disclosure, ".pdf"))
    table = list(csv.reader(io.StringIO(content_of(disclosure, ".csv").decode("utf-8-sig"))))
    text = content_of(disclosure, ".json").decode()

    for name in ("benefits_fen", "fees_fen", "pool_fen", "share_fen"):
        assert yuan(figures[name]) in page, name
        assert yuan(figures[name]) in paper, name
    assert f"{figures['members']:,}" in page
    for case in disclosure.content["cases"]:
        assert case["code"] in page
        assert case["code"] in paper
    assert [row[2] for row in table[1:]] == [case["code"] for case in disclosure.content["cases"]]
    assert sum(int(row[9]) for row in table[1:]) == figures["benefits_fen"]
    assert sum(int(row[10]) for row in table[1:]) == figures["fees_fen"]
    assert text == disclosure.data


def test_files_are_made_once_and_their_digests_are_of_their_bytes() -> None:
    disclosure = with_files()

    again = actions.make_files_due(at=clock.now())

    assert again == []
    assert disclosure.files.count() == 3
    for file in disclosure.files.all():
        data = files.get(file.sha256)
        assert (file.size, file.sha256) == (len(data), files.digest(data))


def test_of_two_makers_the_first_wins() -> None:
    disclosure = with_files()

    assert actions.make_files(disclosure_id=disclosure.pk, at=clock.now()) == []


def test_a_changed_byte_is_noticed_and_the_file_is_not_handed_out(client: Client) -> None:
    disclosure = with_files()
    file = disclosure.files.get(name__endswith=".csv")
    place = files.path(file.sha256)
    data = bytearray(place.read_bytes())
    data[-3] ^= 1
    place.chmod(0o644)
    place.write_bytes(data)

    answer = client.get(f"/periods/critical/{disclosure.period.number}/files/{file.name}")

    assert answer.status_code == 409
    with pytest.raises(NotNow, match=file.sha256):
        files.get(file.sha256)


def test_a_file_on_the_disk_is_never_written_over(tmp_path: Path) -> None:
    sha256 = files.put(b"published")
    before = files.path(sha256).stat()

    files.put(b"published")

    after = files.path(sha256).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not after.st_mode & 0o222


def test_a_published_file_is_served_under_its_digest_for_ever(client: Client) -> None:
    disclosure = with_files()
    file = disclosure.files.get(name__endswith=".json")
    address = f"/periods/critical/{disclosure.period.number}/files/{file.name}"

    answer = client.get(address)
    again = client.get(address, headers={"If-None-Match": f'"{file.sha256}"'})

    assert b"".join(answer.streaming_content) == disclosure.data.encode()  # type: ignore[attr-defined]
    assert answer["ETag"] == f'"{file.sha256}"'
    assert "immutable" in answer["Cache-Control"]
    assert answer["Content-Disposition"] == f'attachment; filename="{file.name}"'
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["other.pdf", "..%2f..%2fetc%2fpasswd", "critical-0001-v2.json"])
def test_what_was_not_published_is_not_served(client: Client, name: str) -> None:
    disclosure = with_files()

    answer = client.get(f"/periods/critical/{disclosure.period.number}/files/{name}")

    assert answer.status_code == 404


def test_chinese_shows_in_the_pdf_as_text_and_as_ink() -> None:
    disclosure = with_files()
    document = pypdfium2.PdfDocument(content_of(disclosure, ".pdf"))

    words = document[0].get_textpage()
    found = words.search("大病互助计划").get_next()

    assert found is not None
    left, bottom, right, top = words.get_charbox(found[0])
    picture = document[0].render(scale=4).to_pil().convert("L")
    height = picture.height
    box = (int(left * 4), int(height - top * 4), int(right * 4), int(height - bottom * 4))
    ink = [value for value in picture.crop(box).tobytes() if value < 128]
    assert len(ink) > 30, "the first character of the plan's name leaves no ink"


def test_the_pdf_is_tagged_and_says_that_it_is_chinese() -> None:
    with pikepdf.open(io.BytesIO(content_of(with_files(), ".pdf"))) as document:
        assert str(document.Root.Lang) == "zh-Hans"
        assert document.Root.MarkInfo.Marked
        with document.open_metadata() as metadata:
            assert metadata["pdfuaid:part"] == "1"


HOSTILE = [
    '<img src="http://127.0.0.1:9/x.png">',
    '<link rel="attachment" href="file:///etc/passwd">',
    '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">',
    "<style>@import url(http://127.0.0.1:9/x.css);</style>",
    '<object data="file:///etc/passwd"></object>',
    '<svg><image href="http://127.0.0.1:9/x.svg"/></svg>',
    '<div style="background: url(file:///etc/hostname)">x</div>',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_renderer_reaches_no_network_and_no_file(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf.render("<html lang=zh-Hans><title>x</title><p>字</p></html>")  # fonts and libraries load
    reached: list[str] = []
    opened = os.open

    def refuse(*args: Any, **kwargs: Any) -> None:
        reached.append("network")
        raise OSError("no network in this test")

    def watch(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith("/etc"):
            reached.append(str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(os, "open", watch)

    made = pdf.render(f"<html lang=zh-Hans><title>x</title><p>字</p>{text}</html>")

    assert made.startswith(b"%PDF")
    assert b"EmbeddedFile" not in made
    assert reached == []


def test_hostile_words_of_a_plan_stay_text_in_the_pdf() -> None:
    plan = make.plan()
    plan.name_zh = '<link rel="attachment" href="file:///etc/passwd">计划'
    plan.save(update_fields=["name_zh"])

    content = content_of(with_files(plan=plan), ".pdf")

    assert b"EmbeddedFile" not in content
    assert "file:///etc/passwd" in text_of(content)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert report._safe(cell) == f"'{cell}"


CANARY: dict[str, Any] = {"name": "柯奈丽丝", "born": date(1984, 2, 29)}


def everything_public(client: Client, disclosure: Disclosure) -> dict[str, str]:
    number = disclosure.period.number
    case = disclosure.period.cases.order_by("code")[0].code
    addresses = [
        "/periods/",
        f"/periods/critical/{number}/",
        f"/cases/{case}/",
        "/money/",
        f"/money/?q={number}",
        "/money/?q=%E6%81%B6%E6%80%A7",
        "/api/v1/periods/",
        f"/api/v1/periods/critical/{number}/",
        f"/api/v1/periods/critical/{number}/cases/",
    ]
    found = {}
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        found[address] = f"{answer.content.decode()} {answer.headers}"
    for file in PublishedFile.objects.all():
        data = files.get(file.sha256)
        if not file.name.endswith(".pdf"):  # whose compressed bytes spell any sign by chance
            found[file.name] = data.decode()
        else:
            found[f"{file.name} text"] = text_of(data)
            with pikepdf.open(io.BytesIO(data)) as document, document.open_metadata() as metadata:
                found[f"{file.name} XMP"] = str(metadata)
            found[f"{file.name} metadata"] = str(pypdfium2.PdfDocument(data).get_metadata_dict())
    return found


def test_nothing_public_names_a_person(client: Client) -> None:
    for _case in range(5):
        membership = make.membership(**CANARY)
        make.claim(Status.GRANTED, membership=membership, story="只有自己知道的话")
    disclosure = with_files(cases=1, members=8)
    claim = disclosure.period.cases.order_by("code")[0].claim
    forbidden = [
        "柯奈", "奈丽", "丽丝", "1984-02-29", "19840229", "1984 年 2 月", "只有自己知道的话",
        "第一人民医院", claim.number, str(claim.membership), claim.filed_by.email or "",
        (claim.filed_by.email or "").split("@")[0],
    ]  # fmt: skip

    levels = {case["level"] for case in disclosure.content["cases"]}
    public = everything_public(client, disclosure)

    assert "full" in levels, "the test must see a case in full"
    assert any("柯**" in text for text in public.values())
    for where, text in public.items():
        for word in forbidden:
            assert word not in text, f"{word} stands in {where}"


def test_without_consent_no_surface_says_more_than_the_amount(client: Client) -> None:
    for _case in range(5):
        make.claim(Status.GRANTED, membership=make.membership(**CANARY), publish_consent=False)
    disclosure = with_files(cases=0, members=8)

    public = everything_public(client, disclosure)

    assert {case["level"] for case in disclosure.content["cases"]} == {"amount"}
    for where, text in public.items():
        assert "柯" not in text, where
        if "/money/" not in where:  # its search box names illnesses as examples
            assert "cancer" not in text.lower(), where
            assert "恶性肿瘤" not in text, where


def test_a_large_period_comes_in_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "CASES_A_VOLUME", 2)

    disclosure = with_files(cases=3, members=4)

    stem = f"critical-{disclosure.period.number:04d}-v1"
    names = sorted(disclosure.files.values_list("name", flat=True))
    assert names == [f"{stem}-1.pdf", f"{stem}-2.pdf", f"{stem}.csv", f"{stem}.json"]
    codes = [case["code"] for case in disclosure.content["cases"]]
    first, second = (text_of(content_of(disclosure, f"-{number}.pdf")) for number in (1, 2))
    assert [code in first for code in codes] == [True, True, False]
    assert [code in second for code in codes] == [False, False, True]
