"""Answers of GitHub with their ETag: an unchanged one costs nothing of the rate limit."""

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any

CACHED = 500


class Cache(MutableMapping[str, Any]):
    """Keep the latest answers, a bounded number of them."""

    def __init__(self, size: int = CACHED) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._size = size

    def __getitem__(self, address: str) -> Any:
        self._kept.move_to_end(address)
        return self._kept[address]

    def __setitem__(self, address: str, answer: Any) -> None:
        self._kept[address] = answer
        self._kept.move_to_end(address)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def __delitem__(self, address: str) -> None:
        del self._kept[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
