"""The health check of a board: what its builder's own file says, as a job without any code of a repository."""

from __future__ import annotations

from pathlib import Path

from builders.boards import power
from builders.boards.session import Session
from builders.config import Board, Config
from builders.logs import JobLog
from builders.process import Cause
from builders.protocol import Outcome, Phase
from builders.stop import Stop
from builders.verdict import Over

FAILED = {Cause.EXITED: Outcome.FAILED, Cause.UNSTARTABLE: Outcome.ERRORED}


async def check(config: Config, board: Board, log: JobLog, stop: Stop, *, folder: Path) -> None:
    """Switch the board on, run its check, switch it off. Its console is not opened: the check may want it.

    Raises:
        Over: the check failed, took too long, or cannot be started.
        BoardTrouble: the board cannot be switched, or a device is missing.
        OSError: the log cannot be kept.
    """
    if board.health is None:
        raise Over(
            Outcome.ERRORED, f"config: board {board.name} has no [boards.health]; restart the builder", Phase.RUN
        )
    wanted = board.health
    async with Session(config, board, log, stop, folder=folder, reads_console=False) as session:
        log.note(f"check: {' '.join(wanted.check)}")
        ended = await power.run(config, board, log, wanted.check, session.stop, limit=wanted.limit)
        problem = power.said(ended, wanted.limit)
        if ended.cause is Cause.STOPPED:
            return
        if problem:
            outcome = FAILED.get(ended.cause, Outcome.TIMED_OUT)
            area = "config" if outcome is Outcome.ERRORED else "limit" if outcome is Outcome.TIMED_OUT else "health"
            log.note(f"check: {problem}")
            raise Over(outcome, f"{area}: the check of the board: {problem}", Phase.RUN, ended.code)
