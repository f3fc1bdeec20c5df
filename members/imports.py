"""Lists of members that a co-operative brings: what a file looks like, and its lines one by one.

Reading alone. A file may be far larger than memory: it is read forward from a byte, in parts, so
that a run that was killed goes on at the byte its row names. Each physical line is one person.
Whether the person may join is judged in `actions.judging`, by the rules that joining has.

A file that came through the browser lies sealed (mutualaid/sealed_files.py): a folder that is
copied shows no ID number. docs/operations.md describes the columns.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mutualaid.errors import Invalid
from mutualaid.sealed_files import SealedWriter, open_file

# Names of columns: ours, then what people write. The first two of a row are those of the example.
HEADERS: dict[str, tuple[str, ...]] = {
    "name": ("name", "姓名"),
    "id_number": ("id_number", "身份证号", "身份证号码", "证件号码", "id number"),
    "relation": ("relation", "关系", "与账户关系"),
    "family": ("family", "家庭", "家庭编号"),
    "phone": ("phone", "手机号", "手机", "手机号码", "电话"),
    "email": ("email", "邮箱", "电子邮箱", "e-mail"),
    "consent": ("consent", "本人同意", "同意方式"),
    "declared": ("declared", "健康告知"),
    "rules": ("rules", "同意的规则版本", "规则版本"),
    "joined_on": ("joined_on", "加入日期"),
    "waiting_since": ("waiting_since", "等待期起算"),
    "payment_agreed_on": ("payment_agreed_on", "同意扣款日期"),
}
REQUIRED = ("name", "id_number", "relation", "declared", "rules")
HEALTH = ("health:", "健康:", "健康：")  # and the code of a question
RELATIONS = {
    "self": "self", "本人": "self", "户主": "self",
    "parent": "parent", "父母": "parent", "父亲": "parent", "母亲": "parent",
    "spouse": "spouse", "配偶": "spouse", "丈夫": "spouse", "妻子": "spouse",
    "child": "child", "子女": "child", "儿子": "child", "女儿": "child",
}  # fmt: skip
PAPER = {"paper", "书面", "纸质"}
ANSWERS = {"no": "no", "没有": "no", "否": "no", "yes": "yes", "有": "yes", "是": "yes",
           "unsure": "unsure", "不确定": "unsure"}  # fmt: skip

DELIMITERS = (",", ";", "\t")
UPLOAD = "upload-"  # files of IMPORT_DIR that came through the browser
LONGEST_LINE = 8_192  # bytes
FAMILY_LINES = 50  # a longer run of one family begins a new one
_MARK = codecs.BOM_UTF8
_BLOCK = 1 << 20

Words = Promise | str
Sentence = tuple[str, str]  # in Chinese and in English

EMPTY = gettext_lazy("The line is empty.")
TOO_LONG = gettext_lazy("The line is longer than a person needs. Is a line break missing?")
UNREADABLE = gettext_lazy("The line cannot be read in the encoding of the file.")
QUOTES = gettext_lazy("A quotation mark is opened and not closed in this line.")


def sentence(words: Words, values: Mapping[str, object] | None = None) -> Sentence:
    """The sentence in both languages of the house."""
    both = []
    for language in ("zh-hans", "en"):
        with translation.override(language):
            both.append(str(words) % values if values else str(words))
    return both[0], both[1]


@dataclass(frozen=True)
class Layout:
    """How a file is written, found by reading all of it once."""

    size: int  # bytes
    digest: bytes  # SHA-256
    lines: int  # of people
    encoding: str  # utf-8 or gb18030
    delimiter: str
    columns: tuple[str, ...]  # our names, "health:CODE", or "" for a column that nothing reads
    begins: int  # the byte after the header

    @property
    def is_gbk(self) -> bool:
        return self.encoding != "utf-8"


class Line(NamedTuple):
    """One line: its number in the spreadsheet (the header is 1), its fields by column; or the
    fields as they came and what is wrong with them."""

    number: int
    fields: dict[str, str]
    raw: list[str]
    problem: Sentence | None = None


class Part(NamedTuple):
    """Some whole lines of a file, from byte `start` to byte `end`, families kept together."""

    start: int
    end: int
    families: list[list[Line]]

    @property
    def lines(self) -> int:
        return sum(len(family) for family in self.families)


# --- the whole file


def examine(path: str | Path) -> Layout:
    """Read a file through: its digest, encoding, columns, number of lines.

    UTF-8, with or without a mark, or GBK with Chinese headers. Raises Invalid with a sentence for a
    file that cannot be a list, names a column twice or lacks one.
    """
    with open_file(path) as file:
        digest, size, breaks, encoding, last = _through(file)
        file.seek(0)
        first = file.readline(LONGEST_LINE)
    header = first.removeprefix(_MARK)
    if not header.strip() or len(first) == LONGEST_LINE:
        raise Invalid(_("The first line of the file names no columns."))
    text = _decoded_header(header, encoding)
    delimiter = max(DELIMITERS, key=text.count)
    columns = _columns(text, delimiter)
    if encoding != "utf-8" and text.isascii():
        raise Invalid(
            _("The file is not written in UTF-8. Save it again as “CSV UTF-8” and choose it anew.")
        )
    lines = breaks - 1 + (last != b"\n")
    if lines < 1:
        raise Invalid(_("There is nobody in this list: it has a first line and nothing below."))
    return Layout(size, digest, lines, encoding, delimiter, columns, len(first))


def _through(file: BinaryIO) -> tuple[bytes, int, int, str, bytes]:
    """(digest, bytes, line breaks, encoding, last byte). GBK only if it is no UTF-8 at all."""
    digest, size, breaks, last = hashlib.sha256(), 0, 0, b""
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
        breaks += block.count(b"\n")
        last = block[-1:]
        utf8 = utf8 if utf8 and _decodes(utf8, block) else None
    if utf8 and _decodes(utf8, b"", final=True):
        return digest.digest(), size, breaks, "utf-8", last
    file.seek(0)
    gbk = codecs.getincrementaldecoder("gb18030")()
    while block := file.read(_BLOCK):
        if not _decodes(gbk, block):
            break
    else:
        if _decodes(gbk, b"", final=True):
            return digest.digest(), size, breaks, "gb18030", last
    raise Invalid(_("This is no text in UTF-8. Save the list as “CSV UTF-8”, not as a table."))


def _decodes(way: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        way.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _decoded_header(header: bytes, encoding: str) -> str:
    try:
        return header.decode(encoding).strip("\r\n")
    except UnicodeDecodeError as error:
        raise Invalid(_("The first line cannot be read. It names the columns.")) from error


def _columns(text: str, delimiter: str) -> tuple[str, ...]:
    known = {word: name for name, words in HEADERS.items() for word in words}
    found = []
    for cell in next(csv.reader([text], delimiter=delimiter), []):
        word = cell.strip().lower()
        code = next((word.removeprefix(p).strip() for p in HEALTH if word.startswith(p)), "")
        found.append(f"health:{code}" if code else known.get(word, ""))
    named = [name for name in found if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise Invalid(
            _("The first line names a column twice: %(names)s.") % {"names": _shown(twice)}
        )
    missing = [name for name in REQUIRED if name not in named]
    if "declared" in missing and any(name.startswith("health:") for name in named):
        missing.remove("declared")
    if missing:
        raise Invalid(
            _("The first line does not name these columns: %(names)s.") % {"names": _shown(missing)}
        )
    if not {"phone", "email"} & set(named):
        raise Invalid(_("A list needs a column with the phone number or the e-mail address."))
    return tuple(found)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(f"{HEADERS[n][1]} ({n})" if n in HEADERS else n for n in names)


# --- parts


def read_part(
    file: BinaryIO, layout: Layout, *, start: int, number: int, lines: int
) -> Part | None:
    """At least `lines` lines from byte `start`, the first being line `number` of the spreadsheet,
    and on to the end of the last family. None at the end of the file."""
    file.seek(start)
    families: list[list[Line]] = []
    at, key, count = start, None, 0
    while raw := file.readline(LONGEST_LINE):
        raw, length = _whole(file, raw)
        line = _line(raw, length, layout, number + count)
        family = _family_of(line)
        if family is None or family != key or len(families[-1]) >= FAMILY_LINES:
            if count >= lines:
                break
            families.append([])
        key = family
        families[-1].append(line)
        count += 1
        at += length
    return Part(start, at, families) if count else None


def _whole(file: BinaryIO, raw: bytes) -> tuple[bytes, int]:
    """The line and how many bytes it takes; of one too long, only its beginning is kept."""
    length, rest = len(raw), raw
    while not rest.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
        length += len(rest)
    return raw, length


def _line(raw: bytes, length: int, layout: Layout, number: int) -> Line:
    if length > LONGEST_LINE:
        return Line(number, {}, [], sentence(TOO_LONG))
    try:
        text = raw.decode(layout.encoding).rstrip("\r\n")
    except UnicodeDecodeError:
        return Line(number, {}, [], sentence(UNREADABLE))
    try:
        cells = _cells(text, layout.delimiter)
    except csv.Error:
        return Line(number, {}, [text], sentence(QUOTES))
    if not any(cell.strip() for cell in cells):
        return Line(number, {}, cells, sentence(EMPTY))
    if len(cells) != len(layout.columns):
        return Line(number, {}, cells, _wrong_count(len(cells), len(layout.columns)))
    fields = {name: cell.strip() for name, cell in zip(layout.columns, cells, strict=True) if name}
    return Line(number, fields, cells)


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader([text], delimiter=delimiter, strict=True))


@lru_cache
def _wrong_count(cells: int, columns: int) -> Sentence:
    words = gettext_lazy("The line has %(cells)s fields, the first line of the file %(columns)s.")
    return sentence(words, {"cells": cells, "columns": columns})


def _family_of(line: Line) -> tuple[str, str] | None:
    """What lines of one family have in common: its key, else the account's phone or address."""
    for name in ("family", "phone", "email"):
        if value := line.fields.get(name):
            return name, value.lower()
    return None


# --- what was not taken


MASKED = "id_number"
# A sign with which a formula begins, at the beginning of a cell, or of what a spreadsheet with
# another delimiter takes for one. The wide forms are formulas to a Chinese or Japanese Excel.
_FORMULA = re.compile(r"(^|[,;\t\r])([ \u3000\"]*)(?=[=+\-@＝＋－＠\t\r])")


class Refused(NamedTuple):
    """A line that was not taken, and why."""

    line: Line
    why: Sentence


def problems_header(layout: Layout) -> str:
    """The first line of the file of what was not taken."""
    return _row(["line", "行号", *[name or "-" for name in layout.columns], "原因", "problem"])


def problems_text(refused: Sequence[Refused], layout: Layout) -> str:
    """Their lines: number, fields, reason in both languages. ID numbers are masked, and nothing in
    it is taken for a formula by a spreadsheet."""
    return "".join(_problem_row(line, why, layout) for line, why in refused)


def _problem_row(line: Line, why: Sentence, layout: Layout) -> str:
    width = len(layout.columns)
    cells = [
        mask_number(cell) if name == MASKED or _is_number(cell) else cell
        for name, cell in zip(layout.columns, line.raw, strict=False)
    ]
    if not line.fields:  # which column is which is not known
        cells = [_blurred(cell) for cell in line.raw][:width]
    cells += [""] * (width - len(cells))
    return _row([str(line.number), str(line.number), *cells, *why])


def mask_number(number: str) -> str:
    """The region and the last character, for finding the line on the list at hand."""
    plain = "".join(number.split())
    return f"{plain[:2]}{'*' * max(0, len(plain) - 3)}{plain[-1:]}" if len(plain) > 3 else "***"  # noqa: PLR2004


def _is_number(cell: str) -> bool:
    """Whether an ID number may stand in a column where none belongs."""
    return sum(sign.isdigit() for sign in cell) >= 15  # noqa: PLR2004


def _blurred(text: str) -> str:
    """A line whose columns are not known: its digits may be an ID number."""
    return "".join("*" if sign.isdigit() else sign for sign in text)


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([plain_cell(cell) for cell in cells])
    return out.getvalue()


def plain_cell(cell: str) -> str:
    """The cell with nothing in it that a spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1\2'", cell)


# --- files that came through the browser lie sealed


class Incoming:
    """A file on its way in through the browser, sealed as it comes: no byte of it lies on a disk in
    the clear. Closed before it is `finish`ed, it leaves nothing."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.size, self.whole = 0, False
        self.writer: SealedWriter | None = None

    def write(self, data: bytes) -> None:
        self.writer = self.writer or SealedWriter(incoming(self.name))
        self.writer.write(data)
        self.size += len(data)

    def finish(self) -> None:
        """All of it is there."""
        if self.writer is not None:
            self.writer.close()
            self.whole = True

    def close(self) -> None:
        """Whoever reads the request ends here, whatever happened; a half file goes."""
        if self.writer is not None and not self.whole:
            self.writer.file.close()
            self.drop()

    def drop(self) -> None:
        """It is not wanted."""
        incoming(self.name).unlink(missing_ok=True)


def incoming(name: str) -> Path:
    """Where an upload of that name lies. Raises ValueError for a name that no upload has."""
    return Path(settings.IMPORT_DIR) / f"{UPLOAD}{uuid.UUID(name).hex}"


def seal_text(path: Path, text: str) -> None:
    """Put a text under `path`, sealed, whole or not at all; one that is there is replaced."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    writer = SealedWriter(fresh)
    writer.write(text.encode())
    writer.close()
    fresh.replace(path)


def sealed_texts(paths: Sequence[Path]) -> Iterator[bytes]:
    """The texts under these paths, one after the other."""
    for path in paths:
        with open_file(path) as file:
            yield file.read()
