"""One result file and the bounded ways to look into it, for all adapters. Pure.

Whatever a file holds, a look costs at most about a second and 50 MB: JSON is weighed before it is
parsed, XML is read as a stream without any entity, text line by line.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from app.results.parsed import NotUnderstood
from builders.protocol import WantedFormat

HEAD = 256 << 10  # bytes in which a text must show what it is
LARGEST_DOCUMENT = 5 << 20  # bytes of JSON or XML
LARGEST_WEIGHT = 36 << 20  # bytes that parsed JSON may take
LARGEST_TEXT = 8 << 20  # bytes of lines
MOST_LINES = 200_000
LONGEST_LINE = 4_000  # characters; no tool writes a result into a longer one
MOST_FALSE_STARTS = 50  # lines that look like JSON and are none

# What CPython 3.11 takes for each, measured with files that hold nothing else.
_WEIGHTS = {b",": 76, b"[": 60, b"{": 64, b":": 120}
_JSON_LINE = re.compile(rb'\n[ \t]*\{(?:"|[ \t\r]*\n)')  # where an object begins between lines of text
_SPACE = re.compile(r"\s*")


class File:
    """One result file; what several adapters ask for is found once."""

    def __init__(self, data: bytes, wanted: WantedFormat | None = None) -> None:
        self.data = data.removeprefix(b"\xef\xbb\xbf")
        self.wanted = wanted or WantedFormat()
        self.problem: NotUnderstood | None = None  # why a file that begins as JSON is none, once that was looked at
        self.lines_passed_over = 0  # that are no part of a JSON value

    @cached_property
    def head(self) -> str:
        """Give the beginning, for adapters that know a text by a line of it; of XML it is empty."""
        if self.root:
            return ""
        return without_escapes(self.data[:HEAD].decode(errors="replace")).replace("\r\n", "\n")

    @cached_property
    def root(self) -> str:
        """Name the root element of an XML file; empty if it is none."""
        if not self.data[:1000].lstrip().startswith(b"<"):
            return ""
        found = re.search(rb"<([A-Za-z_][\w.-]{0,99})[\s/>]", self.data[:10_000])
        return found[1].decode() if found else ""

    @property
    def document(self) -> Any:
        """Give the JSON value that the file is; None if it is none, or holds several."""
        return self.documents[0] if len(self.documents) == 1 else None

    @cached_property
    def documents(self) -> list[Any]:
        """List the JSON objects and lists of the file, one after the other; lines between them are passed over."""
        is_whole = self.data[:1000].lstrip()[:1] in (b"{", b"[")
        if not is_whole and not _JSON_LINE.search(self.data):
            return []
        try:
            weigh(self.data)
            reader = _Reader(self.data, is_whole=is_whole)
            reader.read()
        except NotUnderstood as problem:
            self.problem = problem if is_whole else None
            return []
        self.lines_passed_over = reader.passed_over
        return reader.found

    def lines(self) -> Iterator[str]:
        """Give the lines that are not blank, without escape sequences and trailing space; long ones are cut.

        Raises:
            NotUnderstood: there are too many.
        """
        if len(self.data) > LARGEST_TEXT:
            raise NotUnderstood(f"the text has {len(self.data)} bytes; at most {LARGEST_TEXT} are read")
        count = self.data.count(b"\n")
        if count > MOST_LINES:
            raise NotUnderstood(f"{count} lines; at most {MOST_LINES} are read")
        return self._lines()

    def _lines(self) -> Iterator[str]:
        start = 0
        while start < len(self.data):
            end = self.data.find(b"\n", start)
            end = len(self.data) if end < 0 else end
            line = self.data[start : min(end, start + 4 * LONGEST_LINE)].decode(errors="replace")[:LONGEST_LINE]
            if line and not line.isspace():
                yield without_escapes(line).rstrip()
            start = end + 1


def weigh(data: bytes) -> None:
    """Refuse JSON that would take too much memory.

    Raises:
        NotUnderstood: it is too large, or holds too many values.
    """
    if len(data) > LARGEST_DOCUMENT:
        raise NotUnderstood(f"the file has {len(data)} bytes; at most {LARGEST_DOCUMENT} are read")
    if weight(data) > LARGEST_WEIGHT:
        raise NotUnderstood("the file holds too many values; split it, or leave out what is not measured")


def weight(data: bytes) -> int:
    """Estimate the bytes of memory that parsing a JSON text takes, from above."""
    # One letter beyond the first plane makes Python keep four bytes for each, in the text and in what is cut out of it.
    width = 7 if re.search(rb"[\xf0-\xff]", data) else 1
    return len(data) * width + sum(data.count(mark) * each for mark, each in _WEIGHTS.items())


def without_escapes(line: str) -> str:
    """Take colours out of a line."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) if "\x1b" in line else line


class _Reader:
    """Reads JSON values that stand one after the other, with or without lines of other text between them."""

    def __init__(self, data: bytes, *, is_whole: bool) -> None:
        self.text = data.decode(errors="replace")
        self.starts = "{[" if is_whole else "{"
        self.must_start = is_whole
        # NaN and infinities are no numbers here: a value that is None cannot be measured.
        self.decoder = json.JSONDecoder(parse_constant=lambda _: None)
        self.found: list[Any] = []
        self.passed_over = self.false_starts = 0

    def read(self) -> None:
        """Find all values.

        Raises:
            NotUnderstood: the first one is broken though the file begins with it, or too many are.
        """
        at = 0
        while (at := self._after_space(at)) < len(self.text):
            at = self._value(at) or self._next_line(at)

    def _after_space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _next_line(self, at: int) -> int:
        self.passed_over += 1
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1

    def _value(self, at: int) -> int | None:
        """Read a value; give where it ends, None if there is none."""
        if self.text[at] not in self.starts:
            return None
        try:
            value, after = self.decoder.raw_decode(self.text, at)
        except (ValueError, RecursionError) as problem:
            self._false_start(problem)
            return None
        self.found.append(value)
        self.must_start = False
        return after

    def _false_start(self, problem: Exception) -> None:
        self.false_starts += 1
        if not self.must_start and self.false_starts <= MOST_FALSE_STARTS:
            return
        if isinstance(problem, json.JSONDecodeError):
            raise NotUnderstood(f"line {problem.lineno}: not JSON: {problem.msg}") from None
        deep = isinstance(problem, RecursionError)
        raise NotUnderstood("nested too deeply" if deep else "a number has too many digits") from None


def objects(value: Any) -> list[dict[str, Any]]:
    """Give the objects of a JSON list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def members(value: Any) -> dict[str, Any]:
    """Give a JSON object; an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Give a JSON list; an empty one if it is none."""
    return value if isinstance(value, list) else []
