"""A board while a job is on it: on, its console read, and off again whatever happens."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import TracebackType

from builders.boards import left, power
from builders.boards.serial import BoardTrouble, Console, Sign
from builders.config import Board, Config
from builders.logs import JobLog
from builders.protocol import Outcome, Phase
from builders.stop import Cause, Stop
from builders.verdict import Over

OFF_S = 10.0  # a board is off within this, also if a lease is about to end
PROBE_S = 10.0  # each part of a look at a board that fell silent: off and on, its check; so 30 s are enough for all
APPEAR_S = 20.0  # for a device that is there only while its board is on
LOOK_S = 0.1
BADLY = (Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT)


class Session:
    """One use of a board. A script that runs meanwhile obeys `stop`.

    Args:
        stop: of the whole job.
        folder: of the attempt. A copy of what the console says is kept in `out` below it.
        reads_console: False: somebody else does.
        patience: seconds that a script may go on for when the console has said that the run is over.
        keep_power: leave the board on if the job ends badly here.

    Raises:
        BoardTrouble: on entering, if a device is missing or the board cannot be switched on.
    """

    def __init__(
        self,
        config: Config,
        board: Board,
        log: JobLog,
        stop: Stop,
        *,
        folder: Path,
        reads_console: bool = True,
        patience: float = 0.0,
        keep_power: bool = False,
    ) -> None:
        self.config, self.board, self.log, self.folder = config, board, log, folder
        self.reads_console, self.patience, self.keep_power = reads_console, patience, keep_power
        self.whole, self.stop = stop, stop.part()
        self.console: Console | None = None
        self.watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Session:
        try:
            await self._begin()
        except BaseException:
            await self._end(keep=False)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        badly = isinstance(problem, Over) and problem.verdict.outcome in BADLY
        await self._end(keep=badly and self.keep_power)

    async def _begin(self) -> None:
        """Open the console before the board is on, if it is there: so that nothing is missed."""
        early = not missing(self.board)
        if early:
            self._open()
        left.note(self.folder, self.board, is_on=True)
        await power.switch(self.config, self.board, self.log, "on")
        if not early:
            await self._appeared()
            self._open()

    async def _appeared(self) -> None:
        until = time.monotonic() + (APPEAR_S if self.board.power else 0)
        while absent := missing(self.board):
            if time.monotonic() >= until or self.whole.asked.is_set():
                raise BoardTrouble(f"the device {absent[0]} is missing: is the board plugged in?")
            await asyncio.sleep(LOOK_S)

    def _open(self) -> None:
        if self.board.serial is not None and self.reads_console:
            self.console = Console(self.board.serial, self.log.console, self.folder / "out" / "serial.log")
            self.watching = asyncio.create_task(self._watch(self.console))

    async def _watch(self, console: Console) -> None:
        """Stop the script when the console has said enough; after a good end it may end by itself."""
        await console.ended.wait()
        if console.sign is Sign.END:
            await asyncio.sleep(self.patience)
        self.stop.ask(Cause.BOARD)

    async def _end(self, *, keep: bool) -> None:
        self.close()
        self.whole.parts.remove(self.stop)
        if keep:
            self.log.note("the board stays on: somebody wants to look at it")
            left.note(self.folder, self.board, is_on=False)
            return
        try:
            await power.switch(self.config, self.board, self.log, "off", at_most=OFF_S)
        except BoardTrouble as problem:  # the next job's "on" will show whether it matters
            self.log.note(f"warning: {problem}")
        left.note(self.folder, self.board, is_on=False)

    def close(self) -> None:
        """Let go of the console."""
        if self.console is not None and self.watching is not None:
            self.watching.cancel()
            self.console.close()
            self.console = None

    async def until_said(self, limit: float) -> None:
        """Wait for the end marker, if there is one, and say what the console means for the job.

        Args:
            limit: seconds that the run has left.

        Raises:
            Over: the board said that it failed, or said nothing for too long.
            BoardTrouble: it is gone.
            TimeoutError: neither came within the limit.
            OSError: what it said could not be kept.
        """
        console = self.console
        if console is None:
            return
        if console.serial.end is not None:
            async with asyncio.timeout(limit):
                await _first(console.ended, self.whole.asked)
        await self.judge()

    async def judge(self) -> None:
        """Say what the console has told so far; nothing if that was good.

        Raises:
            Over, BoardTrouble, OSError: as `until_said`.
        """
        console = self.console
        if console is None:
            return
        if console.problem is not None:
            raise console.problem
        if console.sign is Sign.FAIL:
            raise Over(Outcome.FAILED, f"run: the board said: {console.said[:200]}", Phase.RUN)
        if console.sign is Sign.GONE:
            raise BoardTrouble(f"the device {console.serial.device} hung up: was it unplugged, or the board reset?")
        if console.sign is Sign.SILENT:
            await self._probe(console.serial.silence or 0)

    def insist_on_devices(self) -> None:
        """Make sure that the board is still there.

        Raises:
            BoardTrouble: a device of it is not.
        """
        absent = missing(self.board)
        if absent:
            raise BoardTrouble(f"the device {absent[0]} is gone: was it unplugged?")

    async def _probe(self, silence: float) -> None:
        """Find out whose fault it is that nothing was heard: of a board that answers now it is not the board's."""
        told = f"nothing from the console for {silence:g} s"
        self.log.note(f"{told}: looking at the board")
        self.close()
        await power.switch(self.config, self.board, self.log, "cycle", at_most=PROBE_S / 2)
        absent = missing(self.board)
        if absent:
            raise BoardTrouble(f"{told}, and {absent[0]} is missing")
        check = self.board.health
        if check is not None:
            limit = min(check.limit, PROBE_S)
            ended = await power.run(self.config, self.board, self.log, check.check, self.whole, limit=limit)
            problem = power.said(ended, limit)
            if problem:
                raise BoardTrouble(f"{told}, and its check: {problem}")
        raise Over(Outcome.TIMED_OUT, f"limit: {told}", Phase.RUN)


def missing(board: Board) -> list[Path]:
    """List the devices of a board that are not there."""
    return [each for each in board.nodes if not each.exists()]


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of some events is set."""
    tasks = {asyncio.ensure_future(each.wait()) for each in events}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
