"""A process as our child: it starts, says when it is ready, is stopped in bounded time, and dies with us."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import StartupError

LIBC = ctypes.CDLL(None, use_errno=True)  # loaded before any fork
PR_SET_PDEATHSIG = 1
POLL = 0.01  # seconds between two looks at a server that is starting or stopping
LONGEST_LOG = 10 << 20  # bytes of a running server's log; one older part of that size is kept
SERVERS = {"postgres", "valkey-server", "redis-server"}


def start(
    argv: Sequence[str],
    *,
    dies_by: signal.Signals,
    cwd: Path | None = None,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    enter: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in its own session, so that Ctrl-C reaches us and not the server.

    Args:
        dies_by: the signal the kernel sends to it when we die, however we die.
        log: where its words go; None: where ours go.
        enter: called in the child before exec, to become somebody else.
    """
    parent = os.getpid()

    def prepare() -> None:
        if enter is not None:
            enter()
        if sys.platform == "linux":  # after `enter`: a change of credentials clears it
            LIBC.prctl(PR_SET_PDEATHSIG, int(dies_by), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    with _rotated(log).open("ab") if log else nullcontext() as sink:
        return subprocess.Popen(  # noqa: S603  # our own argument list, no shell
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509  # only started from the main thread
        )


def wait_until(process: subprocess.Popen[bytes], ready: Callable[[], bool], *, log: Path, limit: float) -> None:
    """Wait until a started server is ready; one that is not in time is ended.

    Raises:
        StartupError: it ended, or was not ready within `limit` seconds; holds its last words.
    """
    deadline = time.monotonic() + limit
    try:
        while not ready():
            if process.poll() is not None:
                raise StartupError(f"{_name(process)} ended at once. Its last words:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise StartupError(f"{_name(process)} was not ready within {limit:g} s. Its last words:\n{_tail(log)}")
            time.sleep(POLL)
    except BaseException:
        process.kill()
        raise


@dataclass
class Child:
    """A process that should work as long as we do."""

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    stops_by: signal.Signals
    stop_limit: float  # seconds until SIGKILL
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None  # the file of its words, if it has one

    def start(self) -> None:
        """Launch it. From the main thread: the kernel ends it with the thread that made it."""
        self.process = self.launch()

    def has_died(self) -> bool:
        """Say whether it ended without being asked to."""
        return self.process is not None and self.process.poll() is not None

    def trim_log(self) -> None:
        """Move the log aside when it is large, without the process having to know: it only ever appends."""
        if self.log is not None and self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def ask_to_stop(self) -> None:
        """Send the polite signal, and do not wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stops_by)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """End it: politely, and by SIGKILL when it takes longer than its limit."""
        if self.process is not None:
            stop(self.process, by=self.stops_by, limit=self.stop_limit)


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals, limit: float) -> None:
    """End a server: politely, and by SIGKILL after `limit` seconds."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_strays(folder: Path, *, by: signal.Signals, limit: float) -> None:
    """End the servers that a killed predecessor left working in a data folder.

    Only to be called by the holder of the data folder's lock. Both servers make their data
    folder their working directory, which no stale process id file can say wrongly.
    """
    deadline = time.monotonic() + limit
    sent: set[int] = set()
    while pids := _working_in(folder):
        late = time.monotonic() > deadline
        for pid in pids if late else pids - sent:
            _signal(pid, signal.SIGKILL if late else by)
        sent |= pids
        time.sleep(POLL)


def _working_in(folder: Path) -> set[int]:
    if sys.platform != "linux":
        return set()
    real = str(folder.resolve())
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_server(entry, real)}


def _is_server(process: Path, folder: str) -> bool:
    try:
        program = Path(os.readlink(process / "exe")).name.removesuffix(" (deleted)")
        return program in SERVERS and os.readlink(process / "cwd") == folder
    except OSError:  # ended meanwhile, a zombie, or somebody else's
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _rotated(log: Path) -> Path:
    """Keep one older log, so that neither ever grows without end across restarts."""
    if log.exists() and log.stat().st_size > 1_000_000:
        log.replace(log.with_suffix(".log.1"))
    return log


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])


def _name(process: subprocess.Popen[bytes]) -> str:
    return str(process.args[0]) if isinstance(process.args, list | tuple) else str(process.args)
