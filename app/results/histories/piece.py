"""What a history is taken apart into. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_HEXADECIMAL = frozenset("0123456789abcdef")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a history says of one commit in one place, as a file that an adapter reads."""

    commit: str
    data: bytes
    format: str | None = None  # None: the content decides
    committed_at: datetime | None = None
    measured_at: datetime | None = None
    title: str = ""
    author: str = ""
    board_type: str | None = None  # None: the history knows no machines
    branch: str | None = None  # None: the repository's default branch


@dataclass(frozen=True, kw_only=True)
class History:
    """Pieces in the order of the history, and how much of it names no commit."""

    name: str
    pieces: tuple[Piece, ...]
    nameless: int = 0


def document(data: bytes) -> Any:
    """Read JSON of any size; None if it is none. The file lies on the machine of who asks."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def encoded(value: Any) -> bytes:
    """Write JSON in one way, so that the same piece is the same file again."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def full_hash(value: Any) -> str | None:
    """Give a commit's full hash; None if it is none."""
    text = value.lower() if isinstance(value, str) else ""
    return text if len(text) in (40, 64) and _HEXADECIMAL.issuperset(text) else None


def moment(value: Any) -> datetime | None:
    """Read a time: milliseconds since 1970, or ISO 8601; None if it is neither."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def text(given: Mapping[str, Any], key: str, limit: int) -> str:
    """Give the first line of a text, without what cannot be printed."""
    value = given.get(key)
    line = value.partition("\n")[0] if isinstance(value, str) else ""
    return "".join(letter for letter in line if letter.isprintable())[:limit]
