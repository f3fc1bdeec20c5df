"""Definitions of diseases as trees, and what they come to. Pure: no tables, no clock.

A definition is data (claims/definitions/<norm>/<code>.json): a tree of nodes. A node is one of

    {"all_of": [node, …]}            every one
    {"any_of": [node, …]}            at least one
    {"at_least": n, "of": [node, …]} at least n
    {"not": node}                    the opposite: an exclusion
    {"code": …, "kind": …}           a leaf, which a reviewer answers

Four results. *met* and *not met* are facts. *not shown*: no paper shows it, a further paper may.
*not yet*: it can only be judged from a date on that has not come. The two unknowns differ in what
would end them (a paper, a date); together they are "open".

    all_of    met  n-shown  n-yet  n-met      any_of    met  n-shown  n-yet  n-met
    met       met  n-shown  n-yet  n-met      met       met  met      met    met
    n-shown        n-shown  n-yet  n-met      n-shown        n-shown  n-yet  n-shown
    n-yet                   n-yet  n-met      n-yet                   n-yet  n-yet
    n-met                          n-met      n-met                          n-met
                       (both tables are symmetric)
    not: met → not met, not met → met, not shown → not shown, not yet → not yet

    at_least n of c children, m of them met, o open:
        m ≥ n → met        m + o < n → not met        otherwise open: not yet if any open
                                                      child is not yet, else not shown
    at_least c = all_of, at_least 1 = any_of, not (at_least n) = at_least (c − n + 1) of the nots.

*Not yet* outweighs *not shown*, so that nobody is refused for a missing paper while a date that
could still decide has not come; `path` names both, and the paper can be asked for meanwhile.
(De Morgan leaves no other choice: one unknown must outweigh the other under `and` and `or` alike.)

Kinds of leaf: *flag* (the tick alone); *measured* (a number, compared with the norm's); *duration*
(unbroken hours; the leaf must say the longest gap that does not break them); *elapsed* (can be
judged only so many days after a named day; then it is a flag, or a number if it has a measure).
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from django.utils.translation import gettext as _

DEFINITIONS = Path(__file__).parent / "definitions"
GENERAL = "general"
KINDS = {"flag", "measured", "elapsed", "duration"}
COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}

Node: TypeAlias = Mapping[str, Any]
Run: TypeAlias = tuple[datetime, datetime]


class Result(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NOT_SHOWN = "not_shown"
    NOT_YET = "not_yet"


MET, NOT_MET, NOT_SHOWN, NOT_YET = Result
OPEN = frozenset({NOT_SHOWN, NOT_YET})
_OPPOSITE = {MET: NOT_MET, NOT_MET: MET, NOT_SHOWN: NOT_SHOWN, NOT_YET: NOT_YET}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer found about one leaf. A leaf without an answer is *not shown*.

    result: met, not_met or not_shown; never not_yet, which only the calendar says. Of an exclusion
        (a leaf under `not`), "met" means that the exclusion applies.
    measured: the number of the paper, in the unit of the leaf; of a duration, the longest unbroken
        stretch in hours. Where there is a number, the number decides and not the tick.
    since: the day from which an `elapsed` leaf counts, in Asia/Shanghai. Before its days are over
        the leaf is not yet, whatever the tick; without the day it cannot be met.
    runs: of a duration, the stretches of use as (from, to); they outweigh `measured`.

    Raises ValueError for another result, a number that is none, a stretch that runs backwards.
    """

    result: str = NOT_SHOWN
    measured: Decimal | None = None
    since: date | None = None
    runs: tuple[Run, ...] = ()

    def __post_init__(self) -> None:
        if Result(self.result) is NOT_YET:
            raise ValueError("Only the calendar says not yet; an answer does not.")
        if self.measured is not None and not self.measured.is_finite():
            raise ValueError(f"{self.measured} is not a number that a paper can show.")
        continuous_hours(self.runs, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A leaf and what it came to; `not_before` is set if and only if the result is not yet."""

    leaf: Node
    result: Result
    not_before: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tree came to.

    path: the leaves that decided, in the order of the norm: without them the result would not
        stand. Of an open result, the open leaves that could still end it.
    not_before: of *not yet*, the first day on which the result could be another one.
    leaves: every leaf by its code, for the table that the letter prints.
    """

    result: Result
    path: tuple[Judged, ...]
    not_before: date | None
    leaves: Mapping[str, Judged]


@dataclass(frozen=True, slots=True)
class _Value:
    result: Result
    path: tuple[Judged, ...]
    not_before: date | None


def evaluate(
    definition: Node, answers: Mapping[str, Answer], on: date, until: date | None = None
) -> Outcome:
    """What the definition comes to on that Shanghai date. Total: every valid tree has a result.

    `until`: the last day on which anything can be observed (the day of death). What can only be
    judged after it will never be met: it is *not met*, and nobody waits for that date.
    """
    judged = {
        leaf["code"]: _judge(leaf, answers.get(leaf["code"], Answer()), on, until)
        for leaf in leaves(definition)
    }
    value = _value(definition, judged)
    return Outcome(value.result, value.path, value.not_before, judged)


def _value(node: Node, judged: Mapping[str, Judged]) -> _Value:
    if "kind" in node:
        found = judged[node["code"]]
        return _Value(found.result, (found,), found.not_before)
    if "not" in node:
        inner = _value(node["not"], judged)
        return _Value(_OPPOSITE[inner.result], inner.path, inner.not_before)
    return _at_least(needed(node), [_value(child, judged) for child in children(node)])


def _at_least(least: int, values: Sequence[_Value]) -> _Value:
    met = sum(value.result is MET for value in values)
    waiting = sorted(value.not_before for value in values if value.not_before)
    still_open = sum(value.result in OPEN for value in values)
    if met >= least:
        result = MET
    elif met + still_open < least:
        result = NOT_MET
    else:
        result = NOT_YET if waiting else NOT_SHOWN
    counts = OPEN if result in OPEN else {result}
    path = tuple(leaf for value in values if value.result in counts for leaf in value.path)
    if result is not NOT_YET:
        return _Value(result, path, None)
    # So many of the dates must come before the result can be another one.
    dates = min(least - met, met + still_open - least + 1, len(waiting))
    return _Value(result, path, waiting[dates - 1])


def _judge(leaf: Node, answer: Answer, on: date, until: date | None) -> Judged:
    result = Result(answer.result)
    if leaf["kind"] == "elapsed":
        if answer.since is None:
            # Without the day nothing can be met; that it never began can be known, though.
            return Judged(leaf, NOT_SHOWN if result is MET else result)
        first = answer.since + timedelta(days=leaf["elapsed"]["days"])
        if until is not None and first > until:
            return Judged(leaf, NOT_MET)
        if on < first:
            return Judged(leaf, NOT_YET, first)
    return Judged(leaf, _measured(leaf, answer, result))


def _measured(leaf: Node, answer: Answer, ticked: Result) -> Result:
    """The number decides; a leaf that asks for a number is not shown without one."""
    measure = leaf.get("measure")
    if measure is None or ticked is NOT_SHOWN:
        return ticked
    number = answer.measured
    if answer.runs and "max_gap_minutes" in measure:
        number = continuous_hours(answer.runs, measure["max_gap_minutes"])
    if number is None:
        return ticked if measure.get("optional") else NOT_SHOWN
    holds = COMPARE[measure["op"]](number, Decimal(measure["value"]))
    return MET if holds else NOT_MET


def continuous_hours(runs: Iterable[Run], max_gap_minutes: int) -> Decimal:
    """The longest stretch of use in hours, to the minute downwards.

    A gap of at most `max_gap_minutes` does not break a stretch, but is not counted as use. With 0,
    27 h 10 min and 70 h with 50 minutes between them are 70 hours, not 97. Raises ValueError for
    a run that ends before it begins.
    """
    longest = used = timedelta(0)
    end: datetime | None = None
    for begin, stop in sorted(runs):
        if stop < begin:
            raise ValueError(_("A stretch of use ends before it begins. Check the two times."))
        if end is None or begin - end > timedelta(minutes=max_gap_minutes):
            used, end = timedelta(0), begin
        used += max(timedelta(0), stop - max(begin, end))
        end = max(end, stop)
        longest = max(longest, used)
    return Decimal(longest // timedelta(minutes=1)) / 60


def contradiction(leaf: Node, answer: Answer) -> str:
    """A sentence for the reviewer where tick and number do not fit; "" if they do.

    The evaluator does not need it (the number decides); a form shows it before it saves.
    """
    measure = leaf.get("measure")
    result = Result(answer.result)
    if leaf["kind"] == "elapsed" and result is MET and answer.since is None:
        return _("Give the day from which the time is counted.")
    if measure is None or result is NOT_SHOWN:
        return ""
    if answer.measured is None and not answer.runs:
        return "" if measure.get("optional") else _("Give the number that the paper shows.")
    low, high = (Decimal(measure[end]) if end in measure else None for end in ("min", "max"))
    number = answer.measured
    if number is not None and (
        (low is not None and number < low) or (high is not None and number > high)
    ):
        return _("This number is outside what can be measured. Check it against the paper.")
    if _measured(leaf, answer, result) is not result:
        return _("The number and the answer do not fit together. Check both against the paper.")
    return ""


# --- walking a tree --------------------------------------------------------------------------


def children(node: Node) -> Sequence[Node]:
    """The children of a group in the order of the norm; of anything else, none."""
    found: Sequence[Node] = node.get("all_of") or node.get("any_of") or node.get("of") or ()
    return found


def needed(node: Node) -> int:
    """How many children of a group must be met."""
    if "all_of" in node:
        return len(children(node))
    return int(node.get("at_least", 1))


def leaves(node: Node) -> Iterator[Node]:
    """Every leaf in the order of the norm, exclusions too."""
    for row in rows(node):
        if "leaf" in row:
            yield row["leaf"]


def rows(node: Node, depth: int = 0, *, negated: bool = False) -> Iterator[dict[str, Any]]:
    """The tree as lines of a form or table, in the order of the norm.

    A heading: {"group": "all_of" | "any_of" | "at_least", "needed", "count", "depth", "node",
    "negated"}; its texts, if any, are node["heading_zh"], node["heading_en"]. A line:
    {"leaf", "depth", "negated"}; negated: it is an exclusion, and must not be met.
    """
    if "not" in node:
        yield from rows(node["not"], depth, negated=not negated)
    elif _is_group(node):
        kind = next(key for key in ("all_of", "any_of", "at_least") if key in node)
        yield {
            "group": kind,
            "needed": needed(node),
            "count": len(children(node)),
            "depth": depth,
            "node": node,
            "negated": negated,
        }
        for child in children(node):
            yield from rows(child, depth + 1, negated=negated)
    else:
        yield {"leaf": node, "depth": depth, "negated": negated}


def words(node: Node, key: str, language: str) -> str:
    """node["text_zh"] or node["text_en"] for key "text"; without either, node["text"]."""
    ending = "zh" if language.startswith("zh") else "en"
    return str(node.get(f"{key}_{ending}", node.get(key, "")))


def _is_group(node: Node) -> bool:
    return any(key in node for key in ("all_of", "any_of", "at_least"))


# --- definitions as data ---------------------------------------------------------------------


def load(norm: str, code: str) -> dict[str, Any]:
    """The definition of one disease in one norm, validated. Raises LookupError if there is none."""
    if not re.fullmatch(r"[a-z0-9_]+", norm) or not re.fullmatch(r"[a-z][a-z0-9_]*", code):
        raise LookupError(f"There is no definition {norm}/{code}.")
    return _read(f"{norm}/{code}.json")


def general() -> dict[str, Any]:
    """The conditions of every claim, whatever the disease."""
    return _read(f"{GENERAL}.json")


def full(
    norm: str, code: str, *, health: bool = True, accidents_only: bool = False
) -> dict[str, Any]:
    """What a claim must come to: the general conditions and the definition of its disease.

    `health`: a health requirement was asked on joining. `accidents_only`: waiting does not replace
    the accident.
    """
    definition = load(norm, code)
    named = {key: value for key, value in definition.items() if not _is_part(key)}
    every = general()
    every["all_of"] = [
        _accident(part) if accidents_only and "any_of" in part else part
        for part in every["all_of"]
        if health or part.get("code") != "health_on_joining"
    ]
    return {**named, "all_of": [every, definition]}


def _accident(part: Node) -> Node:
    """Of the group “after the wait, or by accident”, the accident alone."""
    return next(leaf for leaf in part["any_of"] if leaf["code"] == "accident")


def severity(norm: str, code: str) -> str:
    """The severity that a definition describes: severe, unless it says another."""
    return str(load(norm, code).get("severity", "severe"))


def norms() -> list[str]:
    """The norms that there are definitions of."""
    return sorted(path.name for path in DEFINITIONS.iterdir() if path.is_dir())


def codes(norm: str) -> list[str]:
    """The diseases of a norm, in the order of the norm's clauses."""
    found = [path.stem for path in (DEFINITIONS / norm).glob("*.json")]
    return sorted(found, key=lambda code: _order(load(norm, code)["clause"]))


def _order(clause: str) -> tuple[int, ...]:
    return tuple(int(number) for number in clause.split("."))


def _is_part(key: str) -> bool:
    return key in {"all_of", "any_of", "at_least", "of", "not"} or key.startswith("heading")


def _read(name: str) -> dict[str, Any]:
    # Parsed anew each time: what a caller does to its copy stays with the caller.
    definition: dict[str, Any] = json.loads(_checked(name))
    return definition


@cache
def _checked(name: str) -> str:
    path = DEFINITIONS / name
    if not path.is_file():
        raise LookupError(f"There is no definition {name.removesuffix('.json')}.")
    text = path.read_text(encoding="utf-8")
    validate(json.loads(text))
    return text


TEXTS = [f"{key}_{language}" for key in ("text", "hint", "remedy") for language in ("zh", "en")]


def validate(definition: Node) -> None:
    """Raises ValueError with a sentence that names the first fault and the node it is in."""
    _validate(definition, definition.get("code", "definition"))
    seen: set[str] = set()
    for leaf in leaves(definition):
        if leaf["code"] in seen:
            raise ValueError(f"The leaf {leaf['code']} stands twice in the tree.")
        seen.add(leaf["code"])


def _validate(node: object, where: str) -> None:
    if not isinstance(node, Mapping):
        raise ValueError(f"{where}: a node is an object.")
    shapes = [key for key in ("all_of", "any_of", "at_least", "not", "kind") if key in node]
    if len(shapes) != 1:
        raise ValueError(
            f"{where}: a node is exactly one of all_of, any_of, at_least, not, or a leaf with a "
            f"kind; this one has {', '.join(shapes) or 'none of them'}."
        )
    if shapes == ["kind"]:
        _validate_leaf(node)
    elif shapes == ["not"]:
        _validate(node["not"], f"{where}/not")
    else:
        _validate_group(node, shapes[0], where)


def _validate_group(node: Node, shape: str, where: str) -> None:
    key = "of" if shape == "at_least" else shape
    below = node.get(key)
    if not isinstance(below, list) or not below:
        raise ValueError(f"{where}/{shape}: a group needs a list “{key}” with at least one node.")
    if shape == "at_least":
        least = node["at_least"]
        if not isinstance(least, int) or isinstance(least, bool) or not 1 <= least <= len(below):
            raise ValueError(f"{where}/at_least: {least!r} is not a number from 1 to {len(below)}.")
    for number, child in enumerate(below, 1):
        name = child.get("code", number) if isinstance(child, Mapping) else number
        _validate(child, f"{where}/{name}")


def _validate_leaf(leaf: Node) -> None:
    code, kind = leaf.get("code"), leaf["kind"]
    if not isinstance(code, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", code):
        raise ValueError(f"A leaf needs a code of small letters, not {code!r}.")
    if kind not in KINDS:
        raise ValueError(f"The leaf {code} has the unknown kind {kind!r}.")
    missing = [text for text in ("clause", *TEXTS) if not leaf.get(text)]
    if missing:
        raise ValueError(f"The leaf {code} has no {', '.join(missing)}.")
    if (kind in {"measured", "duration"}) != ("measure" in leaf) and kind != "elapsed":
        raise ValueError(f"The leaf {code} is {kind}: a measure belongs to it or does not.")
    if "measure" in leaf:
        _validate_measure(code, kind, leaf["measure"])
    if kind == "elapsed":
        _validate_elapsed(code, leaf.get("elapsed"))


def _validate_measure(code: str, kind: str, measure: Any) -> None:
    wanted = {"name_zh", "name_en", "op", "value", "unit"}
    if not isinstance(measure, Mapping) or not wanted <= measure.keys():
        raise ValueError(f"The measure of {code} needs {', '.join(sorted(wanted))}.")
    if measure["op"] not in COMPARE:
        raise ValueError(f"The measure of {code} compares by {measure['op']!r}, which is unknown.")
    for end in ("value", "min", "max"):
        if end in measure and not _is_number(measure[end]):
            raise ValueError(f"The measure of {code}: {end} is a number written as text.")
    gap = measure.get("max_gap_minutes")
    if kind == "duration" and (not isinstance(gap, int) or isinstance(gap, bool) or gap < 0):
        raise ValueError(f"The duration {code} must say its max_gap_minutes: 0 or more.")
    if kind == "duration" and measure["unit"] != "h":
        raise ValueError(f"The duration {code} is measured in hours: unit h.")


def _validate_elapsed(code: str, elapsed: Any) -> None:
    if not isinstance(elapsed, Mapping) or not {"since", "since_zh", "since_en"} <= elapsed.keys():
        raise ValueError(f"The leaf {code} must name the day from which it counts: elapsed.since.")
    days = elapsed.get("days")
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ValueError(f"The leaf {code} must say how many days pass: elapsed.days.")


def _is_number(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
