"""Which format a result file has, decided by its content, never by its name. Pure.

Another format is one more module with `FORMAT`, `recognise(data) -> bool` and
`parse(data) -> Parsed`, and one more row in ADAPTERS. The first that recognises a file reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.results import native
from app.results.parsed import NotUnderstood, Parsed

NOTE_LIMIT = 500  # characters, of the column


@dataclass(frozen=True)
class Adapter:
    """How to tell one format, and how to read it."""

    format: str
    recognise: Callable[[bytes], bool]
    parse: Callable[[bytes], Parsed]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a file turned out to be, and a sentence on it for the job's page."""

    format: str | None  # None: kept as it is, not understood
    parsed: Parsed | None
    note: str


ADAPTERS = (Adapter(native.FORMAT, native.recognise, native.parse),)


def read(data: bytes) -> Reading:
    """Read a result file; one that cannot be read has a note that says why, and is no error."""
    if not data.strip():
        return Reading(format=None, parsed=None, note="empty file")
    adapter = next((each for each in ADAPTERS if each.recognise(data)), None)
    if adapter is None:
        return Reading(format=None, parsed=None, note="not understood: no known format; kept as it is")
    try:
        parsed = adapter.parse(data)
    except NotUnderstood as problem:
        return Reading(format=None, parsed=None, note=f"not understood as {adapter.format}: {problem}"[:NOTE_LIMIT])
    return Reading(format=adapter.format, parsed=parsed, note=_note(parsed)[:NOTE_LIMIT])


def _note(parsed: Parsed) -> str:
    count = len(parsed.metrics)
    said = f"{count} metric{'' if count == 1 else 's'}"
    if parsed.status != "ok":
        said = f"{parsed.status}: {parsed.reason or 'no reason given'}; {said}"
    if parsed.unmeasured:
        rows = "; ".join(f"{name}: {why}" for name, why in parsed.unmeasured.items())
        said = f"{said}; not measured: {rows}"
    return said
