"""A log file of bounded size, with a bounded number of older ones beside it."""

import os
import re
from pathlib import Path
from typing import IO

BYTES, FILES = 10 << 20, 5  # of one file; older ones that are kept
_AMOUNT = re.compile(r"(\d{1,12})\s*([KMG]?)", re.IGNORECASE)


class RotatingLog:
    """A file that is written to its end; then it becomes `.1`, `.1` becomes `.2`, and the oldest goes."""

    def __init__(self, path: Path, *, limit: int = BYTES, files: int = FILES) -> None:
        self._path, self._limit, self._files = path, limit, files
        self._file = self._open()

    def write(self, text: bytes) -> None:
        """Append, and begin a new file when this one is full. A full disk loses the text, not the service."""
        try:
            if self._file.tell() + len(text) > self._limit:
                self._turn()
            self._file.write(text)
            self._file.flush()
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _turn(self) -> None:
        self._file.close()
        for number in range(self._files, 0, -1):
            older = self._older(number)
            if number == self._files:
                older.unlink(missing_ok=True)
            elif older.exists():
                older.replace(self._older(number + 1))
        if self._files:
            self._path.replace(self._older(1))
        else:
            self._path.unlink(missing_ok=True)
        self._file = self._open()

    def _older(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _open(self) -> IO[bytes]:
        made = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640), "wb")
        made.seek(0, os.SEEK_END)
        return made


def amount(given: str | None, otherwise: int) -> int:
    """Read an amount such as 10M; what is no amount is the other one."""
    found = _AMOUNT.fullmatch((given or "").strip())
    return int(found[1]) << 10 * " KMG".index(found[2].upper() or " ") if found else otherwise


def tail(path: Path, lines: int = 12, at_most: int = 8192) -> str:
    """Read the last lines of a file; nothing if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - at_most))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
