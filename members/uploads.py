"""A list on its way in through the browser: sealed before a byte of it lies on a disk.

Django's own handlers keep a large file in the clear under the system's temporary folder; after a
kill it would stay there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

from members import actions, imports

if TYPE_CHECKING:  # Django's class takes no parameter when it runs
    _Upload = UploadedFile[Any]
else:
    _Upload = UploadedFile

FIELD = "list"
_NAME = 100  # characters of the file's name that are kept


class SealedUpload(_Upload):
    """What a form finds in the field: its name and size, and the name it lies under."""

    def __init__(self, incoming: imports.Incoming, name: str) -> None:
        super().__init__(name=name[-_NAME:], size=incoming.size)
        self.upload = incoming.name

    def close(self) -> None:
        """There is nothing open: it was closed when it was whole."""


class SealingHandler(FileUploadHandler):
    """One file, in the field `list`; every other is passed over. `too_large` says that it was more
    than a list may be: then nothing of it is kept."""

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self.too_large = False
        self.file = imports.Incoming()

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        if field_name != FIELD or self.file.size:
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > actions.MOST_BYTES:
            self.too_large = True
            raise StopUpload(connection_reset=False)
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> SealedUpload:
        self.file.finish()
        return SealedUpload(self.file, str(self.file_name))
