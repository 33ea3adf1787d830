"""Read XML as a stream of elements, hardened: no document type, no entity, no nesting without end. Pure."""

from collections.abc import Callable, Mapping
from xml.parsers import expat

from app.results.file import LARGEST_DOCUMENT
from app.results.parsed import NotUnderstood

DEEPEST = 100
LONGEST_TAG = 256 << 10  # bytes of one tag or comment
MOST_ELEMENTS = 100_000
_PIECE = 64 << 10

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]


def walk(data: bytes, start: Start, end: End) -> None:
    """Call `start` with the name and attributes of each element, and `end` with its name.

    Raises:
        NotUnderstood: it is no well-formed XML, declares a document type or an entity, or is beyond a limit.
    """
    if len(data) > LARGEST_DOCUMENT:
        raise NotUnderstood(f"the file has {len(data)} bytes; at most {LARGEST_DOCUMENT} are read")
    walker = _Walker(start, end)
    try:
        for at in range(0, len(data), _PIECE):
            walker.feed(data[at : at + _PIECE], at)
        walker.parser.Parse(b"", True)
    except expat.ExpatError as problem:
        raise NotUnderstood(f"line {problem.lineno}: not XML: {expat.ErrorString(problem.code)}") from None
    except (LookupError, ValueError) as problem:  # an encoding that nobody knows
        if isinstance(problem, NotUnderstood):
            raise
        raise NotUnderstood("an encoding that is not known") from None


class _Walker:
    def __init__(self, start: Start, end: End) -> None:
        self.start, self.end = start, end
        self.depth = self.elements = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        # Seen so that the parser says how far it has come.
        self.parser.CharacterDataHandler = lambda _: None

    def feed(self, piece: bytes, at: int) -> None:
        self.parser.Parse(piece, False)
        if at + len(piece) - self.parser.CurrentByteIndex > LONGEST_TAG:
            raise NotUnderstood(f"a tag of more than {LONGEST_TAG} bytes")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > DEEPEST:
            raise NotUnderstood(f"nested more than {DEEPEST} elements deep")
        if self.elements > MOST_ELEMENTS:
            raise NotUnderstood(f"more than {MOST_ELEMENTS} elements")
        self.start(name, attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.end(name)

    def _refuse(self, *_: object) -> int:
        raise NotUnderstood("declares a document type or an entity, which no tool's result does")
