"""`make run`: everything on this machine, and nothing of it afterwards.

Servers, migrations, texts, static files, demo world; then the processes of the Procfile until
Ctrl-C, SIGTERM, or until one of them ends. A supervisor that is killed takes its children along
(Linux: the kernel tells them) and leaves the servers, which the next start adopts.

    python -m mutualaid.run         run
    python -m mutualaid.run stop    end a run, and the servers
    python -m mutualaid.run clean   the same, then delete what they kept
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from mutualaid import embedded, processes

ROOT = embedded.ROOT
GRACE_SECONDS = 10  # a worker may finish what it has in hand
READY_SECONDS = 60
PR_SET_PDEATHSIG = 1
# What stands in the data folder besides the servers' own files (mutualaid/settings.py names them).
MADE = (
    *("evidence", "published", "mail", "static", "static.stamp", "coverage"),
    *("run.lock", "servers.lock", "users.lock"),
)


class RunError(RuntimeError):
    """The run cannot begin. The text is one sentence for whoever typed the command."""


def run(data_dir: Path, *, procfile: Path, port: int, prepare: Callable[[], str]) -> int:
    """Run the Procfile's processes; returns the exit status.

    `prepare` is called once the servers are up and before any process; the text it returns is
    printed with the address. Raises RunError, EmbeddedError.
    """
    _end_on_signals()
    with _only_one(data_dir), embedded.shared(data_dir):
        _refuse_taken(port)
        if not os.environ.get("DATABASE_URL"):
            embedded.ensure_database(data_dir)
        if not os.environ.get("BROKER_URL"):
            embedded.ensure_broker(data_dir)
        welcome = prepare()
        with _children(read_procfile(procfile), port) as children:
            _announce(children, port, welcome)
            return _first_end(children)


def read_procfile(procfile: Path) -> dict[str, str]:
    """`name: command` lines; the shell expands variables."""
    lines = [line.strip() for line in procfile.read_text().splitlines()]
    pairs = [line.partition(":") for line in lines if line and not line.startswith("#")]
    return {name.strip(): command.strip() for name, _, command in pairs}


def _end_on_signals() -> None:
    """The first signal unwinds everything in order; later ones must not disturb that."""

    def leave(number: int, frame: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """One run per data folder; its file names the supervisor for `stop`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("a+") as file:
        if not processes.try_lock(file.fileno()):
            raise RunError("It runs already on this data: `make stop` ends it.")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _refuse_taken(port: int) -> None:
    if not processes.is_free(port):
        raise RunError(f"Port {port} is taken: choose another, as in `make run PORT={port + 1}`.")


@contextlib.contextmanager
def _children(commands: dict[str, str], port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            children[name] = _spawn(command, port)
        yield children
    finally:
        _end_all(list(children.values()))


def _spawn(command: str, port: int) -> subprocess.Popen[bytes]:
    """In a session of its own: the terminal's Ctrl-C reaches us, and we tell it once."""
    programs = str(Path(sys.executable).parent)
    return subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=ROOT,
        env=os.environ
        | {"PORT": str(port), "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 there is no other thread
    )


def _die_with_parent() -> Callable[[], None] | None:
    """Linux only: SIGTERM for the child when the supervisor dies, however it dies."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def _end_all(children: list[subprocess.Popen[bytes]]) -> None:
    """Each child's whole group: first asked, then made to."""
    for child in children:
        _signal_group(child, signal.SIGTERM)
    processes.wait(lambda: all(child.poll() is not None for child in children), GRACE_SECONDS)
    for child in children:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _announce(children: dict[str, subprocess.Popen[bytes]], port: int, welcome: str) -> None:
    def settled() -> bool:
        return _listens(port) or _ended(children) is not None

    if processes.wait(settled, READY_SECONDS) and _ended(children) is None:
        print(
            f"\n{welcome}\n\n  http://localhost:{port}/    (Ctrl-C ends everything)\n", flush=True
        )


def _listens(port: int) -> bool:
    try:
        socket.create_connection((processes.LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _ended(children: dict[str, subprocess.Popen[bytes]]) -> str | None:
    return next((name for name, child in children.items() if child.poll() is not None), None)


def _first_end(children: dict[str, subprocess.Popen[bytes]]) -> int:
    """Wait until one of them ends: the others are of no use without it."""
    while (name := _ended(children)) is None:
        time.sleep(0.2)
    status = children[name].returncode
    print(f"{name} ended with status {status}; ending the others.", file=sys.stderr)
    return status or 1


# --- before the processes start


def prepare_site() -> str:
    """Migrate, compile, collect, load the demo: in a process that is gone before the run begins.

    Returns what to greet with: the demo logins.
    """
    made = subprocess.run(
        [sys.executable, "-m", "mutualaid.run", "prepare"],
        check=False,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_die_with_parent(),
    )
    if made.returncode != 0:
        raise RunError("The site could not be prepared: the reason stands above.")
    return made.stdout.rstrip()


def _prepare() -> None:
    """Everything in one process: starting Django four times would take longer than the work."""
    import django  # noqa: PLC0415 the supervisor itself does without
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mutualaid.settings")
    django.setup()
    out = sys.stderr
    call_command("compile_texts", stdout=out)
    call_command("migrate", verbosity=0, interactive=False, stdout=out)
    _collect_static(Path(settings.STATIC_ROOT))
    if settings.DEMO:
        call_command("demo", if_empty=True, stdout=out)
        call_command("demo", logins=True)


def _collect_static(target: Path) -> None:
    """Only when a file changed: compressing them all takes longer than the rest of a start."""
    from django.contrib.staticfiles.finders import get_finders  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    found = [storage.path(name) for finder in get_finders() for name, storage in finder.list([])]
    facts = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in sorted(found)]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()
    stamp = target.with_name(f"{target.name}.stamp")
    if stamp.exists() and stamp.read_text() == digest and target.is_dir():
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(digest)


# --- stop and clean


def stop(data_dir: Path) -> None:
    """End the run on this data, if there is one, then the servers."""
    lock = data_dir / "run.lock"
    if lock.exists():
        with lock.open("r") as file:
            if not processes.try_lock(file.fileno()):
                os.kill(int(file.read()), signal.SIGTERM)
                if not processes.wait(lambda: processes.try_lock(file.fileno()), 60):
                    raise RunError("The run does not end: look at it with `ps`.")
    embedded.stop(data_dir)


def clean(data_dir: Path) -> None:
    """Stop, and delete what we made in the data folder, and in the tests' inside it.

    By name: somebody may have pointed MUTUALAID_DATA_DIR at a folder with other things in it.
    """
    stop(data_dir)
    for folder in (data_dir / "test", data_dir):
        embedded.remove(folder)
        for name in MADE:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # missing, or not only ours
            folder.rmdir()


def _command(verb: str, data_dir: Path) -> int:
    if verb == "run":
        port = int(os.environ.get("PORT") or 8000)
        return run(data_dir, procfile=ROOT / "Procfile", port=port, prepare=prepare_site)
    {"prepare": lambda _: _prepare(), "stop": stop, "clean": clean}[verb](data_dir)
    return 0


def main(arguments: list[str]) -> int:
    """Exit 0 after Ctrl-C; 1 when it cannot begin or a process ended; 2 for usage."""
    verb = arguments[0] if arguments else "run"
    if len(arguments) > 1 or verb not in {"run", "stop", "clean", "prepare"}:
        print("usage: python -m mutualaid.run [stop|clean]", file=sys.stderr)
        return 2
    try:
        return _command(verb, embedded.default_data_dir().resolve())
    except (RunError, embedded.EmbeddedError, processes.StillThere) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
