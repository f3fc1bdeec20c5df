"""The rules about the code itself: imports one way, one writer of status, one clock, no float."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each app may import itself, mutualaid and the apps to its left.
ORDER = ["members", "claims", "jury", "assessments", "disclosures", "portal"]

# Inside an app: pure files touch no table, and nobody imports the edge.
PURE = {"states", "rules", "draw", "tally", "criteria", "calendar", "redact"}
EDGE = {"views", "api", "admin", "tasks", "forms", "urls", "api_urls", "desk", "helpline"}
WRITERS = {"actions", "bulk"}
MONEY = [
    "mutualaid/money.py",
    "assessments/rules.py",
    "assessments/bulk.py",
    "assessments/books.py",
    "assessments/actions.py",
    "assessments/providers.py",
    "claims/rules.py",
]


def modules(*, edge: bool = True) -> Iterator[tuple[str, Path]]:
    for app in ORDER:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts and (edge or not is_edge(path)):
                yield app, path


def kind(path: Path) -> str:
    """What a file is by its name: "actions" for members/actions.py and members/actions/ends.py."""
    return path.relative_to(ROOT).parts[1].removesuffix(".py")


def is_edge(path: Path) -> bool:
    return kind(path) in EDGE or "commands" in path.parts or "templatetags" in path.parts


def every_file() -> list[Path]:
    return [path for _, path in modules()] + sorted((ROOT / "mutualaid").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(
    ("app", "path"), list(modules()), ids=lambda x: name_of(x) if isinstance(x, Path) else x
)
def test_imports_point_one_way(app: str, path: Path) -> None:
    later = set(ORDER[ORDER.index(app) + 1 :])

    strange = [name for name in imports(path) if name.split(".")[0] in later]

    assert not strange, f"{name_of(path)} imports what comes after it: {strange}"


def test_the_project_imports_no_app() -> None:
    for path in sorted((ROOT / "mutualaid").rglob("*.py")):
        strange = [name for name in imports(path) if name.split(".")[0] in ORDER]
        assert not strange, f"{name_of(path)} imports an app: {strange}"


@pytest.mark.parametrize("path", [path for _, path in modules(edge=False)], ids=name_of)
def test_nothing_inside_imports_the_edge_or_speaks_http(path: Path) -> None:
    if path.stem in {"apps", "adapters", "acting", "stepup"} or path.parent.name == "tests":
        return  # they stand at the edge by their framework's wish
    for name in imports(path):
        parts = name.split(".")
        assert not (parts[0] in ORDER and EDGE & set(parts[1:2])), f"{name_of(path)}: {name}"
        assert not name.startswith(("django.http", "rest_framework", "celery")), (
            f"{name_of(path)} speaks HTTP or messages: {name}"
        )


@pytest.mark.parametrize(
    "path", [p for _, p in modules() if p.stem in PURE and p.parent.name in ORDER], ids=name_of
)
def test_pure_files_touch_no_table(path: Path) -> None:
    for name in imports(path):
        assert not name.startswith(("django.db.connection", "django.db.transaction")), name
        assert ".models" not in name or path.stem == "rules" or name == "django.db.models", (
            f"{name_of(path)} reads tables: {name}"
        )


def sets_status(node: ast.AST) -> bool:
    """An assignment to .status, .stage or .state, or an update() of one."""
    names = {"status", "stage", "state"}
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Attribute) and t.attr in names for t in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        return (
            len(node.args) > 1
            and isinstance(node.args[1], ast.Constant)
            and node.args[1].value in names
        )
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "update"
        and any(keyword.arg in names for keyword in node.keywords)
    )


def test_only_actions_change_a_status() -> None:
    writers = {
        name_of(path) for _, path in modules() if any(sets_status(n) for n in ast.walk(tree(path)))
    }

    assert {kind(ROOT / name) for name in writers} == {"actions"}, writers


def test_an_app_changes_its_status_in_one_private_function() -> None:
    for path in (path for _, path in modules() if kind(path) == "actions"):
        for function in [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef)]:
            if any(sets_status(n) for n in ast.walk(function)):
                assert function.name.startswith("_move"), f"{name_of(path)}: {function.name}"


# Pictures and drafts in the session have a save(), too.
NO_TABLE = {"form", "session", "turned", "drafts"}


def writes(node: ast.AST) -> bool:
    """A write through the ORM: save, create, update, delete, bulk_*."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr
        in {
            "save",
            "create",
            "bulk_create",
            "bulk_update",
            "get_or_create",
            "update_or_create",
            "delete",
        }
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id in NO_TABLE)
    )


@pytest.mark.parametrize(
    "path",
    [p for _, p in modules() if kind(p) in {"views", "api", "tasks", "forms", "admin", "desk"}],
    ids=name_of,
)
def test_the_edge_writes_no_table(path: Path) -> None:
    lines = [getattr(n, "lineno", 0) for n in ast.walk(tree(path)) if writes(n)]

    assert not lines, f"{name_of(path)} writes in lines {lines}; an action does that"


CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "timezone.now", "timezone.localtime", "timezone.localdate", "time.time",
}  # fmt: skip


@pytest.mark.parametrize("path", every_file(), ids=name_of)
def test_there_is_one_clock(path: Path) -> None:
    if path.name in {"embedded.py", "run.py", "stepup.py"} or "bench" in path.name:
        return  # they wait for processes and measure; allauth dates logins by the machine
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            read = f"{node.value.id}.{node.attr}"
            assert read not in CLOCKS, f"{name_of(path)}:{node.lineno} reads {read}"
        if isinstance(node, ast.keyword) and node.arg in {"auto_now", "auto_now_add"}:
            raise AssertionError(f"{name_of(path)}:{node.value.lineno} uses {node.arg}")


@pytest.mark.parametrize("name", MONEY)
def test_no_float_in_the_money_modules(name: str) -> None:
    for node in ast.walk(tree(ROOT / name)):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), where
        assert not (isinstance(node, ast.Name) and node.id in {"float", "round"}), where
        paths = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        assert not (paths and not _is_path(node)), f"{where} divides with /"


def _is_path(node: ast.AST) -> bool:
    """`folder / "name"` joins paths; a sum never has text in it."""
    return any(
        isinstance(n, ast.JoinedStr)
        or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        or (isinstance(n, ast.Attribute) and n.attr == "folder")
        for n in ast.walk(node)
    )


def test_no_signals_and_no_swallowed_exceptions() -> None:
    for path in every_file():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in {"everything", "Exception", "BaseException"} or any(
                    isinstance(n, ast.Raise) for n in ast.walk(node)
                ), f"{name_of(path)}:{node.lineno} swallows {caught}"
        assert not any("django.dispatch" in name or ".signals" in name for name in imports(path)), (
            f"{name_of(path)} uses signals"
        )


def test_weasyprint_has_one_importer() -> None:
    users = {
        name_of(path)
        for path in every_file()
        if any(n.startswith("weasyprint") for n in imports(path))
    }

    assert users <= {"mutualaid/pdf.py"}


def test_functions_are_short_enough_to_read_aloud() -> None:
    long = []
    lengths = []
    for path in every_file():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                lengths.append(length)
                if length > 60:
                    long.append(f"{name_of(path)}:{node.name} {length}")

    assert not long, long
    assert sorted(lengths)[len(lengths) // 2] <= 10
