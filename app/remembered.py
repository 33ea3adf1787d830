"""A bounded memory of a process: what was not asked for the longest is forgotten first."""

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Remembers at most so many things. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Key, Value] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        """Tell whether it is remembered."""
        return key in self._known

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._known)

    def __getitem__(self, key: Key) -> Value:
        """Give what is remembered, and keep it longer."""
        self._known.move_to_end(key)
        return self._known[key]

    def forget(self, key: Key) -> None:
        """Remember it no longer; harmless if it was not."""
        self._known.pop(key, None)

    def __setitem__(self, key: Key, value: Value) -> None:
        """Remember, and forget what was not asked for the longest."""
        self._known[key] = value
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
