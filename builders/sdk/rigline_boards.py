"""Help for scripts that drive a board: a local program or emulator, a serial console, a machine behind ssh.

One file, standard library only, beside `rigline_sdk` on the import path of every script that a builder starts:

    import rigline_boards

    with rigline_boards.SerialLine("/dev/serial/by-id/usb-…") as board:
        board.wait_for("ready", timeout=30)
        board.send("bench\\n")
        lines = board.capture("=== END", timeout=120)

Everything that is heard is printed as it comes, so that the job's log has it. Every wait has a limit, in seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shlex
import signal
import subprocess
import termios
import time
import tty
from collections.abc import Mapping, Sequence
from types import TracebackType

READ_SIZE = 65536  # bytes
MAX_LINE = 65536  # characters; a longer one is cut into several
WAIT_S = 60.0  # of a wait whose limit nobody named
GRACE_S = 5.0  # from the request to end to the kill


class BoardError(Exception):
    """The board did not do what the script waited for; the text says what."""


class _Lines:
    """What is read line by line from a file descriptor, and written to one."""

    name = "board"

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd, self.write_fd = read_fd, write_fd
        self.rest = b""  # read, but not given yet
        self.over = False

    def send(self, text: str) -> None:
        """Write a text as it is; add the end of line that the board expects.

        Raises:
            BoardError: nobody takes it.
        """
        data = text.encode()
        while data:
            _, ready, _ = select.select([], [self.write_fd], [], WAIT_S)
            if not ready:
                raise BoardError(f"{self.name} takes no input")
            try:
                data = data[os.write(self.write_fd, data[:READ_SIZE]) :]
            except OSError as problem:
                raise BoardError(f"{self.name} takes no input: {problem.strerror}") from problem

    def line(self, timeout: float = WAIT_S) -> str | None:
        """Read the next line, without its end; None if nothing will ever come again.

        Raises:
            BoardError: no whole line came within the limit.
        """
        until = time.monotonic() + timeout
        while b"\n" not in self.rest and len(self.rest) < MAX_LINE and not self.over:
            self._read(until - time.monotonic(), timeout)
        if not self.rest and self.over:
            return None
        text, newline, rest = self.rest.partition(b"\n")
        if not newline:
            text, rest = self.rest[:MAX_LINE], self.rest[MAX_LINE:]
        self.rest = rest
        told = text.decode(errors="replace").rstrip("\r")
        print(told, flush=True)  # noqa: T201  # into the job's log
        return told

    def _read(self, left: float, timeout: float) -> None:
        ready = left > 0 and select.select([self.read_fd], [], [], left)[0]
        if not ready:
            so_far = f"; after {self.rest[-200:].decode(errors='replace')!r}" if self.rest else ""
            raise BoardError(f"{self.name} said nothing more for {timeout:g} s{so_far}")
        try:
            data = os.read(self.read_fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a serial line that was unplugged, a terminal whose other end is closed
        self.over = not data
        self.rest += data

    def wait_for(self, pattern: str, timeout: float = WAIT_S) -> re.Match[str]:
        """Read until a line matches a regular expression, anywhere in it; give the match.

        Raises:
            BoardError: none did within the limit, or nothing will ever come again.
        """
        return self._until(pattern, timeout)[1]

    def capture(self, until: str, timeout: float = WAIT_S) -> list[str]:
        """Collect lines until one matches a regular expression; that one is not among them.

        Raises:
            BoardError: as `wait_for`.
        """
        return self._until(until, timeout)[0]

    def _until(self, pattern: str, timeout: float) -> tuple[list[str], re.Match[str]]:
        lines: list[str] = []
        until = time.monotonic() + timeout
        while True:
            try:
                line = self.line(until - time.monotonic())
            except BoardError as problem:
                raise BoardError(f"{self.name} did not say {pattern!r} within {timeout:g} s ({problem})") from problem
            if line is None:
                raise BoardError(f"{self.name} ended without saying {pattern!r}")
            if found := re.search(pattern, line):
                return lines, found
            lines.append(line)


class Program(_Lines):
    """A program on this machine: a benchmark, a host build, an emulator. Leaving the `with` block ends all of it.

    Args:
        argv: the program and its arguments; no shell.
        environment: variables besides those of the script.

    Raises:
        BoardError: it cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], *, folder: str | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = os.path.basename(argv[0])
        try:
            self.process = subprocess.Popen(  # noqa: S603  # what the script wants to run
                list(argv),
                cwd=folder,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as problem:
            raise BoardError(f"{argv[0]} cannot be started: {problem.strerror}") from problem
        assert self.process.stdin is not None and self.process.stdout is not None
        super().__init__(self.process.stdout.fileno(), self.process.stdin.fileno())

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self, timeout: float = WAIT_S) -> int:
        """Print the rest of what it says, and give its exit status; negative: the signal that killed it.

        Raises:
            BoardError: it did not end within the limit.
        """
        until = time.monotonic() + timeout
        while self.line(until - time.monotonic()) is not None:
            pass
        try:
            return self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BoardError(f"{self.name} did not end within {timeout:g} s") from None

    def stop(self, grace: float = GRACE_S) -> None:
        """End it and what it started: politely, and after the grace by a kill. May be repeated."""
        if self.read_fd < 0:
            return
        self.read_fd = self.write_fd = -1
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        self._signal(signal.SIGKILL)
        self.process.wait()
        for end in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                end.close()  # type: ignore[union-attr]  # both are pipes

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class SerialLine(_Lines):
    """A serial console: raw, 8N1, no flow control, for this script alone. What came before is dropped.

    Not for a console that the builder reads itself (`[boards.serial]`): that one is taken.

    Raises:
        BoardError: it is missing, in use, or no serial line.
        ValueError: no serial line has this speed.
    """

    def __init__(self, device: str, baud: int = 115200) -> None:
        self.name = device
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise ValueError(f"{baud} is no speed of a serial line")
        try:
            fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise BoardError(f"{device} cannot be opened: {problem.strerror}") from problem
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _set_up(fd, speed)
        except (OSError, termios.error) as problem:
            os.close(fd)
            taken = isinstance(problem, BlockingIOError)
            raise BoardError(f"{device} is {'in use' if taken else f'no serial line: {problem}'}") from problem
        super().__init__(fd, fd)

    def __enter__(self) -> SerialLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device. May be repeated."""
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = self.write_fd = -1


def _set_up(fd: int, speed: int) -> None:
    tty.setraw(fd, termios.TCSANOW)
    settings = termios.tcgetattr(fd)
    unwanted = termios.CSTOPB | termios.PARENB | termios.CRTSCTS | termios.HUPCL
    settings[2] = (settings[2] & ~unwanted) | termios.CREAD | termios.CLOCAL
    settings[4] = settings[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    termios.tcflush(fd, termios.TCIFLUSH)


class SshHost:
    """A board that is a machine of its own, behind ssh with a key; its host key must be known.

    Args:
        address: `user@host`, or a name of the ssh configuration.
        options: more arguments of ssh, such as `["-p", "2222", "-i", "key"]`.
    """

    def __init__(self, address: str, options: Sequence[str] = ()) -> None:
        if address.startswith("-"):
            raise ValueError(f"{address!r} is no address")
        # A machine that went away is noticed after half a minute; nobody is asked for a password.
        safe = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=10")
        self.address = address
        self.argv = ("ssh", *safe, "-o", "ServerAliveCountMax=3", *options)

    def start(self, command: str) -> Program:
        """Start a shell command there; its end here is its end there, because it has a terminal that hangs up."""
        return Program([*self.argv, "-tt", self.address, "--", command])

    def run(self, command: str, timeout: float = WAIT_S) -> None:
        """Run a shell command there to its end, printing what it says.

        Raises:
            BoardError: it did not end with 0, or not within the limit; 255 is ssh's own: no connection.
        """
        with self.start(command) as program:
            status = program.wait(timeout)
        if status != 0:
            raise BoardError(f"{self.address}: {command!r} ended with {status}")

    def copy(self, path: str, there: str, timeout: float = WAIT_S, *, executable: bool = False) -> None:
        """Copy a file to the board, in one step: it is there whole, or not at all.

        Raises:
            BoardError: it did not arrive within the limit.
        """
        part = shlex.quote(f"{there}.part")
        mode = f"chmod +x {part} && " if executable else ""
        with open(path, "rb") as file:
            self._pipe(f"cat > {part} && {mode}mv {part} {shlex.quote(there)}", timeout, stdin=file)

    def fetch(self, there: str, path: str, timeout: float = WAIT_S) -> None:
        """Copy a file from the board, in one step.

        Raises:
            BoardError: it did not arrive within the limit.
        """
        with open(f"{path}.part", "wb") as file:
            self._pipe(f"cat {shlex.quote(there)}", timeout, stdout=file)
        os.replace(f"{path}.part", path)

    def _pipe(self, command: str, timeout: float, **ends: object) -> None:
        argv = [*self.argv, self.address, "--", command]
        given: dict[str, object] = {"stdin": subprocess.DEVNULL, **ends}
        try:
            done = subprocess.run(argv, timeout=timeout, check=False, **given)  # type: ignore[call-overload]  # noqa: S603
        except subprocess.TimeoutExpired:
            raise BoardError(f"{self.address}: {command!r} took longer than {timeout:g} s") from None
        except OSError as problem:
            raise BoardError(f"ssh cannot be started: {problem.strerror}") from problem
        if done.returncode != 0:
            raise BoardError(f"{self.address}: {command!r} ended with {done.returncode}")
