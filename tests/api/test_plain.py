"""Escape sequences vanish wherever the log is cut into pieces."""

from collections.abc import AsyncIterator

from app.web.api.plain import without_escapes

TEXT = (
    b"a\x1b[1;31mred\x1b[0m \x1b]0;title\x07b \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1bM \x00\x7f\ttab\r\nend\x1b"
)
PLAIN = b"ared b link  \ttab\r\nend"


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_it_does_not_matter_where_a_log_is_cut() -> None:
    for first in range(len(TEXT)):
        for second in range(first, len(TEXT), 3):
            cut = _pieces(TEXT[:first], TEXT[first:second], TEXT[second:])

            assert b"".join([part async for part in without_escapes(cut)]) == PLAIN, (first, second)


async def test_a_sequence_without_an_end_does_not_swallow_the_log() -> None:
    log = b"start\x1b]0;" + b"x" * 100_000

    got = b"".join([part async for part in without_escapes(_pieces(log, b"\nend\n"))])

    assert got.endswith(b"x\nend\n")
    assert got.startswith(b"start")
