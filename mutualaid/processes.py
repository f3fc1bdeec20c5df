"""Processes that outlive us: known by their command line, never by a number alone.

For `mutualaid.embedded` and `mutualaid.run`. Linux answers from /proc, other systems from `ps`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from pwd import struct_passwd
from typing import Any

LOOPBACK = "127.0.0.1"
HAS_PROC = Path("/proc/self/cmdline").exists()
LOG_BYTES_KEPT = 10_000_000


class StillThere(RuntimeError):
    """A process survived every signal. The text names it."""


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is true; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def try_lock(fd: int) -> bool:
    """Take the file's exclusive lock if nobody has it. The kernel frees it when we die."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def argv(pid: int) -> list[str]:
    """The words of a live process's command line; empty for one that is gone or a zombie."""
    if not HAS_PROC:
        return _ps("-ww", "-o", "command=", "-p", str(pid)).split()
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return os.fsdecode(words).rstrip("\0").split("\0") if words else []


def pids() -> list[int]:
    if not HAS_PROC:
        return [int(pid) for pid in _ps("-ax", "-o", "pid=").split()]
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _ps(*arguments: str) -> str:
    command = ["/bin/ps", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def runs(pid: int, program: str, path: Path) -> bool:
    """Is `pid` alive, this program, with this path on its command line, and its owner's?"""
    words = argv(pid)
    if not words or Path(words[0]).name != program:
        return False
    if not HAS_PROC:
        return str(path) in " ".join(words)
    return str(path) in words and _same_owner(pid, path)


def _same_owner(pid: int, path: Path) -> bool:
    # Anybody can call a process what he likes; not everybody can own our files.
    with contextlib.suppress(OSError):
        owner = Path(f"/proc/{pid}").stat().st_uid
        return owner == path.stat().st_uid if path.exists() else os.geteuid() in (0, owner)
    return False


def find(program: str, path: Path, pidfile: Path) -> int | None:
    """The process that `runs`: where its pid file says, else wherever it is."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(pidfile.read_text().split()[0])
        if runs(pid, program, path):
            return pid
    return next((pid for pid in pids() if runs(pid, program, path)), None)


def works_in(pid: int, program: str, folder: Path) -> bool:
    """A process of this program, or a child titled `program: …`, whose working folder this is."""
    try:
        if Path(f"/proc/{pid}/cwd").readlink() != folder:
            return False
    except OSError:
        return False
    words = argv(pid)
    return bool(words) and Path(words[0].split(":")[0]).name == program


def launch(command: list[str], log: Path, account: struct_passwd | None) -> int:
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
            **user(account),
        )
    pid = int(shell.stdout)
    # At first it is the shell's copy, then for a moment nothing at all, then the server.
    wait(lambda: argv(pid)[:1] == command[:1] or _is_over(pid), 10)
    return pid


def _is_over(pid: int) -> bool:
    """Gone, or dead and not yet fetched by its parent."""
    if not HAS_PROC:
        return not argv(pid)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def user(account: struct_passwd | None) -> dict[str, Any]:
    """Arguments for subprocess: as that user, from a folder which everybody may enter."""
    if account is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def end(alive: Callable[[], bool], pid: int, *steps: tuple[signal.Signals, float]) -> None:
    """Signal after signal, each only while the process is still the one we mean.

    Raises StillThere.
    """
    for number, seconds in steps:
        if not alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait(lambda: not alive(), seconds):
            return
    raise StillThere(f"Process {pid} does not end: look at it with `ps -p {pid}`.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Could a server listen there now? Connections that are still being forgotten do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
