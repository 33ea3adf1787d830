"""Several boards in one job: on before its own board is, and off at once with it whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType

from builders.boards.serial import BoardTrouble
from builders.boards.session import Session, missing
from builders.config import Board
from builders.protocol import FURTHER


class FurtherTrouble(BoardTrouble):
    """Trouble with a board that a job needs besides its own."""

    area = FURTHER


class Together:
    """One use of a board and the further ones that a job needs. Only the first one's console is read.

    Args:
        first: of the board that the job is for.
        further: of the others, which leave their consoles to the script.

    Raises:
        BoardTrouble: on entering, if a device is missing or a board cannot be switched on; then all are off again.
    """

    def __init__(self, first: Session, further: Sequence[Session]) -> None:
        self.first, self.further = first, further
        self.entered: list[Session] = []

    async def __aenter__(self) -> Session:
        try:
            for each in self.further:
                await _enter_further(each)
                self.entered.append(each)
            await self.first.__aenter__()
            self.entered.append(self.first)
        except BaseException as problem:
            await self.__aexit__(type(problem), problem, None)
            raise
        return self.first

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all at once: each is off in its time, however long the others take."""
        ends = (each.__aexit__(kind, problem, trace) for each in self.entered)
        faults = [each for each in await asyncio.gather(*ends, return_exceptions=True) if each is not None]
        if faults:
            raise faults[0]


async def _enter_further(session: Session) -> None:
    session.log.note(f"further board {session.board.name}")
    try:
        await session.__aenter__()
    except BoardTrouble as trouble:
        raise FurtherTrouble(f"{session.board.name}: {trouble}") from trouble


def insist_on_devices(boards: Iterable[Board]) -> None:
    """Make sure that further boards are still there.

    Raises:
        FurtherTrouble: a device of one is not.
    """
    for board in boards:
        absent = missing(board)
        if absent:
            raise FurtherTrouble(f"{board.name}: the device {absent[0]} is gone: was it unplugged?")
