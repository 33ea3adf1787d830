"""Which refusals each operation may answer with: by its shape, and by what its documentation names.

A status (`409`) that an operation's documentation names stands for the plain code of that status; a code in
backticks (`token_erased`) for itself. What is answered beside that is logged, and fails a test.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from app import errors
from app.errors import ApiError

EVERYWHERE = (errors.Invalid, errors.Unavailable)
PLAIN: tuple[type[ApiError], ...] = (errors.Unauthorized, errors.NotFound, errors.Conflict, errors.Removed)

UNDESCRIBED: set[tuple[str, str]] = set()  # (operation, code) that no description knows: at most one for each pair

log = structlog.get_logger()


class Declared(Protocol):
    """What is to be known of an operation."""

    @property
    def name(self) -> str:
        """Name it."""

    @property
    def doc(self) -> str:
        """Give its documentation."""

    @property
    def refusals(self) -> tuple[type[ApiError], ...]:
        """List the refusals that follow from its shape."""


def of(declared: Declared) -> dict[str, int]:
    """List the codes that an operation may answer with, and the status of each."""
    known = kinds()
    found: list[type[ApiError]] = [*EVERYWHERE, *declared.refusals]
    found += [each for each in PLAIN if re.search(rf"\b{each.status.value}\b", declared.doc)]
    found += [known[code] for code in re.findall(r"`([a-z_]+)`", declared.doc) if code in known]
    return {each.code: each.status.value for each in found}


def kinds() -> dict[str, type[ApiError]]:
    """List all refusals by their codes; where several have one code, the most general."""
    found: dict[str, type[ApiError]] = {}
    for each in _below(ApiError):
        found.setdefault(each.code, each)
    return found


def _below(kind: type[ApiError]) -> Iterator[type[ApiError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


@contextmanager
def watched(declared: Declared) -> Iterator[None]:
    """Note a refusal that the operation's description does not know."""
    try:
        yield
    except ApiError as problem:
        if problem.code not in of(declared):
            UNDESCRIBED.add((declared.name, problem.code))
            log.warning("undescribed_refusal", operation=declared.name, code=problem.code)
        raise
