"""Make a job's log safe and pleasant to read: colours kept, everything else that a terminal would obey taken out. Pure.

A line is what ends in a newline. What a program drew over with carriage returns stays in one line, on top of each
other. An escape sequence ends with its line at the latest, so that none can hide what follows.
`templates/static/log.js` does the same for what arrives live.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.web.log_errors import is_error

EXCERPT = 64 << 10  # bytes of a log that a page holds; the rest is a link away
MOST_LINES = 2000  # of a page
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ESCAPE = re.compile(
    r"\x1b(?:\[(?P<values>[0-9;:]*)(?P<final>[@-~])"  # CSI with plain values
    r"|\[[0-?]*[ -/]*[@-~]?"  # any other CSI, also one cut off
    r"|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?"  # OSC, DCS, SOS, PM, APC
    r"|[ -/]*[0-~]?)"  # two characters and more
)
# Controls but tab and newline; what turns the reading direction round or hides; line separators.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


@dataclass(frozen=True)
class Piece:
    """Text of one look."""

    text: str
    look: str  # CSS classes, may be empty


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, numbered from 1."""

    number: int
    pieces: list[Piece]
    is_error: bool
    begins: str  # the phase that begins here, else empty
    at: datetime | None  # when it came

    @property
    def text(self) -> str:
        """Give it without its colours."""
        return "".join(each.text for each in self.pieces)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Lines of one phase; those before the first one that is named have none."""

    phase: str
    lines: list[Line]


Times = Sequence[tuple[int, datetime | None]]  # offsets, ascending: when the bytes from there on came
_BEGINS = re.compile(r"\[rigline\] (build|run): ")
_RUNS = re.compile(r"\[rigline\] run \d{1,6} of \d{1,6}$")


def lines(data: bytes, *, first: int, times: Times = (), start: int = 0) -> list[Line]:
    """Split a log into lines.

    Args:
        first: the number of the first one.
        times: of all bytes from `start` on.
        start: the offset of the data.
    """
    found, look, at, ahead = [], Look(), start, iter([*times, (1 << 62, None)])
    came, until = None, next(ahead)
    for number, raw in enumerate(data.split(b"\n"), first):
        while at >= until[0]:
            came, until = until[1], next(ahead)
        line, look = _line(number, raw, look, came)
        found.append(line)
        at += len(raw) + 1
    return found if data[-1:] not in (b"", b"\n") else found[:-1]


def sections(of: Sequence[Line]) -> list[Section]:
    """Put the lines of each phase together."""
    found = [Section(phase="", lines=[])]
    for line in of:
        if line.begins and line.begins != found[-1].phase:
            found.append(Section(phase=line.begins, lines=[]))
        found[-1].lines.append(line)
    return [each for each in found if each.lines]


def begins(text: str) -> str:
    """Name the phase that begins with a line of the builder's own; empty for any other line."""
    if not text.startswith("[rigline] "):
        return ""
    named = _BEGINS.match(text)
    return named[1] if named else "run" if _RUNS.match(text) else ""


def plain(raw: bytes) -> str:
    """Give one line as it is shown, without its colours."""
    return _line(1, raw, Look(), None)[0].text


def _line(number: int, raw: bytes, look: "Look", at: datetime | None) -> tuple[Line, "Look"]:
    found = []
    for text, of in _runs(decode(raw), look):
        look = of
        if text:
            found.append(Piece(_visible(text), of.classes))
    said = "".join(each.text for each in found)
    line = Line(number=number, pieces=found, is_error=is_error(said), begins=begins(said), at=at)
    return line, look


def _runs(text: str, look: "Look") -> Iterator[tuple[str, "Look"]]:
    """Give the texts between the escape sequences, each with its look."""
    at = 0
    for escape in _ESCAPE.finditer(text):
        yield text[at : escape.start()], look
        if escape["final"] == "m":
            look = look.after(escape["values"])
        at = escape.end()
    yield text[at:], look


def decode(data: bytes) -> str:
    """Read one line as UTF-8, what is none as �; a carriage return inside it begins a row of its own."""
    return data.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n")


def after_first_line(data: bytes) -> bytes:
    """Drop what is left of a line that began earlier; keeps data that is one line only."""
    at = data.find(b"\n")
    return data[at + 1 :] if 0 <= at < len(data) - 1 else data


@dataclass(frozen=True)
class Look:
    """What a terminal would show text as: the part of it that helps reading."""

    colour: str = ""
    bold: bool = False
    dim: bool = False

    @property
    def classes(self) -> str:
        """Name the CSS classes."""
        words = [f"ansi-{self.colour}" if self.colour else "", "bold" if self.bold else "", "dim" if self.dim else ""]
        return " ".join(word for word in words if word)

    def after(self, values: str) -> "Look":
        """Obey one SGR sequence; colours of a palette or in RGB are let be."""
        look, codes = self, [int(each[:3] or 0) for each in re.split("[;:]", values or "0")]
        while codes:
            code = codes.pop(0)
            if code in (38, 48):  # a colour of 256 or RGB: its numbers are no codes
                codes = codes[2:] if codes[:1] == [5] else codes[4:]
                continue
            look = look._obeying(code)
        return look

    def _obeying(self, code: int) -> "Look":
        if code == 0:
            return Look()
        if code in (1, 2, 22):
            return Look(self.colour, code == 1 or (self.bold and code == 2), code == 2)
        if 30 <= code <= 37 or 90 <= code <= 97:
            return Look(_COLOURS[code % 10], self.bold, self.dim)
        return Look("", self.bold, self.dim) if code == 39 else self


def _visible(text: str) -> str:
    """Show as a symbol what has none of its own."""
    return _INVISIBLE.sub(_symbol, text)


def _symbol(control: re.Match[str]) -> str:
    code = ord(control[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
