"""A real supervisor over a small Procfile: what it starts, it ends, however it ends itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

from mutualaid import embedded, processes, run
from mutualaid.management.commands.compile_texts import compile_file

SUPERVISOR = """
import sys
from pathlib import Path
from mutualaid import embedded, processes, run
durable = embedded.ensure_database
embedded.ensure_database = lambda folder: durable(folder, durable=False)
run.GRACE_SECONDS = 2
folder = Path(sys.argv[1])
try:
    sys.exit(run.run(folder / "data", procfile=folder / "Procfile", port=int(sys.argv[2]),
                     prepare=lambda: "hello"))
except run.RunError as error:
    sys.exit(str(error))
"""
# The web process has a child of its own, as gunicorn and celery have.
PROCFILE = """\
# comments and blank lines are skipped

web: sh -c 'echo $$ > web.pid; sleep 300 & echo $! > grandchild.pid; exec {web} $PORT'
worker: sh -c 'echo $$ > worker.pid; exec sleep 300'
"""
STUBBORN = "deaf: sh -c 'trap \"\" TERM; echo $$ > deaf.pid; while :; do sleep 1; done'\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="mutualaid-"))
    made.chmod(0o711)
    write_procfile(made, PROCFILE)
    yield made
    embedded.remove(made / "data")
    shutil.rmtree(made)


def write_procfile(folder: Path, text: str) -> None:
    lines = text.replace("{web}", f"{sys.executable} -m http.server --bind 127.0.0.1")
    for name in ("web", "grandchild", "worker", "deaf"):
        lines = lines.replace(f"{name}.pid", f"{folder}/{name}.pid")
    (folder / "Procfile").write_text(lines)


def supervisor(folder: Path, port: int = 0) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "BROKER_URL")}
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder), str(port or processes.free_port())],
        cwd=run.ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_welcome(running: subprocess.Popen[str]) -> None:
    assert running.stdout
    for line in running.stdout:
        if "Ctrl-C ends everything" in line:
            return
    assert running.stderr
    pytest.fail(f"it ended early: {running.stderr.read()}")


def child_pids(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in sorted(folder.glob("*.pid"))]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if processes.argv(pid)]


def server_pids(folder: Path) -> list[int]:
    return [pid for pid in embedded.status(folder / "data").values() if pid]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_children_grandchildren_and_servers(
    folder: Path, number: signal.Signals
) -> None:
    running = supervisor(folder)
    wait_for_welcome(running)
    started = child_pids(folder) + server_pids(folder)

    running.send_signal(number)
    status = running.wait(30)
    running.communicate()

    assert len(started) == 5
    assert status == 0
    assert alive(started) == []


def test_a_second_ctrl_c_does_not_cut_the_ending_short(folder: Path) -> None:
    write_procfile(folder, PROCFILE + STUBBORN)
    running = supervisor(folder)
    wait_for_welcome(running)
    started = child_pids(folder) + server_pids(folder)

    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGTERM)
    status = running.wait(30)
    running.communicate()

    assert len(started) == 6
    assert status == 0
    assert alive(started) == []


def test_a_killed_supervisor_takes_its_children_along_and_the_next_one_starts(
    folder: Path,
) -> None:
    first = supervisor(folder)
    wait_for_welcome(first)
    orphans, servers = child_pids(folder), server_pids(folder)

    first.kill()
    first.wait()
    web_and_worker_end = processes.wait(lambda: len(alive(orphans)) <= 1, 10)
    second = supervisor(folder)
    wait_for_welcome(second)
    adopted = server_pids(folder)
    second.terminate()
    second.communicate()

    assert web_and_worker_end
    assert adopted == servers
    assert alive(servers) == []
    for pid in alive(orphans):  # `sleep` has no parent that would tell it
        os.kill(pid, signal.SIGKILL)


def test_a_process_that_ends_ends_the_others_with_its_status(folder: Path) -> None:
    write_procfile(folder, PROCFILE + "short: sh -c 'sleep 1; exit 7'\n")
    running = supervisor(folder)

    _, errors = running.communicate(timeout=60)

    assert "short ended with status 7" in errors
    assert running.returncode == 7
    assert alive(child_pids(folder)) == []
    assert server_pids(folder) == []


def test_a_taken_port_is_one_sentence_and_nothing_stays_behind(folder: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        running = supervisor(folder, stranger.getsockname()[1])
        _, errors = running.communicate(timeout=60)

    assert running.returncode == 1
    assert errors.startswith("Port ")
    assert errors.count("\n") == 1
    assert server_pids(folder) == []


def test_one_run_per_data_folder_and_stop_ends_it(folder: Path) -> None:
    running = supervisor(folder)
    wait_for_welcome(running)
    started = child_pids(folder) + server_pids(folder)

    second = supervisor(folder)
    _, errors = second.communicate(timeout=60)
    still = alive(started)
    run.stop(folder / "data")
    running.communicate(timeout=30)

    assert second.returncode == 1
    assert "`make stop`" in errors
    assert still == started
    assert alive(started) == []


def test_stop_without_a_run_ends_servers_that_a_command_left(folder: Path) -> None:
    embedded.ensure(folder / "data", durable=False)
    left = server_pids(folder)

    run.stop(folder / "data")
    run.stop(folder / "data")

    assert len(left) == 2
    assert alive(left) == []


def test_clean_deletes_what_we_made_and_nothing_else(folder: Path) -> None:
    embedded.ensure(folder / "data", durable=False)
    (folder / "data" / "evidence").mkdir()
    (folder / "data" / "diary.txt").write_text("not ours")

    run.clean(folder / "data")

    assert [path.name for path in (folder / "data").iterdir()] == ["diary.txt"]


def test_the_procfile_of_the_house_has_web_worker_and_beat() -> None:
    commands = run.read_procfile(run.ROOT / "Procfile")

    assert list(commands) == ["web", "worker", "beat"]
    assert "$PORT" in commands["web"]


def test_texts_are_compiled_when_they_changed_and_only_then(tmp_path: Path) -> None:
    source = tmp_path / "django.po"
    texts = polib.POFile()
    texts.append(polib.POEntry(msgid="Member", msgstr="成员"))
    texts.append(polib.POEntry(msgid="Claim", msgstr="索赔", flags=["fuzzy"]))
    texts.save(str(source))

    first, second = compile_file(source), compile_file(source)

    compiled = polib.mofile(str(tmp_path / "django.mo"))
    assert (first, second) == (True, False)
    assert [(entry.msgid, entry.msgstr) for entry in compiled] == [("Member", "成员")]
