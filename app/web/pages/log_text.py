"""Make a job's log safe and pleasant to read: colours kept, everything else that a terminal would obey taken out. Pure.

`templates/static/log.js` does the same for what arrives live.
"""

import re
from dataclasses import dataclass

EXCERPT = 64 << 10  # bytes of the end of a log that a page holds; the rest is in the raw log
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


def decode(data: bytes) -> str:
    """Read bytes as UTF-8, what is none as �, and line ends of any kind as a newline."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


def pieces(data: bytes) -> list[Piece]:
    """Split a log into pieces of one look each."""
    text, found, look, at = decode(data), [], Look(), 0
    for escape in _ESCAPE.finditer(text):
        found.append(Piece(_visible(text[at : escape.start()]), look.classes))
        if escape["final"] == "m":
            look = look.after(escape["values"])
        at = escape.end()
    found.append(Piece(_visible(text[at:]), look.classes))
    return [each for each in found if each.text]


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
