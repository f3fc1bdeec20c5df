"""The evaluator of definitions: its logic, its leaves, its data, and three cases after life."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims import criteria
from claims.criteria import (
    MET,
    NOT_MET,
    NOT_SHOWN,
    NOT_YET,
    OPEN,
    Answer,
    Result,
    continuous_hours,
    contradiction,
    evaluate,
)

TODAY = date(2021, 12, 1)
ANSWERS = {
    MET: Answer("met"),
    NOT_MET: Answer("not_met"),
    NOT_SHOWN: Answer("not_shown"),
}
Tree = dict[str, Any]


def leaf(code: str) -> Tree:
    return {"code": code, "kind": "flag"}


def later(code: str) -> Tree:
    return {"code": code, "kind": "elapsed", "elapsed": {"days": 90}}


def tree_of(group: Callable[[list[Tree]], Tree], results: list[Result]) -> Result:
    """A group over leaves that come to these results."""
    below = [(later if r is NOT_YET else leaf)(f"l{n}") for n, r in enumerate(results)]
    answers = {
        f"l{n}": Answer(since=TODAY) if r is NOT_YET else ANSWERS[r] for n, r in enumerate(results)
    }
    return evaluate(group(below), answers, TODAY).result


def all_of(below: list[Tree]) -> Tree:
    return {"all_of": below}


def any_of(below: list[Tree]) -> Tree:
    return {"any_of": below}


# --- the truth tables, as the docstring says them --------------------------------------------

ALL_OF = {
    (MET, MET): MET,
    (MET, NOT_SHOWN): NOT_SHOWN,
    (MET, NOT_YET): NOT_YET,
    (MET, NOT_MET): NOT_MET,
    (NOT_SHOWN, NOT_SHOWN): NOT_SHOWN,
    (NOT_SHOWN, NOT_YET): NOT_YET,
    (NOT_SHOWN, NOT_MET): NOT_MET,
    (NOT_YET, NOT_YET): NOT_YET,
    (NOT_YET, NOT_MET): NOT_MET,
    (NOT_MET, NOT_MET): NOT_MET,
}
ANY_OF = {
    (MET, MET): MET,
    (MET, NOT_SHOWN): MET,
    (MET, NOT_YET): MET,
    (MET, NOT_MET): MET,
    (NOT_SHOWN, NOT_SHOWN): NOT_SHOWN,
    (NOT_SHOWN, NOT_YET): NOT_YET,
    (NOT_SHOWN, NOT_MET): NOT_SHOWN,
    (NOT_YET, NOT_YET): NOT_YET,
    (NOT_YET, NOT_MET): NOT_YET,
    (NOT_MET, NOT_MET): NOT_MET,
}


@pytest.mark.parametrize(("pair", "result"), ALL_OF.items())
def test_all_of_follows_its_table(pair: tuple[Result, Result], result: Result) -> None:
    assert tree_of(all_of, list(pair)) is result
    assert tree_of(all_of, list(reversed(pair))) is result


@pytest.mark.parametrize(("pair", "result"), ANY_OF.items())
def test_any_of_follows_its_table(pair: tuple[Result, Result], result: Result) -> None:
    assert tree_of(any_of, list(pair)) is result
    assert tree_of(any_of, list(reversed(pair))) is result


@pytest.mark.parametrize(
    ("inner", "result"),
    [(MET, NOT_MET), (NOT_MET, MET), (NOT_SHOWN, NOT_SHOWN), (NOT_YET, NOT_YET)],
)
def test_not_turns_facts_and_leaves_what_is_open(inner: Result, result: Result) -> None:
    assert tree_of(lambda below: {"not": below[0]}, [inner]) is result


@pytest.mark.parametrize("least", [1, 2, 3, 4])
def test_at_least_counts(least: int) -> None:
    for results in product(Result, repeat=4):
        met, possible = results.count(MET), 4 - results.count(NOT_MET)
        still_open = NOT_YET if NOT_YET in results else NOT_SHOWN
        wanted = MET if met >= least else NOT_MET if possible < least else still_open

        got = tree_of(lambda below: {"at_least": least, "of": below}, list(results))

        assert got is wanted, results


# --- what holds for every tree ---------------------------------------------------------------

CODES = [f"c{n}" for n in range(12)]


def grown(*, negations: bool) -> st.SearchStrategy[Tree]:
    """Trees over the codes; a code may stand in several places, with one answer."""
    leaves = st.sampled_from(CODES).map(
        lambda code: leaf(code) if int(code[1:]) % 3 else later(code)
    )

    def groups(below: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        some = st.lists(below, min_size=1, max_size=4)
        shapes = [
            some.map(all_of),
            some.map(any_of),
            some.flatmap(
                lambda nodes: st.integers(1, len(nodes)).map(
                    lambda least: {"at_least": least, "of": nodes}
                )
            ),
        ]
        return st.one_of(*shapes, *([below.map(lambda n: {"not": n})] if negations else []))

    return st.recursive(leaves, groups, max_leaves=12)


def given_answers() -> st.SearchStrategy[dict[str, Answer]]:
    answer = st.builds(
        Answer,
        st.sampled_from(["met", "not_met", "not_shown"]),
        since=st.one_of(
            st.none(),
            st.dates(TODAY - timedelta(days=80), TODAY),
            st.just(TODAY - timedelta(days=90)),
        ),
    )
    return st.dictionaries(st.sampled_from(CODES), answer, max_size=len(CODES))


TREES, POSITIVE, GIVEN = grown(negations=True), grown(negations=False), given_answers()
RANK = {NOT_MET: 0, NOT_SHOWN: 1, NOT_YET: 1, MET: 2}


@given(TREES, GIVEN)
def test_every_tree_has_a_result_and_a_path(tree: Tree, answers: dict[str, Answer]) -> None:
    got = evaluate(tree, answers, TODAY)

    assert got.path
    assert (got.not_before is not None) == (got.result is NOT_YET)
    assert got.not_before is None or got.not_before > TODAY
    assert {judged.result in OPEN for judged in got.path} == {got.result in OPEN}


@given(TREES, GIVEN)
def test_de_morgan(tree: Tree, answers: dict[str, Answer]) -> None:
    plain = evaluate({"not": tree}, answers, TODAY)
    pushed = evaluate(_push_not(tree), answers, TODAY)

    assert (plain.result, plain.not_before) == (pushed.result, pushed.not_before)
    assert [j.leaf["code"] for j in plain.path] == [j.leaf["code"] for j in pushed.path]


def _push_not(tree: Tree) -> Tree:
    """The opposite of a tree with `not` only at the leaves and no two nots on end."""
    if "kind" in tree:
        return {"not": tree}
    if "not" in tree:
        return _twice(tree["not"])
    below = list(criteria.children(tree))
    least = len(below) - criteria.needed(tree) + 1
    return {"at_least": least, "of": [_push_not(dict(node)) for node in below]}


def _twice(tree: Tree) -> Tree:
    if "kind" in tree:
        return tree
    if "not" in tree:
        return _push_not(tree["not"])
    return {
        "at_least": criteria.needed(tree),
        "of": [_twice(dict(node)) for node in criteria.children(tree)],
    }


@given(TREES, GIVEN, st.randoms(use_true_random=False))
def test_order_does_not_matter(tree: Tree, answers: dict[str, Answer], random: Any) -> None:
    def shuffled(node: Tree) -> Tree:
        for key in ("all_of", "any_of", "of"):
            if key in node:
                below = [shuffled(child) for child in node[key]]
                random.shuffle(below)
                return {**node, key: below}
        return {"not": shuffled(node["not"])} if "not" in node else node

    one, two = (evaluate(t, answers, TODAY) for t in (tree, shuffled(tree)))

    assert (one.result, one.not_before) == (two.result, two.not_before)
    assert {j.leaf["code"] for j in one.path} == {j.leaf["code"] for j in two.path}


@given(POSITIVE, GIVEN, st.sampled_from(CODES))
def test_a_better_answer_never_makes_it_worse(
    tree: Tree, answers: dict[str, Answer], code: str
) -> None:
    long_ago = TODAY - timedelta(days=400)

    ranks = [
        RANK[evaluate(tree, answers | {code: answer}, TODAY).result]
        for answer in (Answer("not_met"), Answer(), Answer("met", since=long_ago))
    ]

    assert ranks == sorted(ranks)


@settings(max_examples=300)
@given(TREES, GIVEN, GIVEN)
def test_a_fact_stands_whatever_the_leaves_off_its_path_come_to(
    tree: Tree, answers: dict[str, Answer], others: dict[str, Answer]
) -> None:
    got = evaluate(tree, answers, TODAY)
    if got.result in OPEN:
        return

    on_path = {judged.leaf["code"] for judged in got.path}
    mixed = {code: (answers if code in on_path else others).get(code, Answer()) for code in CODES}

    assert evaluate(tree, mixed, TODAY).result is got.result


@given(TREES, GIVEN, st.sampled_from(CODES), st.sampled_from(["met", "not_met"]))
def test_what_is_decided_stays_decided_when_a_paper_comes(
    tree: Tree, answers: dict[str, Answer], code: str, result: str
) -> None:
    before = evaluate(tree, answers, TODAY)
    if before.result in OPEN or before.leaves.get(code, None) is None:
        return
    if before.leaves[code].result not in OPEN:
        return

    paper = Answer(result, since=TODAY - timedelta(days=400))

    assert evaluate(tree, answers | {code: paper}, TODAY).result is before.result


@settings(max_examples=300)
@given(TREES, GIVEN)
def test_before_its_date_a_not_yet_cannot_become_anything_else(
    tree: Tree, answers: dict[str, Answer]
) -> None:
    got = evaluate(tree, answers, TODAY)
    if got.not_before is None:
        return

    eve = got.not_before - timedelta(days=1)
    for ticks in ("met", "not_met", "not_shown"):
        ticked = {
            code: replace(answers.get(code, Answer()), result=ticks)
            if code in got.leaves and got.leaves[code].result is NOT_YET
            else answers.get(code, Answer())
            for code in CODES
        }
        assert evaluate(tree, ticked, eve).result is NOT_YET


# --- leaves ----------------------------------------------------------------------------------

GCS: Tree = {
    "code": "gcs",
    "kind": "measured",
    "measure": {"op": "<=", "value": "5", "min": "3", "max": "15"},
}
VENTILATOR: Tree = {
    "code": "ventilator",
    "kind": "duration",
    "measure": {"op": ">=", "value": "96", "max_gap_minutes": 0},
}


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Answer("met", Decimal(5)), MET),
        (Answer("met", Decimal("5.001")), NOT_MET),
        (Answer("not_met", Decimal(3)), MET),
        (Answer("met"), NOT_SHOWN),
        (Answer("not_met"), NOT_SHOWN),
        (Answer("not_shown", Decimal(3)), NOT_SHOWN),
    ],
)
def test_the_number_decides_and_not_the_tick(answer: Answer, result: Result) -> None:
    assert evaluate(GCS, {"gcs": answer}, TODAY).result is result


def test_a_leaf_without_an_answer_is_not_shown() -> None:
    assert evaluate(GCS, {}, TODAY).result is NOT_SHOWN


def test_an_elapsed_leaf_is_not_yet_until_its_day_and_judged_from_it_on() -> None:
    node = later("lvef")
    answer = {"lvef": Answer("met", since=TODAY)}
    day = TODAY + timedelta(days=90)

    eve = evaluate(node, answer, day - timedelta(days=1))

    assert (eve.result, eve.not_before) == (NOT_YET, day)
    assert evaluate(node, answer, day).result is MET


def test_without_the_day_it_counts_from_nothing_elapsed_is_met() -> None:
    node = later("lvef")

    assert evaluate(node, {"lvef": Answer("met")}, TODAY).result is NOT_SHOWN
    assert evaluate(node, {"lvef": Answer("not_met")}, TODAY).result is NOT_MET


def test_nobody_waits_for_a_day_after_death() -> None:
    answer = {"lvef": Answer(since=TODAY)}

    got = evaluate(later("lvef"), answer, TODAY, until=TODAY)

    assert (got.result, got.not_before) == (NOT_MET, None)


def test_of_several_dates_the_first_that_can_decide_is_named() -> None:
    below = [later(code) for code in "abcd"]
    days = [10, 20, 30, 40]
    answers = {
        code: Answer(since=TODAY - timedelta(days=90 - day))
        for code, day in zip("abcd", days, strict=True)
    }

    first = {
        least: evaluate({"at_least": least, "of": below}, answers, TODAY).not_before
        for least in (1, 2, 3, 4)
    }

    # One may suffice; of two, two must be met, or three not; of four, one not met ends it.
    assert [(first[n] or TODAY) - TODAY for n in (1, 2, 3, 4)] == [
        timedelta(days=n) for n in (10, 20, 20, 10)
    ]


def stretch(begin: str, hours: int, minutes: int = 0) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(f"{begin}+08:00")
    return start, start + timedelta(hours=hours, minutes=minutes)


FIFTY_MINUTES_OFF = (stretch("2020-10-02T08:00", 27, 10), stretch("2020-10-03T12:00", 70))


@pytest.mark.parametrize(
    ("gap", "hours"), [(0, Decimal(70)), (49, Decimal(70)), (50, Decimal(97) + Decimal(10) / 60)]
)
def test_a_gap_breaks_a_stretch_unless_the_rule_allows_it(gap: int, hours: Decimal) -> None:
    assert continuous_hours(FIFTY_MINUTES_OFF, gap) == pytest.approx(hours)
    assert continuous_hours(reversed(FIFTY_MINUTES_OFF), gap) == pytest.approx(hours)


def test_stretches_that_touch_or_overlap_are_one_and_counted_once() -> None:
    touching = [stretch("2020-10-02T08:00", 48), stretch("2020-10-04T08:00", 48)]
    overlapping = [stretch("2020-10-02T08:00", 48), stretch("2020-10-03T08:00", 48)]

    assert continuous_hours(touching, 0) == 96
    assert continuous_hours(overlapping, 0) == 72
    assert continuous_hours([], 0) == 0


def test_a_second_short_of_96_hours_is_short() -> None:
    begin, end = stretch("2020-10-02T08:00", 96)
    answers = {"ventilator": Answer("met", runs=((begin, end - timedelta(seconds=1)),))}

    assert evaluate(VENTILATOR, answers, TODAY).result is NOT_MET
    exact = {"ventilator": Answer("met", runs=((begin, end),))}
    assert evaluate(VENTILATOR, exact, TODAY).result is MET


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "not_yet"},
        {"result": "perhaps"},
        {"measured": Decimal("NaN")},
        {"runs": ((datetime(2020, 1, 2), datetime(2020, 1, 1)),)},  # noqa: DTZ001
    ],
)
def test_an_answer_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Answer(**wrong)


@pytest.mark.parametrize(
    ("node", "answer", "fits"),
    [
        (GCS, Answer("met", Decimal(4)), True),
        (GCS, Answer("met", Decimal(7)), False),
        (GCS, Answer("not_met", Decimal(4)), False),
        (GCS, Answer("met"), False),
        (GCS, Answer("met", Decimal(2)), False),
        (GCS, Answer("not_met", Decimal(16)), False),
        (GCS, Answer("not_shown"), True),
        (VENTILATOR, Answer("met", runs=FIFTY_MINUTES_OFF), False),
        (VENTILATOR, Answer("not_met", runs=FIFTY_MINUTES_OFF), True),
        (later("x"), Answer("met"), False),
        (later("x"), Answer("met", since=TODAY), True),
        (leaf("x"), Answer("met"), True),
    ],
)
def test_a_tick_that_contradicts_its_number_is_told_to_the_reviewer(
    node: Tree, answer: Answer, fits: bool
) -> None:
    assert (contradiction(node, answer) == "") is fits


# --- definitions as data ---------------------------------------------------------------------

ALL_CODES = [(norm, code) for norm in criteria.norms() for code in criteria.codes(norm)]


def test_the_norm_of_2007_holds_three_definitions_in_its_own_order() -> None:
    assert criteria.codes("2007") == ["malignant_tumour", "ami", "deep_coma"]


@pytest.mark.parametrize(("norm", "code"), ALL_CODES)
def test_a_definition_says_everything_in_both_languages(norm: str, code: str) -> None:
    definition = criteria.full(norm, code)

    for node in _nodes(definition):
        for key in [key for key in node if key.endswith(("_zh", "_en"))]:
            other = key[:-2] + ("en" if key.endswith("zh") else "zh")
            assert node[key].strip(), key
            assert other in node, f"{key} without {other}"
    assert {"name_zh", "group", "group_zh", "norm", "clause"} <= definition.keys()
    criteria.validate(definition)


@pytest.mark.parametrize(("norm", "code"), ALL_CODES)
def test_a_claim_with_everything_shown_is_met_and_each_exclusion_ends_it(
    norm: str, code: str
) -> None:
    definition = criteria.full(norm, code)
    good = perfect(definition)

    assert evaluate(definition, good, TODAY).result is MET
    for row in criteria.rows(definition):
        if row.get("negated"):
            excluded = good | {row["leaf"]["code"]: Answer("met")}
            assert evaluate(definition, excluded, TODAY).result is NOT_MET


def _nodes(node: Any) -> Iterator[Tree]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def perfect(definition: Tree) -> dict[str, Answer]:
    """Every criterion met by its papers, no exclusion applying, long ago."""
    numbers = {"gcs": Decimal(4), "life_support_96h": Decimal(120), "lvef": Decimal(40)}
    return {
        row["leaf"]["code"]: Answer(
            "not_met" if row["negated"] else "met",
            numbers.get(row["leaf"]["code"]),
            date(2021, 1, 1),
        )
        for row in criteria.rows(definition)
        if "leaf" in row
    }


def test_the_rows_of_a_form_stand_in_the_order_of_the_norm() -> None:
    rows = list(criteria.rows(criteria.load("2007", "ami")))

    assert [row.get("group") or row["leaf"]["code"] for row in rows] == [
        "all_of",
        "occlusion",
        "at_least",
        "symptoms",
        "ecg",
        "enzymes",
        "lvef",
    ]
    assert [row["depth"] for row in rows] == [0, 1, 1, 2, 2, 2, 2]
    assert (rows[2]["needed"], rows[2]["count"]) == (3, 4)
    assert criteria.words(rows[3]["leaf"], "text", "zh-hans").startswith("有典型症状")
    assert criteria.words(rows[3]["leaf"], "text", "en").startswith("Typical")
    assert criteria.words(rows[6]["leaf"]["measure"], "unit", "en") == "%"


def test_what_a_caller_does_to_its_definition_stays_with_it() -> None:
    criteria.load("2007", "ami")["all_of"].clear()

    assert len(criteria.load("2007", "ami")["all_of"]) == 2


@pytest.mark.parametrize(("norm", "code"), [("2007", "plague"), ("1999", "ami"), ("..", "general")])
def test_an_unknown_definition_is_refused(norm: str, code: str) -> None:
    with pytest.raises(LookupError):
        criteria.load(norm, code)


def _broken(change: Callable[[Tree], object]) -> Tree:
    definition: Tree = json.loads(json.dumps(criteria.load("2007", "deep_coma")))
    change(definition)
    return definition


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda d: d.update(any_of=[]), "exactly one"),
        (lambda d: d.pop("all_of"), "none of them"),
        (lambda d: d.update(all_of=[]), "at least one node"),
        (lambda d: d["all_of"].append("text"), "is an object"),
        (lambda d: d["all_of"].append({"at_least": 2, "of": d["all_of"][:1]}), "from 1 to 1"),
        (lambda d: d["all_of"].append({"at_least": True, "of": d["all_of"][:1]}), "at_least"),
        (lambda d: d["all_of"].append(d["all_of"][0]), "no_reaction stands twice"),
        (lambda d: d["all_of"][0].update(kind="feeling"), "unknown kind"),
        (lambda d: d["all_of"][0].update(code="No reaction"), "small letters"),
        (lambda d: d["all_of"][0].pop("remedy_en"), "no remedy_en"),
        (lambda d: d["all_of"][1].pop("measure"), "measure"),
        (lambda d: d["all_of"][0].update(measure={}), "measure"),
        (lambda d: d["all_of"][1]["measure"].pop("unit"), "unit"),
        (lambda d: d["all_of"][1]["measure"].update(op="~"), "unknown"),
        (lambda d: d["all_of"][1]["measure"].update(value=5.0), "written as text"),
        (lambda d: d["all_of"][1]["measure"].update(value="five"), "written as text"),
        (lambda d: d["all_of"][2]["measure"].pop("max_gap_minutes"), "max_gap_minutes"),
        (lambda d: d["all_of"][2]["measure"].update(unit="d"), "unit h"),
        (lambda d: d["all_of"][0].update(kind="elapsed"), "elapsed.since"),
        (
            lambda d: d["all_of"][0].update(
                kind="elapsed", elapsed={"since": "x", "since_zh": "x", "since_en": "x", "days": 0}
            ),
            "elapsed.days",
        ),
    ],
)
def test_a_faulty_definition_is_refused_by_a_sentence_that_names_the_fault(
    change: Callable[[Tree], object], names: str
) -> None:
    with pytest.raises(ValueError, match=names):
        criteria.validate(_broken(change))


# --- three cases after life (domain.md §3b, §4; altered) -------------------------------------


def test_a_heart_attack_that_kills_within_the_hour_meets_one_criterion_of_four() -> None:
    definition = criteria.load("2007", "ami")
    died = TODAY - timedelta(days=20)
    answers = {
        "occlusion": Answer("met"),
        "symptoms": Answer("met"),
        "ecg": Answer("not_met"),
        "enzymes": Answer("not_met"),
        "lvef": Answer(since=died),
    }

    got = evaluate(definition, answers, TODAY, until=died)

    assert got.result is NOT_MET
    assert [judged.leaf["code"] for judged in got.path] == ["ecg", "enzymes", "lvef"]
    assert {code: judged.result for code, judged in got.leaves.items()} == {
        "occlusion": MET,
        "symptoms": MET,
        "ecg": NOT_MET,
        "enzymes": NOT_MET,
        "lvef": NOT_MET,
    }


def test_a_heart_attack_with_two_criteria_waits_for_the_ninetieth_day() -> None:
    definition = criteria.load("2007", "ami")
    answers = {
        "occlusion": Answer("met"),
        "symptoms": Answer("met"),
        "ecg": Answer("not_met"),
        "enzymes": Answer("met"),
        "lvef": Answer("not_shown", since=TODAY),
    }
    day = TODAY + timedelta(days=90)

    waiting = evaluate(definition, answers, TODAY)

    assert (waiting.result, waiting.not_before) == (NOT_YET, day)
    assert [judged.leaf["code"] for judged in waiting.path] == ["lvef"]
    weak = answers | {"lvef": Answer("met", Decimal(45), TODAY)}
    assert evaluate(definition, weak, day).result is MET
    strong = answers | {"lvef": Answer("not_met", Decimal(60), TODAY)}
    assert evaluate(definition, strong, day).result is NOT_MET


def test_a_ventilator_that_stood_still_for_fifty_minutes_was_not_on_for_96_hours() -> None:
    definition = criteria.load("2007", "deep_coma")
    answers = perfect(definition) | {"life_support_96h": Answer("met", runs=FIFTY_MINUTES_OFF)}

    got = evaluate(definition, answers, TODAY)

    assert got.result is NOT_MET
    assert [judged.leaf["code"] for judged in got.path] == ["life_support_96h"]
    assert got.path[0].leaf["remedy_zh"]


def test_steroids_for_more_than_thirty_days_before_joining_fail_the_health_requirement() -> None:
    definition = criteria.full("2007", "deep_coma")
    answers = perfect(definition) | {"health_on_joining": Answer("not_met")}

    got = evaluate(definition, answers, TODAY)

    assert got.result is NOT_MET
    assert [judged.leaf["code"] for judged in got.path] == ["health_on_joining"]


def test_an_accident_needs_no_waiting_period() -> None:
    definition = criteria.full("2007", "deep_coma")
    waiting = perfect(definition) | {
        "waiting_over": Answer("not_met"),
        "accident": Answer("not_met"),
    }

    assert evaluate(definition, waiting, TODAY).result is NOT_MET
    by_accident = waiting | {"accident": Answer("met")}
    assert evaluate(definition, by_accident, TODAY).result is MET
