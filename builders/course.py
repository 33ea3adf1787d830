"""The course of one job: in which phase it is, how much time is left, and how it ends when it is to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from builders.config import Configuration
from builders.lab import Lab
from builders.lease import Keeper
from builders.logs import JobLog
from builders.protocol import Lease, Outcome, Phase, PhaseEnd
from builders.stop import Cause, Stop
from builders.verdict import Over

Value = TypeVar("Value")


class Course:
    """Phases and limits of one job. `configuration` is set as soon as it is known, before any phase begins."""

    def __init__(self, lab: Lab, keeper: Keeper, stop: Stop, log: JobLog, folder: Path) -> None:
        self.lab, self.keeper, self.stop, self.log, self.folder = lab, keeper, stop, log, folder
        self.lease: Lease = keeper.lease
        self.configuration: Configuration
        self.phases: list[PhaseEnd] = []

    @contextlib.contextmanager
    def phase(self, phase: Phase) -> Iterator[list[int | None]]:
        """Measure a phase, also when the job ends in it; what is put into the list is the exit code."""
        self.keeper.phase = phase
        started, code = time.monotonic(), list[int | None]()
        try:
            yield code
        finally:
            seconds = round(time.monotonic() - started, 4)
            self.phases.append(PhaseEnd(phase=phase, seconds=seconds, exit_code=code[0] if code else None))
            if phase is Phase.RUN:
                self.keeper.phase = Phase.COLLECT  # the board is free of us

    async def within(self, work: Coroutine[Any, Any, Value], phase: Phase, limit: float | None) -> Value:
        """Wait for something of our own, until it is done, its limit is over, or the job is to stop.

        Raises:
            Over: it was not done.
        """
        task, asked = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.asked.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {task, asked}
            await asyncio.wait(waiting, timeout=self.left(limit), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise self.stopped(phase) if asked.done() else self.too_long(phase, limit)
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def check(self, phase: Phase) -> None:
        """End the job here if it is to stop or its time is over.

        Raises:
            Over: it is.
        """
        if self.stop.asked.is_set():
            raise self.stopped(phase)
        if self.left(None) == 0:
            raise self.too_long(phase, None)

    def left(self, limit: float | None) -> float:
        """Give the seconds left of a phase that begins now, and of the job."""
        until = [] if limit is None else [limit]
        own = self.configuration.limits.job
        if self.keeper.deadline is not None:
            until.append(self.keeper.deadline - time.monotonic())
        if own is not None:
            until.append(self.keeper.claimed_at + own - time.monotonic())
        return max(0.0, min(until)) if until else 366 * 86400.0

    def too_long(self, phase: Phase, limit: float | None) -> Over:
        """Say that a phase, or the whole job, took too long."""
        if limit is None or self.left(None) <= 0:
            seconds = min(each for each in (self.lease.limit_s, self.configuration.limits.job, 1e9) if each is not None)
            told = f"the job took longer than {seconds:g} s" if seconds < 1e9 else "the job's time was over"
            return Over(Outcome.TIMED_OUT, f"limit: {told} (in {phase})", phase)
        return Over(Outcome.TIMED_OUT, f"limit: {phase} took longer than {limit:g} s", phase)

    def stopped(self, phase: Phase) -> Over:
        """Say why the job was stopped."""
        match self.stop.cause:
            case Cause.SHUTDOWN:
                return Over(Outcome.ERRORED, "infra:agent the builder was stopped", phase)
            case Cause.DISK:
                most = self.lab.config.sandbox.disk / (1 << 20)
                return Over(Outcome.FAILED, f"limit: {phase} wrote more than {most:.0f} MiB", phase)
            case Cause.FENCED | Cause.LOST:
                return Over(Outcome.ERRORED, "infra:lost the builder had no contact with the service", phase)
            case _:
                return Over(Outcome.CANCELLED, f"cancel: asked for during {phase}", phase)


def summed(phases: Sequence[PhaseEnd]) -> list[PhaseEnd]:
    """Join all run phases, and all collect phases, into one each, with the exit code of the last one."""
    kept = [each for each in phases if each.phase in (Phase.FETCH, Phase.BUILD)]
    for phase in (Phase.RUN, Phase.COLLECT):
        mine = [each for each in phases if each.phase is phase]
        if mine:
            seconds = round(sum(each.seconds for each in mine), 4)
            kept.append(PhaseEnd(phase=phase, seconds=seconds, exit_code=mine[-1].exit_code))
    return kept
