"""Take escape sequences out of a stream of log bytes."""

import re
from collections.abc import AsyncIterator

# Source: ECMA-48: CSI, OSC and other strings up to their end, and escapes of two bytes.
SEQUENCE = rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
CONTROL = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # also an escape that starts nothing; tab and line ends stay
LONGEST = 4096  # bytes of a sequence that is cut by the end of a piece; a longer one is none

_sequence = re.compile(SEQUENCE)
_all = re.compile(SEQUENCE + b"|" + CONTROL)


async def without_escapes(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Strip colours and other escape sequences, also those that lie across two pieces."""
    held = b""
    async for piece in pieces:
        text = held + piece
        cut = _open_at(text)
        held = text[cut:]
        yield _all.sub(b"", text[:cut])
    if held:
        yield _all.sub(b"", held)


def _open_at(text: bytes) -> int:
    """Find where a sequence starts that the end of the piece cuts off; the length of the text if none does."""
    start = text.rfind(b"\x1b", -LONGEST)
    while start > 0 and text[start : start + 2] in (b"\x1b\\", b"\x1b"):
        before = text.rfind(b"\x1b", max(0, start - LONGEST), start)  # this may end a string that started there
        if before < 0 or _sequence.match(text, before):
            break
        start = before
    return start if start >= 0 and not _sequence.match(text, start) else len(text)
