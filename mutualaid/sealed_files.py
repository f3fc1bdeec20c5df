"""Files that lie sealed: lists that came through the browser, copies of somebody's data.

AES-256-GCM in chunks, under a key of the file's own, which a key of the house wraps: rotation
writes the first bytes anew and leaves the rest. No chunk opens at another place or in another file.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import BinaryIO

from mutualaid import vault

_MAGIC = b"mutualaid list 1\n"
_CHUNK = 64 * 1024
_SEALED_CHUNK = _CHUNK + 12 + 16  # nonce and tag
_OWNER = 0  # a key of no member


def open_file(path: str | Path) -> BinaryIO:
    """A file for reading, sealed or plain."""
    file = Path(path).open("rb")  # noqa: SIM115 - it is handed on open
    if file.read(len(_MAGIC)) == _MAGIC:
        return io.BufferedReader(SealedReader(file), _CHUNK)
    file.seek(0)
    return file


class SealedWriter:
    """Writes a file in chunks of AES-256-GCM under a key of its own, which the house's key wraps.
    Each chunk is bound to its place and to whether it is the last."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.key = vault.new_data_key(_OWNER)
        self.file.write(_MAGIC + struct.pack(">H", len(self.key)) + self.key)
        self.waiting, self.place = bytearray(), 0

    def write(self, data: bytes) -> None:
        self.waiting += data
        while len(self.waiting) > _CHUNK:
            self._seal(bytes(self.waiting[:_CHUNK]), last=False)
            del self.waiting[:_CHUNK]

    def close(self) -> None:
        """The rest, and on to the disk."""
        self._seal(bytes(self.waiting), last=True)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def _seal(self, plain: bytes, *, last: bool) -> None:
        where = _place(self.place, last=last)
        self.file.write(vault.seal(plain, key=self.key, member_id=_OWNER, where=where))
        self.place += 1


def _place(number: int, *, last: bool) -> str:
    return f"list:{number}:{'last' if last else 'on'}"


class SealedReader(io.RawIOBase):
    """What a SealedWriter wrote, from any byte."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        (length,) = struct.unpack(">H", file.read(2))
        self.key = file.read(length)
        self.begins = file.tell()
        sealed = os.fstat(file.fileno()).st_size - self.begins
        self.chunks = -(-sealed // _SEALED_CHUNK)
        self.size = sealed - self.chunks * (_SEALED_CHUNK - _CHUNK)  # as it was before
        self.at, self.kept = 0, (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_CUR:
            offset += self.at
        elif whence == os.SEEK_END:
            offset += self.size
        self.at = offset
        return offset

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        plain = self._chunk(self.at // _CHUNK)[self.at % _CHUNK :][: len(buffer)]
        buffer[: len(plain)] = plain
        self.at += len(plain)
        return len(plain)

    def close(self) -> None:
        self.file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if number >= self.chunks:
            return b""
        if self.kept[0] != number:
            self.file.seek(self.begins + number * _SEALED_CHUNK)
            sealed = self.file.read(_SEALED_CHUNK)
            where = _place(number, last=number == self.chunks - 1)
            plain = vault.open_bytes(sealed, key=self.key, member_id=_OWNER, where=where)
            self.kept = number, plain
        return self.kept[1]


def rewrap_file(path: Path) -> bool:
    """Put the file's key under the newest house key, in place; False for a file that is plain, gone
    or under the newest already. Whoever reads it meanwhile has read its key before or after."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    begins = len(_MAGIC) + 2
    try:
        head = os.pread(file, begins + vault.WRAPPED, 0)
        wrapped = head[begins:]
        if not head.startswith(_MAGIC) or vault.is_newest(wrapped):
            return False
        os.pwrite(file, vault.rewrap(wrapped, _OWNER), begins)
        os.fsync(file)
    finally:
        os.close(file)
    return True
