"""Papers: what a file is, made harmless, and kept sealed in a file that is written once.

The type is found from the bytes, never from the name. A picture is drawn anew on an empty canvas:
turned upright, without place, camera, comment or tail. A PDF is opened to count its pages and kept
as it is; a browser sees pictures of its pages, or downloads it.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2
from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from mutualaid.errors import Invalid

MOST_BYTES = 20 * 2**20
MOST_PIXELS = 40_000_000
MOST_PAGES = 300
PAGE_WIDTH = 1400  # pixels of the picture of a page
NAME_LENGTH = 100
JPEG, PNG, PDF = "image/jpeg", "image/png", "application/pdf"
_BAD_IMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Paper:
    """A file that may be kept: its bytes as they will be stored, and what they are."""

    name: str
    media_type: str
    data: bytes
    pages: int

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()


def short_name(name: str) -> str:
    """The file's name as the phone called it: no folders, no control characters, 100 at most."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(sign for sign in base if sign.isprintable()).strip()
    return plain[:NAME_LENGTH] or _("paper")


def examine(name: str, data: bytes) -> Paper:
    """What will be kept of an uploaded file. Raises Invalid with a sentence that names the file."""
    name = short_name(name)
    if not data:
        raise Invalid(_("“%(name)s” is empty. Please choose the file again.") % {"name": name})
    if len(data) > MOST_BYTES:
        raise Invalid(
            _("“%(name)s” is larger than 20 MB. Take a smaller picture, or send the pages singly.")
            % {"name": name}
        )
    if data.startswith(b"%PDF-"):
        return _pdf(name, data)
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return _picture(name, data)
    raise Invalid(
        _("“%(name)s” is neither a JPEG or PNG picture nor a PDF. Please photograph the paper.")
        % {"name": name}
    )


def _picture(name: str, data: bytes) -> Paper:
    broken = Invalid(
        _("“%(name)s” cannot be opened as a picture. Please take the photo again.") % {"name": name}
    )
    try:
        picture = Image.open(BytesIO(data), formats=["JPEG", "PNG"])
    except _BAD_IMAGE as error:
        raise broken from error
    if picture.width * picture.height > MOST_PIXELS:
        raise Invalid(
            _("“%(name)s” has more than 40 million pixels. Please take a smaller picture.")
            % {"name": name}
        )
    media_type = JPEG if picture.format == "JPEG" else PNG
    try:
        drawn = _drawn_anew(picture)
    except _BAD_IMAGE as error:
        raise broken from error
    stored = _encoded(drawn, media_type)
    if len(stored) > MOST_BYTES:
        media_type, stored = JPEG, _encoded(drawn, JPEG)
    return Paper(name, media_type, stored, pages=1)


def _drawn_anew(picture: Image.Image) -> Image.Image:
    """Only the pixels, upright, on white: nothing else of the file goes along."""
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    canvas = Image.new("RGB", upright.size, "white")
    canvas.paste(upright, mask=upright.getchannel("A"))
    return canvas


def _encoded(picture: Image.Image, media_type: str) -> bytes:
    out = BytesIO()
    if media_type == JPEG:
        picture.save(out, "JPEG", quality=90)
    else:
        picture.save(out, "PNG")
    return out.getvalue()


def _pdf(name: str, data: bytes) -> Paper:
    try:
        with pikepdf.open(BytesIO(data)) as document:
            locked, pages = document.is_encrypted, len(document.pages)
    except pikepdf.PasswordError:
        locked, pages = True, 0
    except pikepdf.PdfError as error:
        raise Invalid(
            _("“%(name)s” cannot be opened as a PDF. Please save it again, or photograph it.")
            % {"name": name}
        ) from error
    if locked:
        raise Invalid(
            _("“%(name)s” is locked with a password. Please save it without one, or photograph it.")
            % {"name": name}
        )
    if not 1 <= pages <= MOST_PAGES:
        raise Invalid(
            _("“%(name)s” has %(pages)s pages; 1 to 300 can be read. Please send it in parts.")
            % {"name": name, "pages": pages}
        )
    return Paper(name, PDF, data, pages)


def page_picture(data: bytes, page: int) -> bytes:
    """One page of a stored PDF as PNG; `page` counts from 1. Raises Invalid beyond the last, or
    if the page cannot be drawn."""
    missing = Invalid(_("This paper has no page %(page)s.") % {"page": page})
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise missing from error
    try:
        if not 1 <= page <= len(document):
            raise missing
        sheet = document[page - 1]
        width, height = sheet.get_size()
        scale = min(PAGE_WIDTH / max(width, 1), PAGE_WIDTH * 4 / max(height, 1))
        return _encoded(sheet.render(scale=scale).to_pil().convert("RGB"), PNG)
    except pypdfium2.PdfiumError as error:
        raise missing from error
    finally:
        document.close()


def write_once(file: uuid.UUID, sealed: bytes) -> None:
    """Put sealed bytes under their random name. Raises FileExistsError rather than overwrite."""
    path = _path(file)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as out:
        out.write(sealed)
        out.flush()
        os.fsync(out.fileno())


def read(file: uuid.UUID) -> bytes:
    """The sealed bytes."""
    return _path(file).read_bytes()


def remove(names: Iterable[uuid.UUID]) -> None:
    """The sealed files of somebody who was forgotten. One that is gone already is no fault."""
    for file in names:
        _path(file).unlink(missing_ok=True)


def _path(file: uuid.UUID) -> Path:
    return Path(settings.EVIDENCE_DIR) / file.hex[:2] / file.hex
