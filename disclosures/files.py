"""Published files: written once under the SHA-256 of their bytes, never changed, checked when read.

PUBLISHED_DIR/<first two digits>/<SHA-256>. A file is on the disk before its row says so.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from mutualaid.errors import NotNow


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def path(sha256: str) -> Path:
    """Where the bytes with this digest lie."""
    return Path(settings.PUBLISHED_DIR) / sha256[:2] / sha256


def put(data: bytes) -> str:
    """Write the bytes once, through to the disk; returns their digest. Idempotent: the same bytes
    have the same place, and what is there is never written over."""
    sha256 = digest(data)
    place = path(sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        _write(place, data)
    get(sha256)
    return sha256


def _write(place: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as half:
        half.write(data)
        half.flush()
        os.fsync(half.fileno())
    os.chmod(half.name, 0o444)
    os.replace(half.name, place)  # all or nothing; another writer has put the same bytes there
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def get(sha256: str) -> bytes:
    """The bytes with this digest. Raises NotNow if the disk no longer holds them as they were
    published: a changed file is never handed out."""
    place = path(sha256)
    data = place.read_bytes() if place.exists() else b""
    if digest(data) != sha256:
        raise NotNow(
            _(
                "This file is no longer as it was published, so we do not hand it out. Please tell"
                " us: its fingerprint was %(sha256)s."
            )
            % {"sha256": sha256}
        )
    return data
