"""Find on which line of a TOML text each value stands: what tomllib reads has no lines, and an error needs one.

The text is known to be valid: tomllib has read it before.
"""

import re
from bisect import bisect_right

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")


def lines_of(text: str) -> dict[Path, int]:
    """Map the path of each table, key and list item to its line, counted from 1."""
    return _Scanner(text).scan()


class _Scanner:
    """Walks a valid text once."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.breaks = [place for place, sign in enumerate(text) if sign == "\n"]
        self.found: dict[Path, int] = {}
        self.lengths: dict[Path, int] = {}  # of arrays of tables
        self.table: Path = ()

    def scan(self) -> dict[Path, int]:
        self._blank()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                self._header()
            else:
                self._pair(self.table)
            self._blank()
        return self.found

    def _header(self) -> None:
        is_array = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if is_array else 1
        keys = self._key()
        path: Path = ()
        for number, key in enumerate(keys):
            path += (key,)
            if number == len(keys) - 1 and is_array:
                self.lengths[path] = self.lengths.get(path, 0) + 1
                self._note(path, start)
            if path in self.lengths:
                path += (self.lengths[path] - 1,)
        self._note(path, start)
        self.table = path
        self._blank()
        self.at += 2 if is_array else 1

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table
        for key in self._key():
            path += (key,)
            self._note(path, start)
        self.at += 1  # =
        self._blank()
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._blank()
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE.match(self.text, self.at)
            if found is None:
                return parts
            parts.append(_unquoted(found[0]) if quoted else found[0])
            self.at = found.end()
            self._blank()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _value(self, path: Path) -> None:
        sign = self.text[self.at : self.at + 1]
        if sign == "[":
            self._list(path)
        elif sign == "{":
            self._inline(path)
        else:
            found = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            self.at = found.end() if found else self.at + 1

    def _list(self, path: Path) -> None:
        self.at += 1
        number = 0
        self._blank()
        while not self.text.startswith("]", self.at):
            self._note((*path, number), self.at)
            self._value((*path, number))
            number += 1
            self._comma()
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        self._blank()
        while not self.text.startswith("}", self.at):
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        self._blank()
        if self.text.startswith(",", self.at):
            self.at += 1
            self._blank()

    def _blank(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _note(self, path: Path, start: int) -> None:
        self.found.setdefault(path, bisect_right(self.breaks, start - 1) + 1)


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == "'" else _ESCAPE.sub(_escaped, text[1:-1])


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "uU":
        return chr(int(code[1:], 16))
    return {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}.get(code, code)
