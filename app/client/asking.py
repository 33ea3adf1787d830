"""The few ways in which operations ask; the client fulfils them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from app.client.events import Event
from app.client.place import Json


def part(value: object) -> str:
    """Write a value as one part of a path."""
    return quote(str(value), safe="")


class Asking(ABC):
    """What an operation needs; None in a query was not given."""

    @abstractmethod
    def asked(self, method: str, path: str, query: Json, *, body: Any = None, if_match: str | None = None) -> Any:
        """Send a request and read its JSON."""

    @abstractmethod
    def listed(self, path: str, query: Json, most: int | None) -> Iterator[Json]:
        """Read a list page by page."""

    @abstractmethod
    def read(self, path: str, query: Json) -> bytes:
        """Read bytes."""

    @abstractmethod
    def sent(self, path: str, data: bytes, query: Json) -> Any:
        """Send a file."""

    @abstractmethod
    def followed(self, path: str, query: Json) -> Iterator[Event]:
        """Follow a stream."""
