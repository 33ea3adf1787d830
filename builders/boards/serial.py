"""The console of a board: read line by line, with an exclusive lock, until it says how the run went."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import termios
import time
import tty
from collections.abc import Callable
from enum import StrEnum
from io import FileIO
from pathlib import Path

from builders.config import Serial

READ_SIZE = 4096  # bytes at once: a flood must not starve the heartbeats
MAX_LINE = 4096  # bytes; a longer one is cut into several
MAX_RAW = 16 << 20  # bytes kept as they came


class BoardTrouble(Exception):
    """The board, its cable or its switch does not do what it should; the text says what."""

    area = "infra:board"  # what the reason of an attempt that ends with it starts with


class Sign(StrEnum):
    """What a console brought to an end."""

    END = "end"  # a line with the end marker
    FAIL = "fail"  # a line with the failure marker
    GONE = "gone"  # the device hung up: somebody pulled the cable
    SILENT = "silent"  # nothing for longer than allowed


class Console:
    """An opened console. `ended` is set with the first sign.

    Args:
        line: gets each line without its end, and the seconds since the console was opened.
        raw: gets a copy of every byte, up to `MAX_RAW`.

    Raises:
        BoardTrouble: the device is missing, in use, or no serial line.
    """

    def __init__(self, serial: Serial, line: Callable[[bytes, float], None], raw: Path) -> None:
        self.serial, self.line = serial, line
        self.raw = _fresh(raw)
        try:
            self.fd = open_line(serial.device, serial.baud)
        except BoardTrouble:
            self.raw.close()
            raise
        self.opened_at = self.heard_at = time.monotonic()
        self.rest = b""
        self.sign: Sign | None = None
        self.said = ""  # the line with the marker
        self.problem: OSError | None = None  # what was heard could not be kept
        self.ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.fd, self._read)
        self.watch = asyncio.create_task(self._listen_for_silence())

    def close(self) -> None:
        """Let go of the device; what has no end of line is a line too."""
        asyncio.get_running_loop().remove_reader(self.fd)
        self.watch.cancel()
        if self.rest:
            self._take(self.rest)
        self.raw.close()
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.fd, termios.TIOCNXCL)
        os.close(self.fd)

    def _read(self) -> None:
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.fd)
            self._end(Sign.GONE)
            return
        self.heard_at = time.monotonic()
        try:
            self._keep(data)
        except OSError as problem:
            self.problem = problem
            self.ended.set()

    def _keep(self, data: bytes) -> None:
        self.raw.write(data[: max(0, MAX_RAW - self.raw.tell())])
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        while len(self.rest) > MAX_LINE:
            self._take(self.rest[:MAX_LINE])
            self.rest = self.rest[MAX_LINE:]

    def _take(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        self.line(line, time.monotonic() - self.opened_at)
        text = line.decode(errors="replace")
        for pattern, sign in ((self.serial.fail, Sign.FAIL), (self.serial.end, Sign.END)):
            if pattern is not None and self.sign is None and pattern.search(text):
                self.said = text
                self._end(sign)

    def _end(self, sign: Sign) -> None:
        if self.sign is None:
            self.sign = sign
            self.ended.set()

    async def _listen_for_silence(self) -> None:
        if self.serial.silence is None:
            return
        left = self.serial.silence
        while left > 0:
            await asyncio.sleep(left)
            left = self.heard_at + self.serial.silence - time.monotonic()
        self._end(Sign.SILENT)


def _fresh(path: Path) -> FileIO:
    """Make a file where scripts may write too: never through a link that one of them has laid."""
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    return FileIO(fd, "wb")


def open_line(device: Path, baud: int) -> int:
    """Open a serial line raw, 8N1, without flow control, for us alone; what came before is dropped.

    Raises:
        BoardTrouble: see `Console`.
    """
    try:
        fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise BoardTrouble(f"{device} cannot be opened: {problem.strerror}") from problem
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.ioctl(fd, termios.TIOCEXCL)
        _make_raw(fd, baud)
    except BlockingIOError as problem:
        os.close(fd)
        raise BoardTrouble(f"{device} is in use by another program") from problem
    except (OSError, termios.error) as problem:
        os.close(fd)
        raise BoardTrouble(f"{device} is no serial line: {problem}") from problem
    return fd


def _make_raw(fd: int, baud: int) -> None:
    tty.setraw(fd, termios.TCSANOW)
    settings = termios.tcgetattr(fd)
    unwanted = termios.CSTOPB | termios.PARENB | termios.CRTSCTS | termios.HUPCL
    settings[2] = (settings[2] & ~unwanted) | termios.CREAD | termios.CLOCAL
    settings[4] = settings[5] = getattr(termios, f"B{baud}")
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    termios.tcflush(fd, termios.TCIFLUSH)
