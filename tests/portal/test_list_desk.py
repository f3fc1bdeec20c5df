"""Lists of members at the desk: chosen sealed, tried, imported by the worker, and not kept."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse

from members import actions, imports, list_columns, uploads
from members.actions import importing
from members.models import Account, ImportRun, Member, Membership
from mutualaid import clock, sealed_files
from mutualaid.errors import Forbidden, Invalid, NotNow
from tests import make
from tests.members import lists

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
CHOOSE = "admin:members_importrun_choose"


def officer() -> Account:
    return make.staff("data_officer")


def browser(account: Account | None = None, **more: Any) -> Client:
    """At the desk, with a login of this minute."""
    return make.desk_client(account or officer(), at=time.time(), **more)


def written(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, lists.COLUMNS)
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def people(count: int) -> bytes:
    return written([lists.row(n) for n in range(count)])


def chosen(client: Client, content: bytes, name: str = "list.csv") -> Any:
    file = SimpleUploadedFile(name, content, content_type="text/csv")
    return client.post(reverse(CHOOSE), {"plan": make.plan().pk, "list": file})


def tried(client: Client, content: bytes) -> ImportRun:
    """Chosen, and the worker has been there."""
    answer = chosen(client, content)
    assert answer.status_code == 302, answer.content.decode()
    actions.imports_due(at=clock.now())
    return ImportRun.objects.latest("pk")


def page(run: ImportRun, what: str = "run") -> str:
    return reverse(f"admin:members_importrun_{what}", args=[run.pk])


def kept() -> list[Path]:
    return sorted(Path(settings.IMPORT_DIR).glob(f"{imports.UPLOAD}*"))


# --- choosing


def test_a_list_is_chosen_tried_and_imported_and_the_worker_does_it() -> None:
    client = browser()

    answer = chosen(client, people(3))
    run = ImportRun.objects.get()
    waiting = client.get(page(run))
    actions.imports_due(at=clock.now())
    found = client.get(page(run))
    begun = client.post(page(run), {"good": "3"})
    real = ImportRun.objects.latest("pk")
    nobody_yet = Membership.objects.count()
    actions.imports_due(at=clock.now())

    assert answer["Location"] == page(run)
    assert (run.dry_run, run.stage, run.file_name) == (True, "ready", "list.csv")
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert '<noscript><meta http-equiv="refresh"' in waiting.content.decode()
    assert "hx-trigger" not in found.content.decode()
    assert begun["Location"] == page(real)
    assert (real.dry_run, nobody_yet) == (False, 0)
    real.refresh_from_db()
    assert (real.stage, real.good, Membership.objects.count()) == ("done", 3, 3)
    assert client.get(page(real)).status_code == 200


def test_the_file_lies_sealed_from_its_first_byte_and_goes_once_it_is_imported() -> None:
    client, content = browser(), people(900)
    chosen(client, content)

    [path] = kept()
    assert lists.number(5).encode() not in path.read_bytes()
    with sealed_files.open_file(path) as file:
        assert file.read() == content

    actions.imports_due(at=clock.now())
    client.post(page(ImportRun.objects.get()), {"good": "900"})
    actions.imports_due(at=clock.now())

    assert kept() == []
    assert Membership.objects.count() == 900


def test_nothing_in_the_clear_is_put_under_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1
    seen: list[bytes] = []
    sealing = uploads.SealingHandler.receive_data_chunk

    def watched(self: Any, data: bytes, start: int) -> None:
        sealing(self, data, start)
        seen.extend(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    monkeypatch.setattr(uploads.SealingHandler, "receive_data_chunk", watched)

    chosen(browser(), people(2_000))

    assert ImportRun.objects.get().lines == 2_000
    assert not any(lists.number(5).encode() in content for content in seen)


def test_who_may_not_bring_lists_is_turned_away_before_a_byte_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(
        uploads.SealingHandler, "receive_data_chunk", lambda self, data, start: read.append(data)
    )
    visitors = [browser(make.staff(role)) for role in ("reviewer", "finance", "adjuster")]
    visitors += [browser(second_factor=False), Client()]

    for client in visitors:
        assert chosen(client, people(3)).status_code in {302, 403}

    assert read == []
    assert not ImportRun.objects.exists()
    assert kept() == []


def test_a_form_without_the_token_is_refused_and_leaves_nothing() -> None:
    trusting = browser()
    client = Client(enforce_csrf_checks=True)
    client.cookies = trusting.cookies

    answer = chosen(client, people(3))

    assert answer.status_code == 403
    assert not ImportRun.objects.exists()


def test_with_the_token_in_the_form_it_is_taken() -> None:
    trusting = browser()
    client = Client(enforce_csrf_checks=True)
    client.cookies = trusting.cookies
    client.get(reverse(CHOOSE))
    file = SimpleUploadedFile("list.csv", people(1))
    token = client.cookies["csrftoken"].value

    said = {"csrfmiddlewaretoken": token, "plan": make.plan().pk, "list": file}
    answer = client.post(reverse(CHOOSE), said)

    assert answer.status_code == 302, answer.content.decode()


@pytest.mark.usefixtures("english")
def test_too_large_a_file_is_refused_in_a_sentence_and_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "MOST_BYTES", 2**20)
    client = browser()
    client.cookies["django_language"] = "en"

    answer = chosen(client, people(20_000))

    assert answer.status_code == 413
    assert "too large" in answer.context["problems"][0][2]
    assert "1 MB" in answer.context["problems"][0][2]
    assert kept() == []


@pytest.mark.parametrize(
    ("content", "plan"), [(b"", True), (b"PK\x03\x04\xff\n\x80", True), (b"name\n1\n", True),
                          (people(2), False)],
)  # fmt: skip
def test_what_is_no_list_is_named_at_the_field_and_not_kept(content: bytes, plan: bool) -> None:
    client = browser()
    file = SimpleUploadedFile("list.csv", content)
    given = {"list": file} | ({"plan": make.plan().pk} if plan else {})

    answer = client.post(reverse(CHOOSE), given)

    assert answer.context["problems"][0][0] == ("id_list" if plan else "id_plan")
    assert not ImportRun.objects.exists()
    assert kept() == []


def test_an_upload_is_named_by_what_we_gave_it_and_by_no_path(tmp_path: Path) -> None:
    path = lists.write(tmp_path / "list.csv", [lists.row(1)])
    who: dict[str, Any] = {"plan_id": make.plan().pk, "by": officer(), "at": clock.now()}

    for name in (str(path), "../../etc/passwd", ""):
        with pytest.raises(ValueError, match="UUID"):
            actions.upload_list(upload=name, file_name="x", **who)
    with pytest.raises(Forbidden):
        actions.upload_list(upload="0" * 32, file_name="x", **who | {"by": make.staff("finance")})
    assert path.exists()


# --- looking, and for real


def test_the_import_asks_for_the_number_of_good_lines() -> None:
    client = browser()
    run = tried(client, written([lists.row(1), lists.row(2, name="林"), lists.row(3)]))
    assert (run.good, run.bad) == (2, 1)

    for typed in ("", "3", "zwei", "2²", "9" * 40):
        answer = client.post(page(run), {"good": typed})
        assert answer.context["problems"][0][0] == "id_good", typed
        assert not ImportRun.objects.filter(dry_run=False).exists()

    assert client.post(page(run), {"good": " 2 "}).status_code == 302


def test_the_import_asks_for_a_fresh_login() -> None:
    who = officer()
    run = tried(browser(who), people(1))

    stale = make.desk_client(who, at=time.time() - 3600)
    answer = stale.post(page(run), {"good": "1"})

    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert not ImportRun.objects.filter(dry_run=False).exists()


def test_pressed_twice_it_is_one_import() -> None:
    client = browser()
    run = tried(client, people(2))

    first = client.post(page(run), {"good": "2"})
    second = client.post(page(run), {"good": "2"})
    actions.imports_due(at=clock.now())
    late = client.post(page(run), {"good": "2"})

    assert first["Location"] == second["Location"]
    assert late.status_code == 409
    assert Membership.objects.count() == 2


def test_before_the_dry_run_has_ended_nothing_is_imported() -> None:
    client = browser()
    chosen(client, people(1))
    run = ImportRun.objects.get()

    with pytest.raises(NotNow):
        actions.import_for_real(run_id=run.pk, good=0, by=officer(), at=clock.now())
    assert client.post(page(run), {"good": "0"}).status_code == 409


def test_a_list_without_a_good_line_is_not_imported() -> None:
    run = tried(browser(), written([lists.row(1, name="林")]))

    with pytest.raises(NotNow):
        actions.import_for_real(run_id=run.pk, good=0, by=officer(), at=clock.now())
    with pytest.raises(Invalid):
        actions.import_for_real(
            run_id=tried(browser(), people(1)).pk, good=2, by=officer(), at=clock.now()
        )


def test_the_progress_is_a_row_and_the_asking_ends() -> None:
    client = browser()
    chosen(client, people(10))
    run = ImportRun.objects.get()
    seen: list[tuple[int, str]] = []

    def told(now: ImportRun) -> None:
        answer = client.get(page(run, "progress"))
        seen.append((answer.status_code, str(answer.context["percent"])))

    actions.run_import(run_id=run.pk, at=clock.now(), part_lines=4, told=told)
    last = client.get(page(run, "progress"))

    assert seen == [(200, "40"), (200, "80"), (200, "100")]
    assert (last.status_code, last["HX-Refresh"]) == (286, "true")


# --- the lines that were not taken


def test_the_lines_not_taken_come_as_a_file_without_numbers_and_without_formulas() -> None:
    number = lists.number(1)
    hostile = "林=HYPERLINK(1)"
    client = browser()
    run = tried(client, written([
        lists.row(1, name="=HYPERLINK(\"http://x\",1)", relation="cousin"),
        lists.row(2, name="林;=1+1", relation="cousin"),
        lists.row(3, name="＝1＋1", relation="@cousin"),
        lists.row(4, name=number, relation=" =cmd|' /C calc'!A0"),
        lists.row(5, name=hostile, relation="cousin"),
    ]))  # fmt: skip

    answer: Any = client.get(page(run, "problems"))

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text)))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert not any(lists.number(n) in text for n in range(1, 6))
    assert [row[0] for row in found[1:]] == ["2", "3", "4", "5", "6"]
    for row in csv.reader(io.StringIO(text), delimiter=";"):  # as a German Excel reads it
        assert not [cell for cell in row if _is_formula(cell)]
    for row in found:
        assert not [cell for cell in row if _is_formula(cell)]
    assert hostile in text  # not at the beginning of a cell, it is a word like any other


def _is_formula(cell: str) -> bool:
    return cell.lstrip(" \u3000\"'")[:1] in set("=+-@＝＋－＠") and not cell.lstrip(
        ' \u3000"'
    ).startswith("'")


def test_the_lines_are_there_for_who_may_see_the_run_and_while_they_are_kept() -> None:
    client = browser()
    run = tried(client, written([lists.row(1, name="林")]))
    clean = tried(client, people(1))

    assert browser(make.staff("finance")).get(page(run, "problems")).status_code == 403
    assert Client().get(page(run, "problems")).status_code == 302
    assert client.get(page(run, "problems")).status_code == 200
    assert client.get(page(clean, "problems")).status_code == 409
    assert client.get(reverse("admin:members_importrun_problems", args=[0])).status_code == 404


# --- not kept


def test_a_list_that_nobody_imports_goes_after_its_days_and_the_page_says_until_when() -> None:
    client = browser()
    run = tried(client, written([lists.row(1), lists.row(2, name="林")]))
    until = actions.list_kept_until(run)

    clock.move_to(until - timedelta(seconds=1), frozen=True)
    actions.imports_due(at=clock.now())
    before = kept()
    clock.move_to(until, frozen=True)
    actions.imports_due(at=clock.now())

    run.refresh_from_db()
    assert len(before) == 1
    assert kept() == []
    assert not importing.problems_folder(run).exists()
    assert run.gone_at == until
    assert client.get(page(run, "problems")).status_code == 409
    assert client.post(page(run), {"good": "1"}).status_code == 409
    assert str(until.day) in client.get(page(run)).content.decode()


def test_a_list_that_is_still_being_imported_is_not_taken_away() -> None:
    client = browser()
    run = tried(client, people(1))
    clock.move_to(actions.list_kept_until(run) - timedelta(minutes=1), frozen=True)
    actions.import_for_real(run_id=run.pk, good=1, by=officer(), at=clock.now())
    clock.move_to(clock.now() + timedelta(minutes=2), frozen=True)

    actions.imports_due(at=clock.now())

    assert Membership.objects.count() == 1
    assert kept() == []


def test_one_that_never_began_to_be_read_goes_too() -> None:
    chosen(browser(), people(1))
    clock.move_to(clock.now() + timedelta(days=8), frozen=True)

    importing._clear(clock.now())

    run = ImportRun.objects.get()
    assert (run.stage, bool(run.gone_at)) == ("failed", True)
    assert kept() == []


def test_an_upload_that_nothing_was_begun_with_goes_after_a_day() -> None:
    orphan = imports.Incoming()
    orphan.write(people(1))
    orphan.finish()
    path, now = imports.incoming(orphan.name), clock.now().timestamp()

    os.utime(path, (now, now))
    actions.imports_due(at=clock.now())
    young = path.exists()
    os.utime(path, (now - 90_000, now - 90_000))
    actions.imports_due(at=clock.now())

    assert young
    assert not path.exists()


def test_a_half_upload_leaves_nothing() -> None:
    half = imports.Incoming()
    half.write(people(5))

    half.close()

    assert kept() == []


# --- killed


KILLED = """
import os, signal, django
django.setup()
from django.conf import settings
settings.IMPORT_DIR = os.environ["IMPORTS"]
from members import actions
from mutualaid import clock
from members.models import ImportRun

def told(run):
    if run.done_lines >= 4:
        os.kill(os.getpid(), signal.SIGKILL)

run = ImportRun.objects.get(dry_run=False)
actions.run_import(run_id=run.pk, at=clock.now(), part_lines=2, told=told)
"""


@pytest.fixture
def environment() -> dict[str, str]:
    name = connections.settings["default"]
    login = f"{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "mutualaid.settings",
        "DATABASE_URL": f"postgresql://{login}/{name['NAME']}",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "IMPORTS": str(settings.IMPORT_DIR),
    }


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_in_an_import_is_followed_by_one_that_goes_on(
    environment: dict[str, str],
) -> None:
    client = browser()
    run = tried(client, people(9))
    client.post(page(run), {"good": "9"})

    killed = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    real = ImportRun.objects.get(dry_run=False)
    assert killed.returncode == -9, killed.stderr.decode()
    assert (real.stage, real.done_lines, Member.objects.count()) == ("running", 4, 4)
    assert len(kept()) == 1
    assert 'hx-trigger="every 2s"' in client.get(page(real)).content.decode()

    assert actions.imports_due(at=clock.now()) == 1

    real.refresh_from_db()
    assert (real.stage, real.good, Membership.objects.count()) == ("done", 9, 9)
    assert kept() == []


def test_one_list_that_goes_wrong_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser()
    chosen(client, people(1))
    chosen(client, people(2))
    first, second = ImportRun.objects.order_by("pk")
    Path(first.path).write_bytes(b"another list\n1\n")

    with pytest.raises(Invalid):
        actions.imports_due(at=clock.now())

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.stage, second.stage, second.good) == ("failed", "done", 2)
    assert actions.imports_due(at=clock.now()) == 0


# --- the words


def test_the_sample_is_a_list_that_the_demo_takes() -> None:
    make.plan()
    client = browser()

    for language in ("zh-hans", "en"):
        client.cookies["django_language"] = language
        answer = client.get(reverse("admin:members_importrun_sample"))
        run = tried(client, answer.content)

        assert (run.good, run.bad) == (4, 0), b"".join(actions.problems_file(run=run)).decode()


def test_every_column_that_is_read_is_explained() -> None:
    client = browser()
    shown = client.get(reverse("admin:members_importrun_columns")).content.decode()

    assert [column.name for column in list_columns.COLUMNS] == list(imports.HEADERS)
    for column in list_columns.COLUMNS:
        assert column.name in shown
        assert column.chinese in shown
        assert str(column.meaning) in shown


def test_a_list_that_waits_for_its_import_is_a_task_of_whoever_brought_it() -> None:
    who = officer()
    client = browser(who)
    run = tried(client, people(1))

    [task] = client.get("/staff/").context["queue"]
    others = browser().get("/staff/").context["queue"]
    client.post(page(run), {"good": "1"})

    assert (task.url, task.due_at) == (page(run), actions.list_kept_until(run))
    assert others == []
    assert client.get("/staff/").context["queue"] == []
