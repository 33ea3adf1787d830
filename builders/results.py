"""The result file of one run: removed before, read after, never through a link a script has laid."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builders.protocol import MAX_RESULT, ResultFile, Side, WantedFormat

SKIP = b"Skip"  # a run that says it measured nothing
MAX_BINARY = 1 << 30  # bytes that are hashed to see whether two builds are the same


class ResultError(Exception):
    """There is something at the place of the result that is no result."""


class ResultPlace:
    """Where a run leaves its result file.

    Args:
        inside: a folder that scripts may change; below it no link is followed. None: the lab chose the path.
    """

    def __init__(self, path: Path, inside: Path | None) -> None:
        self.path, self.inside = path, inside

    def remove(self) -> None:
        """Remove what an earlier run left.

        Raises:
            ResultError: it cannot be removed, a folder for example.
        """
        try:
            with self._folder() as (folder, name):
                os.unlink(name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as problem:
            raise ResultError(f"{self.path} cannot be removed before the run: {problem.strerror}") from problem

    def read(self) -> bytes | None:
        """Read the result; None if there is none.

        Raises:
            ResultError: it is too large, a link, or no regular file.
        """
        opened = self.open()
        if opened is None:
            return None
        with opened:
            facts = os.fstat(opened.fileno())
            data = opened.read(MAX_RESULT + 1) if facts.st_size <= MAX_RESULT else b""
            if facts.st_size > MAX_RESULT or len(data) > MAX_RESULT:
                raise ResultError(
                    f"the result {self.path} has {max(facts.st_size, len(data))} bytes: at most {MAX_RESULT} are taken"
                )
            return data

    def open(self) -> io.BufferedReader | None:
        """Open the file without following a link; None if there is none.

        Raises:
            ResultError: it is a link, or no regular file.
        """
        try:
            with self._folder() as (folder, name):
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise ResultError(f"the result {self.path} is not read: {problem.strerror} (is it a link?)") from problem
        opened = os.fdopen(file, "rb")
        if not stat.S_ISREG(os.fstat(file).st_mode):
            opened.close()
            raise ResultError(f"the result {self.path} is not read: it is no regular file")
        return opened

    @contextlib.contextmanager
    def _folder(self) -> Iterator[tuple[int, str]]:
        """Open the file's folder step by step, so that no step can be a link."""
        base = self.inside or self.path.parent
        parts = self.path.relative_to(base).parts
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = deeper
            yield folder, parts[-1]
        finally:
            os.close(folder)


@dataclass(kw_only=True)
class Taken:
    """A result file that was taken, kept in the attempt's folder until it is delivered."""

    number: int
    path: Path
    size: int
    sha256: str
    side: Side = Side.HEAD
    pair: int | None = None  # of a comparison
    binary: str = ""  # SHA-256 of what was run, if it is known
    wanted: WantedFormat | None = None  # how the configuration says that it is to be read
    is_sent: bool = False

    @property
    def named(self) -> ResultFile:
        """Name it as the service knows it."""
        names = ("number", "size", "sha256", "side", "pair", "wanted")
        return ResultFile(**{name: getattr(self, name) for name in names})

    @property
    def is_skip(self) -> bool:
        """Tell whether the run said that it measured nothing."""
        return self.size < 100 and self.path.read_bytes().strip() == SKIP


def keep(data: bytes, folder: Path, number: int, *, side: Side = Side.HEAD, pair: int | None = None) -> Taken:
    """Keep a result in the attempt's folder."""
    path = folder / f"result-{number}"
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return Taken(number=number, path=path, size=len(data), sha256=sha256, side=side, pair=pair)


def binary_sha256(tree: Path, name: str) -> str:
    """Hash a file that a build made; "" if there is none, it is a link or too large."""
    try:
        opened = ResultPlace(tree / name, tree).open()
    except (ResultError, OSError):
        return ""
    if opened is None:
        return ""
    with opened:
        if os.fstat(opened.fileno()).st_size > MAX_BINARY:
            return ""
        return hashlib.file_digest(opened, "sha256").hexdigest()
