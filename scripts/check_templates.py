"""Every template compiles, and none carries what the content policy would block.

Part of `make lint`. Prints one line per fault and exits 1; exits 0 in silence.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import django
from django.template import TemplateSyntaxError
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
# Paper and letters have no content policy; they bring their style along.
ON_PAPER = ("disclosures/pdf/", "members/pdf/", "emails/")
FORBIDDEN = {
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    # A block of JSON is data: no browser runs it, and the policy lets it through.
    "an inline script": re.compile(
        r"<script\b(?![^>]*\s(?:src\s*=|type\s*=\s*[\"']application/json[\"']))", re.IGNORECASE
    ),
    "an inline handler": re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "a javascript: address": re.compile(r"[\"']\s*javascript:", re.IGNORECASE),
    "a third party": re.compile(
        r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)\s*=\s*[\"'](?:https?:)?//",
        re.IGNORECASE,
    ),
    "a form without a token": re.compile(
        r"<form\b(?=[^>]*\bmethod\s*=\s*[\"']post[\"'])(?:(?!</form>|csrf_token|csrf_input).)*</form>",
        re.IGNORECASE | re.DOTALL,
    ),
}


def faults(path: Path) -> list[str]:
    """What is wrong with one template, each as `path:line: sentence`."""
    name = path.relative_to(TEMPLATES).as_posix()
    try:
        get_template(name)
    except TemplateSyntaxError as error:
        return [f"templates/{name}: {error}"]
    if path.suffix != ".html" or name.startswith(ON_PAPER):
        return []
    text = path.read_text()
    return [
        f"templates/{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}"
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(text)
    ]


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
    django.setup()
    found = [
        fault
        for path in sorted(TEMPLATES.rglob("*"))
        if path.suffix in {".html", ".txt", ".svg", ".xml"}
        for fault in faults(path)
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
