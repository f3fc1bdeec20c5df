"""Which illnesses there are definitions of. They are data of the room of claims, which this one may
not import: settings.DEFINITIONS names the module that knows them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.translation import get_language

SEVERITIES = ("severe", "mild")


class Definitions(Protocol):
    """What that module has (claims/criteria.py)."""

    def norms(self) -> list[str]: ...
    def codes(self, norm: str) -> list[str]: ...
    def severity(self, norm: str, code: str) -> str: ...
    def load(self, norm: str, code: str) -> dict[str, Any]: ...
    def words(self, node: Any, key: str, language: str) -> str: ...


def _known() -> Definitions:
    return cast(Definitions, import_module(settings.DEFINITIONS))


def norms() -> list[str]:
    """The norms that there are definitions of."""
    return _known().norms()


def codes(norm: str) -> list[str]:
    """The illnesses of a norm, in its order; none for a norm that is not known."""
    return _known().codes(norm) if norm in norms() else []


def name(norm: str, code: str) -> str:
    """The name of an illness in the reader's language; the code itself where there is none."""
    if code not in codes(norm):
        return code
    known = _known()
    return known.words(known.load(norm, code), "name", get_language() or "zh")


def severities(norm: str, chosen: list[str] | None) -> set[str]:
    """The severities of the illnesses that are covered: `chosen`, or all of the norm."""
    covered = [code for code in codes(norm) if chosen is None or code in chosen]
    return {_known().severity(norm, code) for code in covered}
