"""Boards that a job left on because its process was killed: they are switched off before they get another one."""

from __future__ import annotations

import logging
from collections.abc import Container
from pathlib import Path

from builders import environment
from builders.boards import power
from builders.boards.serial import BoardTrouble
from builders.config import Board, Config, ConfigError
from builders.logs import JobLog

logger = logging.getLogger(__name__)
MARK = "power-on"  # in the folder of an attempt, as long as a board of it is on: their names, one a line


def note(folder: Path, board: Board, *, is_on: bool) -> None:
    """Leave word that a board is on, or take it back."""
    if board.power is None:
        return
    names = _names(folder / MARK) - {board.name}
    if is_on:
        names.add(board.name)
    _keep(folder / MARK, names)


def _names(mark: Path) -> set[str]:
    try:
        return set(mark.read_text(encoding="utf-8", errors="replace").splitlines())
    except FileNotFoundError:
        return set()


def _keep(mark: Path, names: set[str]) -> None:
    if names:
        mark.write_text("\n".join(sorted(names)), encoding="utf-8")
    else:
        mark.unlink(missing_ok=True)


async def switch_off(config: Config, root: Path, alive: Container[Path]) -> None:
    """Switch off what the attempts below a state folder left on. What cannot be is said, and tried next time again.

    Args:
        alive: folders of attempts that are still at work.
    """
    for mark in sorted(root.glob(f"jobs/*/{MARK}")):
        if mark.parent in alive:
            continue
        folder = mark.parent / "left-on"  # the attempt's own log stays as it is
        folder.mkdir(exist_ok=True)
        log = JobLog(folder, environment.secrets(config, None))
        try:
            for name in sorted(_names(mark)):
                await _switch_off(config, name, log, mark.parent)
        finally:
            log.release()


async def _switch_off(config: Config, name: str, log: JobLog, folder: Path) -> None:
    try:
        board = config.board(name)
        await power.switch(config, board, log, "off")
        note(folder, board, is_on=False)
        logger.info("board %s was left on by a job that was killed: switched off", name)
    except (BoardTrouble, ConfigError, OSError) as problem:
        logger.warning("a board was left on, and stays so: %s", problem)
