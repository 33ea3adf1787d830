"""Commands of the lab for a board: switch it on and off, and look whether it is well."""

from __future__ import annotations

import asyncio

from builders import environment, process
from builders.boards.serial import BoardTrouble
from builders.config import Board, Config
from builders.logs import JobLog
from builders.process import Bounds, Ended
from builders.stop import Stop

PAUSE_S = 1.0  # off, when on and off stand in for a cycle
GRACE_S = 2.0


async def switch(config: Config, board: Board, log: JobLog, action: str, *, at_most: float | None = None) -> None:
    """Switch a board `on`, `off`, or off and on again (`cycle`); nothing if it cannot be switched.

    It does not stop when the job is to stop: a switch that was begun is finished, within its limit.

    Args:
        at_most: a limit below its own, in seconds.

    Raises:
        BoardTrouble: the command failed, or took too long.
        OSError: the log cannot be kept.
    """
    if board.power is None:
        return
    limit = board.power.limit if at_most is None else min(board.power.limit, at_most)
    if action == "cycle" and board.power.cycle is None:
        await switch(config, board, log, "off", at_most=at_most)
        await asyncio.sleep(PAUSE_S)
        await switch(config, board, log, "on", at_most=at_most)
        return
    words = {"on": board.power.on, "off": board.power.off, "cycle": board.power.cycle or ()}[action]
    log.note(f"power {action}")
    ended = await run(config, board, log, words, Stop(), limit=limit)
    problem = said(ended, limit)
    if problem:
        raise BoardTrouble(f"the command for power {action}: {problem}")


async def run(config: Config, board: Board, log: JobLog, words: tuple[str, ...], stop: Stop, *, limit: float) -> Ended:
    """Run a command of the lab for a board.

    Raises:
        OSError: the log cannot be kept.
    """
    command = environment.of_board(config, board, words)
    bounds = Bounds(limit=limit, no_output=limit, grace=min(GRACE_S, limit))
    return await process.run(command, bounds, output=log.write, stop=stop)


def said(ended: Ended, limit: float) -> str:
    """Say what was wrong with a command of the lab; empty if nothing was."""
    match ended.cause:
        case process.Cause.EXITED:
            return "" if ended.code == 0 else f"exit status {ended.code}"
        case process.Cause.UNSTARTABLE:
            return "it cannot be started; `rigline-builder doctor` says why"
        case process.Cause.STOPPED:
            return "it was stopped"
        case _:
            return f"it took longer than {limit:g} s"
