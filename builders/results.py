"""The result file of one run: removed before, read after, never through a link a script has laid."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from builders.protocol import MAX_RESULT

SKIP = b"Skip"  # a run that says it measured nothing


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
        try:
            with self._folder() as (folder, name):
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise ResultError(f"the result {self.path} is not read: {problem.strerror} (is it a link?)") from problem
        with os.fdopen(file, "rb") as opened:
            facts = os.fstat(opened.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ResultError(f"the result {self.path} is not read: it is no regular file")
            data = opened.read(MAX_RESULT + 1) if facts.st_size <= MAX_RESULT else b""
            if facts.st_size > MAX_RESULT or len(data) > MAX_RESULT:
                raise ResultError(
                    f"the result {self.path} has {max(facts.st_size, len(data))} bytes: at most {MAX_RESULT} are taken"
                )
            return data

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
