"""Take escape sequences out of a stream of log bytes."""

import re
from collections.abc import AsyncIterator

# Source: ECMA-48: CSI, OSC and other strings up to their end, and escapes of two bytes.
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
LONGEST = 4096  # bytes of a sequence that is cut by the end of a piece; a longer one is none


async def without_escapes(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Strip colours and other escape sequences, also those that lie across two pieces."""
    held = b""
    async for piece in pieces:
        text = held + piece
        cut = text.rfind(b"\x1b")
        # An escape at the end may go on in the next piece; one that is whole matches up to its end.
        while cut > 0 and len(text) - cut <= LONGEST and text[cut : cut + 2] == b"\x1b\\":
            cut = text.rfind(b"\x1b", 0, cut)  # this ends a string that started before it
        is_open = cut >= 0 and len(text) - cut <= LONGEST and ESCAPES.match(text, cut) is None
        held = text[cut:] if is_open else b""
        yield ESCAPES.sub(b"", text[:cut] if is_open else text)
    if held:
        yield ESCAPES.sub(b"", held)
