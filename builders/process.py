"""Run one command under its time limits; nothing outlives it.

A small leader process (`builders.leader`) stands between the agent and the command. Measured: it costs
about 15 ms per command, and no rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from builders.stop import Stop

LEADER = str(Path(__file__).with_name("leader.py"))
READ_SIZE = 64 << 10  # bytes
TERM_AT = 0.3  # of the grace: when SIGTERM follows the polite request
KILL_WAIT_S = 15.0  # a process that survives SIGKILL for so long hangs in the kernel
TAIL = 400  # bytes of output kept to see what bubblewrap said last
NOT_RUN = re.compile(rb"bwrap: execvp [^\n]*: ([^:\n]+)\n?$")
DRAIN_S = 2.0  # for what is still in the pipe when nothing is left that could write


class Cause(StrEnum):
    """What brought a command to its end."""

    EXITED = "exited"
    LIMIT = "limit"
    NO_OUTPUT = "no_output"
    STOPPED = "stopped"
    UNSTARTABLE = "unstartable"
    CROWDED = "crowded"


@dataclass(frozen=True, kw_only=True)
class Cage:
    """What stands around a command."""

    sandbox: tuple[str, ...] = ()  # bubblewrap's words up to the command; none: no sandbox
    group: Path | None = None  # control group with limits of its own
    processes: int = 0  # how many there may be, where no group counts; 0: any
    file: int = 0  # bytes of the largest file; 0: any
    filter: bytes = b""  # program that refuses system calls in the sandbox, for bubblewrap; empty: none is refused

    def asked(self) -> Iterator[str]:
        """Say it in the leader's words."""
        if self.sandbox:
            yield "sandboxed=1"
            if self.filter:
                yield f"filter={self.filter.hex()}"
        for name, value in (("group", self.group), ("processes", self.processes), ("file", self.file)):
            if value:
                yield f"{name}={value}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run. The environment is complete: nothing is inherited."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    cage: Cage = Cage()


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How long a command may take, in seconds."""

    limit: float
    no_output: float
    grace: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    cause: Cause
    code: int | None = None  # negative: the signal that killed it; None: killed by us before it ended
    errno: int = 0  # why it could not be started
    sandbox: str = ""  # why it could not be put into its sandbox
    left: str = ""  # names of processes it left behind, killed since
    survived: bool = False  # something could not even be killed


async def run(
    command: Command,
    bounds: Bounds,
    *,
    output: Callable[[bytes], None],
    stop: Stop,
    polite: Callable[[], Awaitable[None]] | None = None,
) -> Ended:
    """Run a command to its end, or stop it; return when nothing of it is left.

    Args:
        output: gets stdout and stderr, merged, in order. The command waits while it works.
        polite: called first when the command is to be stopped; SIGINT follows at once.

    Raises:
        OSError: the leader could not be started, or `output` failed: then everything is killed too.
    """
    leader = await _Leader.start(command, output)
    try:
        cause = await leader.watch(bounds, stop)
        if cause is not Cause.EXITED:
            await leader.wind_down(bounds.grace, stop, polite)
        return await leader.end(cause)
    finally:
        await leader.kill()


class _Leader:
    """The agent's side of one leader process."""

    def __init__(self, process: Process, control: asyncio.StreamWriter, output: Callable[[bytes], None]) -> None:
        self.process, self.control, self.output = process, control, output
        self.said: dict[str, str] = {}
        self.heard_at = time.monotonic()
        self.tail = b""  # of the output
        self.listening: asyncio.Task[None]
        self.reading: asyncio.Task[None]

    @classmethod
    async def start(cls, command: Command, output: Callable[[bytes], None]) -> _Leader:
        ours, theirs = socket.socketpair()
        try:
            process = await start_own(
                (sys.executable, "-I", "-S", LEADER, *command.cage.asked(), "--", *command.cage.sandbox, *command.argv),
                cwd=command.cwd,
                env=command.env,
                stdin=theirs.fileno(),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        leader = cls(process, writer, output)
        leader.listening = asyncio.create_task(leader._listen(reader))
        leader.reading = asyncio.create_task(leader._read())
        return leader

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Take the leader's lines until it ends."""
        with contextlib.suppress(ConnectionError):
            async for line in reader:
                word, _, rest = line.decode(errors="replace").strip().partition(" ")
                self.said[word] = rest

    async def _read(self) -> None:
        """Hand on the output; not reading makes the command wait."""
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(READ_SIZE):
            self.heard_at = time.monotonic()
            self.tail = (self.tail + data)[-TAIL:] if len(data) < TAIL else data[-TAIL:]
            self.output(data)
            await asyncio.sleep(0)  # a flood must not starve the heartbeats

    async def watch(self, bounds: Bounds, stop: Stop) -> Cause:
        """Wait for the end, a limit or a stop, whichever comes first."""
        deadline = time.monotonic() + bounds.limit
        stopping = asyncio.create_task(stop.asked.wait())
        try:
            while not self.listening.done():
                now = time.monotonic()
                silent = self.heard_at + bounds.no_output - now
                waiting: set[asyncio.Task[Any]] = {self.listening, stopping}
                if not self.reading.done():
                    waiting.add(self.reading)
                await asyncio.wait(waiting, timeout=min(deadline - now, silent), return_when=asyncio.FIRST_COMPLETED)
                cause = self._cause(deadline, bounds, stop)
                if cause is not None:
                    return cause
            return Cause.EXITED
        finally:
            stopping.cancel()

    def _cause(self, deadline: float, bounds: Bounds, stop: Stop) -> Cause | None:
        now = time.monotonic()
        if self.reading.done() and self.reading.exception() is not None:
            self.reading.result()  # the log cannot be kept: the caller's problem, and the end of the command
        if self.listening.done():
            return Cause.EXITED
        if stop.asked.is_set():
            return Cause.STOPPED
        if now >= deadline:
            return Cause.LIMIT
        if now >= self.heard_at + bounds.no_output:
            return Cause.NO_OUTPUT
        return None

    async def wind_down(self, grace: float, stop: Stop, polite: Callable[[], Awaitable[None]] | None) -> None:
        """Climb the ladder: hook and SIGINT, SIGTERM, SIGKILL."""
        if not stop.forced.is_set():
            if polite is not None:
                await polite()
            await self._order(b"I", grace * TERM_AT, stop)
            await self._order(b"T", grace * (1 - TERM_AT), stop)
        await self._order(b"K", KILL_WAIT_S, None)

    async def _order(self, letter: bytes, patience: float, stop: Stop | None) -> None:
        if self.listening.done():
            return
        with contextlib.suppress(ConnectionError):
            self.control.write(letter)
        waiting: set[asyncio.Task[Any]] = {self.listening}
        forced = asyncio.create_task(stop.forced.wait()) if stop is not None else None
        if forced is not None:
            waiting.add(forced)
        await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if forced is not None:
            forced.cancel()

    async def end(self, cause: Cause) -> Ended:
        """Wait for the last output and put together how it went."""
        if not self.listening.done():
            return Ended(cause=cause, survived=True)
        await asyncio.wait({self.reading}, timeout=DRAIN_S)
        if self.reading.done():
            self.reading.result()
        if "gone" not in self.said:
            await kill_strays()  # somebody killed the leader; what it watched is ours now
        if "unstartable" in self.said:
            return Ended(cause=Cause.UNSTARTABLE, errno=int(self.said["unstartable"]))
        if "unentered" in self.said:
            return unentered(self.tail)
        if "crowded" in self.said and cause is Cause.EXITED:
            return Ended(cause=Cause.CROWDED)
        code = self.said.get("exited")
        return Ended(cause=cause, code=None if code is None else int(code), left=self.said.get("left", ""))

    async def kill(self) -> None:
        """Make sure of the end, also when this task was cancelled."""
        self.control.close()  # end of file: the leader kills everything and ends
        if not self.listening.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({self.listening}, timeout=KILL_WAIT_S)
        for task in (self.listening, self.reading):
            task.cancel()
        transport = self.process._transport  # type: ignore[attr-defined]  # the pipe may be held open
        if self.listening.done() and self.process.returncode is None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self.process.wait(), DRAIN_S)
        transport.close()
        own.discard(self.process.pid)


def unentered(said: bytes) -> Ended:
    """Read from bubblewrap's last line why nothing was run; what it would have run has said nothing yet."""
    found = NOT_RUN.search(said)
    numbers = {os.strerror(each).encode(): each for each in (errno.ENOENT, errno.EACCES, errno.ENOEXEC)}
    if found is not None and found[1] in numbers:
        return Ended(cause=Cause.UNSTARTABLE, errno=numbers[found[1]])
    last = (said.strip().splitlines() or [b"bwrap ended without a word"])[-1]
    return Ended(cause=Cause.UNSTARTABLE, sandbox=last.decode(errors="replace"))


own: set[int] = set()  # children of this process that are no strays
_starting: set[object] = set()  # children that exist perhaps, and are not in `own` yet


async def start_own(
    argv: tuple[str, ...], *, cwd: Path | None, env: Mapping[str, str], stdin: int = DEVNULL
) -> Process:
    """Start a helper of ours, a leader or git, in a session of its own, with merged output in a pipe.

    Raises:
        OSError: it cannot be started.
    """
    mark = object()
    _starting.add(mark)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            limit=4 * READ_SIZE,
        )
        own.add(process.pid)
    finally:
        _starting.discard(mark)
    return process


async def kill_strays() -> None:
    """Kill children that this process has adopted, because their leader was killed."""
    while _starting:  # noqa: ASYNC110  # moments, once in a lab's life
        await asyncio.sleep(0.01)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in own and _parent(int(entry)) == os.getpid():
            with contextlib.suppress(OSError):
                os.kill(int(entry), signal.SIGKILL)
                os.waitpid(int(entry), 0)  # noqa: ASYNC222  # it was killed just now


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split()[1])
