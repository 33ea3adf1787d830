"""What a shell or GNU time says of a command: bash, POSIX (`-p`), zsh, and /usr/bin/time with and without `-v`.

Several commands one after the other are samples, unless their names are told. bash and POSIX tell no
name: the configuration's `benchmark` does, else the row is called `time`.
"""

import re

from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.parsed import Parsed

FORMAT = "time"

_WORD = re.compile(r"(real|user|sys)[ \t]+(?:(\d+)m)?(\d+(?:[.,]\d+)?)s?")
_ZSH = re.compile(r"(.*\S)  (\d+\.\d+)s user (\d+\.\d+)s system \d+% cpu (?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?) total")
_GNU = re.compile(
    r"(\d+\.\d+)user (\d+\.\d+)system (?:(\d+):)?(\d+):(\d+(?:\.\d+)?)elapsed \S+CPU .*?\b(\d+)maxresident\)k"
)
_VERBOSE = re.compile(r"[ \t]+([A-Z][\w ()/:-]*?): (.*)")
_KNOWN_BY = re.compile(
    r"^real[ \t]+[\dm.,s]+\nuser[ \t]+[\dm.,s]+\nsys[ \t]+[\dm.,s]+$"
    r"|^[ \t]+Command being timed: "
    r"|s user \d+\.\d+s system \d+% cpu "
    r"|user \d+\.\d+system \d",
    re.MULTILINE,
)
_ELAPSED = "Elapsed (wall clock) time (h:mm:ss or m:ss)"
_FIELDS = {"User time (seconds)": "user", "System time (seconds)": "sys"}


def recognise(file: File) -> bool:
    """Know it by the three words one below the other, or by a line of zsh or GNU time."""
    return _KNOWN_BY.search(file.head) is not None


def parse(file: File) -> Parsed:
    """Take real, user and sys in seconds with the decimals as resolution, and the largest memory in bytes."""
    reader = _Reader(file)
    for line in file.lines():
        if not any(take(line) for take in (reader.word, reader.zsh, reader.gnu, reader.verbose)):
            reader.found.ignore()
    return reader.found.parsed()


class _Reader:
    def __init__(self, file: File) -> None:
        self.found = Collected(file, counts="lines")
        self.default = file.wanted.benchmark or "time"
        self.command = ""  # that a block of `-v` is about

    def word(self, line: str) -> bool:
        row = _WORD.fullmatch(line)
        return row is not None and self._seconds(self.default, row[1], row[3].replace(",", "."), minutes=row[2])

    def zsh(self, line: str) -> bool:
        row = _ZSH.fullmatch(line)
        if row is None:
            return False
        name, user, system, hours, minutes, rest = row.groups()
        self._seconds(name, "user", user)
        self._seconds(name, "sys", system)
        return self._seconds(name, "real", rest, hours=hours, minutes=minutes)

    def gnu(self, line: str) -> bool:
        row = _GNU.match(line)
        if row is None:
            return line.endswith("swaps") and "inputs+" in line  # its second line
        self._seconds(self.default, "user", row[1])
        self._seconds(self.default, "sys", row[2])
        self._memory(self.default, row[6])
        return self._seconds(self.default, "real", row[5], hours=row[3], minutes=row[4])

    def verbose(self, line: str) -> bool:
        row = _VERBOSE.match(line)
        if row is None:
            return False
        field, value = row[1], row[2]
        if field == _ELAPSED:
            *hours, minutes, rest = f"0:{value}".split(":")[-3:]
            return self._seconds(self.command, "real", rest, hours=hours[0] if hours else None, minutes=minutes)
        if field == "Command being timed":
            self.command = value.strip('"') or self.default
        elif field in _FIELDS:
            self._seconds(self.command, _FIELDS[field], value)
        elif field == "Maximum resident set size (kbytes)":
            self._memory(self.command, value)
        elif field == "Exit status" and value != "0":
            self.found.unmeasured(self.command, "failed", f"exit status {value}")
        return True

    def _seconds(
        self, name: str, metric: str, text: str, *, hours: str | None = None, minutes: str | None = None
    ) -> bool:
        rest, whole_minutes, whole_hours = decimal(text), decimal(minutes or "0"), decimal(hours or "0")
        if rest is None or whole_minutes is None or whole_hours is None:
            return False
        decimals = len(text.partition(".")[2])
        value = round(whole_hours * 3600 + whole_minutes * 60 + rest, decimals)
        return self.found.add(name or self.default, metric, "s", [value], resolution=10.0**-decimals)

    def _memory(self, name: str, kibibytes: str) -> None:
        size = decimal(kibibytes)
        self.found.add(name or self.default, "memory", "B", [None if size is None else size * 1024], resolution=1024)
