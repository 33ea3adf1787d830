"""Statements in the server's words, found without hashing all that they are made of.

SQLAlchemy's key of a statement is a nest of thousands of parts, which Python hashes anew at each execution: a tenth
of the web process's CPU. The key of a statement that is made once is the same object each time.
"""

from collections import OrderedDict
from typing import Any

MOST = 1000  # statements; the one that was run least lately goes first

Key = tuple[Any, ...]  # dialect, nest, and what else makes the words differ


class Compiled:
    """Takes the place of SQLAlchemy's own cache, as its option `compiled_cache`. For one thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._whole: dict[Key, tuple[Key, Any]] = {}
        self._short: OrderedDict[Key, tuple[Key, Any]] = OrderedDict()

    def get(self, key: Key) -> Any:
        """Find what was compiled for a key, or for one that equals it; None if nothing was."""
        short = _short(key)
        if short not in self._short:
            if key not in self._whole:
                return None
            short = self._whole[key][0]
        self._short.move_to_end(short)
        return self._short[short][1]

    def __setitem__(self, key: Key, compiled: Any) -> None:
        """Keep what was compiled."""
        short = _short(key)
        self._whole[key] = short, compiled
        self._short[short] = key, compiled
        if len(self._short) > self._most:
            _, (oldest, _) = self._short.popitem(last=False)
            del self._whole[oldest]

    def __len__(self) -> int:
        return len(self._short)


def _short(key: Key) -> Key:
    """Name the nest by its identity. No other one can get that: what is kept here keeps the nest."""
    dialect, nest, *rest = key
    return id(dialect), id(nest), *rest
