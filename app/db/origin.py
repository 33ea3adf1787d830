"""From where and as whom somebody acts now: what every line of the audit says beside who and what."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

SOCKET, FORGE = "local socket", "forge"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request or delivery came from."""

    where: str  # an address, SOCKET or FORGE; empty: nobody asked, the service does it by itself
    means: str = ""  # what said who it is, as `token 5`


BY_ITSELF = Origin(where="")
_now: ContextVar[Origin] = ContextVar("origin", default=BY_ITSELF)


def say(origin: Origin) -> None:
    """Say it for the rest of this request or delivery."""
    _now.set(origin)


@contextmanager
def of_forge(means: str) -> Iterator[None]:
    """Say for a while that a forge asks."""
    before = _now.set(Origin(where=FORGE, means=means))
    try:
        yield
    finally:
        _now.reset(before)


def where_of_people() -> str:
    """Give the place unless it is a forge: the jobs that follow from a push are nobody's deed."""
    return "" if _now.get().where == FORGE else where()


def where() -> str:
    """Give the place, cut to what the audit holds."""
    return _now.get().where[:100]


def means() -> str:
    """Give what said who it is, cut likewise."""
    return _now.get().means[:200]
