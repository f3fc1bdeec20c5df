"""What is taken as a paper, what is left of it, and who gets to see it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pikepdf
import pytest
from django.conf import settings
from PIL import Image

from claims import actions, files, rules
from claims.models import Claim, Evidence
from claims.states import Status
from members.models import AccessRecord
from mutualaid import clock
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("english")]


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 80), **more: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **more)
    return out.getvalue()


def pdf(**more: Any) -> bytes:
    out = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(out, **more)
    return out.getvalue()


def add(claim: Claim, data: bytes, name: str = "纸.jpg") -> Evidence:
    return actions.add_paper(
        claim_id=claim.pk, kind="record", name=name, data=data, by=claim.filed_by, at=clock.now()
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"MZ\x90 a program", "neither a JPEG"),
        (b"<html><script>alert(1)</script>", "neither a JPEG"),
        (b"GIF89a" + bytes(100), "neither a JPEG"),
        (b"\xff\xd8\xff" + bytes(100), "cannot be opened as a picture"),
        (picture()[:300], "cannot be opened as a picture"),
        (b"%PDF-1.7 and then nothing", "cannot be opened as a PDF"),
        (pdf(encryption=pikepdf.Encryption(owner="o", user="u")), "locked with a password"),
        (b"\xff\xd8\xff" + bytes(files.MOST_BYTES), "larger than 20 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_is_refused_in_a_sentence_that_names_it(
    data: bytes, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence) as refused:
        files.examine("folder/照片.jpg", data)

    assert "“照片.jpg”" in str(refused.value)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked() -> None:
    flood = picture("PNG", size=(8000, 5001))

    with pytest.raises(Invalid, match="more than 40 million pixels"):
        files.examine("洪水.png", flood)


def test_the_type_comes_from_the_bytes_and_not_from_the_name() -> None:
    assert files.examine("说是.pdf", picture("PNG")).media_type == files.PNG
    assert files.examine("说是.png", pdf()).media_type == files.PDF


def test_a_picture_is_turned_upright_and_tells_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "MARKER-OF-THE-CAMERA"
    data = picture(exif=exif, comment=b"MARKER-COMMENT") + b"MARKER-TAIL"

    kept = files.examine("a.jpg", data)

    drawn = Image.open(BytesIO(kept.data))
    assert b"MARKER" not in kept.data
    assert drawn.size == (80, 60)
    assert not drawn.getexif()


def test_the_pages_of_a_pdf_are_counted_and_drawn() -> None:
    kept = files.examine("a.pdf", make.paper_bytes("pdf"))

    page = Image.open(BytesIO(files.page_picture(kept.data, 2)))

    assert kept.pages == 2
    assert page.format == "PNG"
    with pytest.raises(Invalid, match="no page 3"):
        files.page_picture(kept.data, 3)


def test_the_file_is_sealed_on_disk_and_written_once() -> None:
    claim = make.claim()
    data = make.paper_bytes("pdf")
    paper = add(claim, data, "a.pdf")

    on_disk = files.read(paper.file)

    assert b"%PDF" not in on_disk
    assert [path.name for path in settings.EVIDENCE_DIR.rglob("*") if path.is_file()] == [
        paper.file.hex
    ]
    with pytest.raises(FileExistsError):
        files.write_once(paper.file, b"another")
    read = actions.read_paper(claim_id=claim.pk, place=1, by=claim.filed_by, at=clock.now())
    assert read == data


def test_a_look_is_recorded_with_who_what_and_why() -> None:
    claim = make.claim(Status.INVESTIGATING)
    adjuster = claim.investigation.adjuster

    actions.read_paper(claim_id=claim.pk, place=1, page=2, by=adjuster, at=clock.now())

    record = AccessRecord.objects.get(what="evidence")
    assert (record.by, record.why, record.page) == (adjuster, "work", 2)
    assert record.member == claim.member


def test_who_has_nothing_to_do_with_the_claim_reads_nothing() -> None:
    claim = make.claim(Status.SUBMITTED)

    for stranger in (make.account(), make.staff("finance")):
        with pytest.raises(Forbidden):
            actions.read_paper(claim_id=claim.pk, place=1, by=stranger, at=clock.now())

    assert not AccessRecord.objects.filter(what="evidence").exists()


def test_the_twenty_first_paper_is_refused_and_names_itself() -> None:
    claim = make.claim()
    for number in range(rules.MOST_PAPERS):
        add(claim, make.paper_bytes(), f"{number}.jpg")

    with pytest.raises(Invalid, match="“第二十一份” was not kept"):
        add(claim, make.paper_bytes(), "第二十一份")

    assert claim.papers.count() == 20


def test_one_paper_is_not_enough() -> None:
    claim = make.claim()
    add(claim, make.paper_bytes())

    with pytest.raises(Invalid, match="at least two papers"):
        actions.submit(claim_id=claim.pk, by=claim.filed_by, at=clock.now())


def test_a_paper_asked_for_must_come_before_the_work_goes_on() -> None:
    claim = make.claim(Status.PAPERS_WANTED)
    by = claim.filed_by

    with pytest.raises(Invalid, match="still missing"):
        actions.submit(claim_id=claim.pk, by=by, at=clock.now())
    actions.add_paper(
        claim_id=claim.pk,
        kind="discharge",
        name="小结.jpg",
        data=make.paper_bytes(),
        by=by,
        at=clock.now(),
    )
    going_on = actions.submit(claim_id=claim.pk, by=by, at=clock.now())

    assert going_on.status == Status.INVESTIGATING
    assert going_on.owner == claim.investigation.adjuster


def test_a_paper_that_a_finding_rests_on_stays() -> None:
    claim = make.claim(Status.PAPERS_WANTED)

    with pytest.raises(NotNow, match="rests on this paper"):
        actions.remove_paper(claim_id=claim.pk, place=1, by=claim.filed_by, at=clock.now())


def test_no_paper_goes_once_the_work_has_begun() -> None:
    claim = make.claim(Status.SUBMITTED)

    with pytest.raises(NotNow):
        actions.remove_paper(claim_id=claim.pk, place=2, by=claim.filed_by, at=clock.now())
