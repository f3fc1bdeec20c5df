"""Every sentence that the code or a template asks for has its Chinese. Part of `make lint`.

Reads sources with xgettext (package gettext) and compares with locale/zh_Hans. English needs no
file: the msgids are English. Prints one line per fault and exits 1; exits 0 in silence.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import django
import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CHINESE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
ROOMS = ["mutualaid", "members", "claims", "jury", "assessments", "disclosures", "portal"]
KEYWORDS = [
    *["gettext_noop", "gettext_lazy", "ngettext_lazy:1,2", "pgettext:1c,2", "npgettext:1c,2,3"],
    *["pgettext_lazy:1c,2", "npgettext_lazy:1c,2,3"],
]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


def sources() -> dict[str, str]:
    """Path and text of everything that xgettext shall read; templates as the Python of Django."""
    python = [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]
    templates = [
        p for p in sorted((ROOT / "templates").rglob("*")) if p.suffix in {".html", ".txt"}
    ]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in python}
    for path in templates:
        name = path.relative_to(ROOT).as_posix()
        texts[f"{name}.py"] = templatize(path.read_text(), origin=name)
    return texts


def wanted() -> polib.POFile:
    """Every msgid in the sources."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in sources().items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            names.append(name)
        result = Path(folder, "all.pot")
        subprocess.run(
            ["xgettext", "--language=Python", "--from-code=UTF-8", "--output", str(result)]
            + [f"--keyword={keyword}" for keyword in KEYWORDS]
            + names,
            cwd=folder,
            check=True,
        )
        return polib.pofile(str(result))


def fault(entry: polib.POEntry, known: dict[tuple[str | None, str], polib.POEntry]) -> str | None:
    """What is wrong with the Chinese of one msgid."""
    chinese = known.get((entry.msgctxt, entry.msgid))
    if chinese is None or chinese.obsolete:
        return "is missing"
    if chinese.fuzzy:
        return "is fuzzy"
    answers = list(chinese.msgstr_plural.values()) if entry.msgid_plural else [chinese.msgstr]
    if not all(answers):
        return "is empty"
    asked = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
    strange = {mark for answer in answers for mark in PLACEHOLDER.findall(answer)} - asked
    lost = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid)) - {
        mark for answer in answers for mark in PLACEHOLDER.findall(answer)
    }
    if strange or lost:
        return f"has other placeholders: {', '.join(sorted(strange | lost))}"
    return None


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
    django.setup()
    if not CHINESE.exists():
        print(f"{CHINESE.relative_to(ROOT)} is missing.")
        return 1
    known = {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(CHINESE))}
    found = 0
    for entry in wanted():
        what = fault(entry, known)
        if what is not None:
            found += 1
            where = ":".join(entry.occurrences[0]) if entry.occurrences else "?"
            print(f"{where}: the Chinese of {entry.msgid!r} {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
