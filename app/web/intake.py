"""How much of webhooks' bodies one process holds at a time, so that no crowd of them takes its memory.

A large body is counted as it is announced, before any of it is read; without an announcement as the largest there is.
A small one is counted as it comes, out of a budget of its own: whoever fills the one for large bodies, or opens many
connections and says little, holds up no ordinary delivery.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from app.errors import ApiError, TooLarge, Unavailable

SMALL = 1 << 20  # bytes; nearly every delivery is a tenth of that
SMALL_S, LARGE_S = 10.0, 30.0  # for a body to come: as long as forges wait for the answer
MOST_SMALL, MOST_LARGE = 64 << 20, 200 << 20  # bytes in the hands of a process
RETRY_S = 10  # forges bring it again later, or are asked to


class TooSlow(ApiError):
    """The body did not come in time."""

    status, code = HTTPStatus.REQUEST_TIMEOUT, "too_slow"


def check(size: int, most: int) -> None:
    """Insist that a body is not too large.

    Raises:
        TooLarge: it is.
    """
    if size > most:
        raise TooLarge(f"A delivery has at most {most} bytes.")


class Budget:
    """Bytes of which only so many may be held at a time."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0

    def take(self, size: int) -> None:
        """Hold some more.

        Raises:
            Unavailable: there is no room for them now.
        """
        if self.held + size > self.most:
            raise Unavailable("Too much is being delivered at the moment; deliver again later.", retry_after=RETRY_S)
        self.held += size


class Intake:
    """The bodies that one process is taking in."""

    def __init__(self, most_small: int = MOST_SMALL, most_large: int = MOST_LARGE) -> None:
        self.small, self.large = Budget(most_small), Budget(most_large)

    @contextmanager
    def body(self, announced: int | None, most: int) -> Iterator["Taking"]:
        """Make room for one body until the block ends.

        Args:
            announced: its bytes; None: it comes in pieces without saying how many.
            most: bytes that any body may have.
        Raises:
            Unavailable: there is no room for it now.
        """
        is_small = announced is not None and announced <= SMALL
        taking = Taking(self.small if is_small else self.large, is_small=is_small, most=most)
        try:
            if not is_small:
                taking.hold(most if announced is None else announced)
            yield taking
        finally:
            taking.budget.held -= taking.held


class Taking:
    """One body on its way."""

    def __init__(self, budget: Budget, *, is_small: bool, most: int) -> None:
        self.budget, self.held = budget, 0
        self._is_small, self._most = is_small, most

    def hold(self, size: int) -> None:
        """Count bytes as ours."""
        self.budget.take(size)
        self.held += size

    async def read(self, pieces: AsyncIterator[bytes]) -> bytes:
        """Read it whole.

        Raises:
            TooLarge, TooSlow, Unavailable: as they say.
        """
        found = bytearray()
        try:
            async with asyncio.timeout(SMALL_S if self._is_small else LARGE_S):
                async for piece in pieces:
                    if self._is_small:
                        self.hold(len(piece))
                    found += piece
                    check(len(found), self._most)
        except TimeoutError:
            raise TooSlow("The body did not come in time; deliver again.") from None
        return bytes(found)
