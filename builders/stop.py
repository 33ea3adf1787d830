"""Why and how hard a job is to stop: asked from many places, obeyed in one."""

from __future__ import annotations

import asyncio
from enum import StrEnum


class Cause(StrEnum):
    """Why a job is stopped."""

    CANCEL = "cancel"  # the service asked
    SHUTDOWN = "shutdown"  # this agent ends
    FENCED = "fenced"  # no contact for so long that the board may soon be somebody else's
    BOARD = "board"  # the board has said enough, or nothing any more
    DISK = "disk"  # it wrote more than it may
    LOST = "lost"  # the service gave the job away: nothing we say about it counts


class Stop:
    """The request to stop one job. The first cause stays, except that `LOST` overrules all."""

    def __init__(self) -> None:
        self.cause: Cause | None = None
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()
        self.parts: list[Stop] = []

    def ask(self, cause: Cause, *, force: bool = False) -> None:
        """Ask the job to end, politely, or by a kill at once. May be repeated, and only gets harder."""
        if self.cause is None or cause is Cause.LOST:
            self.cause = cause
        self.asked.set()
        if force:
            self.forced.set()
        for part in self.parts:
            part.ask(cause, force=force)

    def part(self) -> Stop:
        """Make the stop of a part of the job: asked for with the whole, or alone."""
        part = Stop()
        self.parts.append(part)
        if self.cause is not None:
            part.ask(self.cause, force=self.forced.is_set())
        return part
