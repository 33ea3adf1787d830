"""Keep one lease alive, and know without asking when it may be lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from builders.protocol import Beat, BeatAnswer, Cancel, Lease, Phase
from builders.service import LeaseLost, Refused, Service, Unavailable
from builders.stop import Cause, Stop

logger = logging.getLogger(__name__)
FENCE_S = 5.0  # so long before the end of a lease the board is let go
FENCE_PART = 1 / 9  # the same for shorter leases
WAIT_AFTER_S = 1.0  # a job this young is most likely over before anybody cancels it: no request is held for it
AFTER_CANCEL_S = 1.0  # between two waits once the cancel is known


class Keeper:
    """Beats, the held wait for a cancel, and the self-fence of one lease.

    `accepted` is set by the first answered beat; `held` while the last beat is young enough; `expired` when the
    board may be given to another attempt by now, as far as we can know.
    """

    def __init__(self, service: Service, lease: Lease, stop: Stop, refused: Callable[[Refused], None]) -> None:
        self.service, self.lease, self.stop, self.refused = service, lease, stop, refused
        self.phase: Phase | None = None
        self.log_offset = 0
        self.accepted = asyncio.Event()
        self.held = asyncio.Event()
        self.lost = asyncio.Event()
        self.expired = asyncio.Event()
        self.answered = asyncio.Event()
        self.claimed_at = time.monotonic()
        self.safe_until = self.claimed_at + self._safe(lease.lease_s)
        self.deadline: float | None = None if lease.limit_s is None else self.claimed_at + lease.limit_s
        self.credit = BeatAnswer().log_credit

    async def keep(self) -> None:
        """Run until cancelled or lost."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in (self._beat(), self._wait(), self._fence())]
            await self.lost.wait()
            for each in tasks:
                each.cancel()

    def lose(self, problem: Exception) -> None:
        """Take note that the lease is gone: everything of the job stops at once."""
        logger.warning("attempt %d is lost: %s", self.lease.attempt_id, problem)
        self.held.clear()
        self.stop.ask(Cause.LOST, force=True)
        self.expired.set()
        self.lost.set()

    async def _beat(self) -> None:
        pause = 0.0
        while True:
            sent_at = time.monotonic()
            try:
                beat = Beat(epoch=self.lease.epoch, phase=self.phase, log_offset=self.log_offset)
                answer = await self.service.beat(self.lease.attempt_id, beat, timeout=self.lease.beat_s)
            except Unavailable as problem:
                pause = min(pause * 2 or self.lease.beat_s / 20, self.lease.beat_s)
                logger.warning("no beat for attempt %d: %s", self.lease.attempt_id, problem)
                await asyncio.sleep(max(problem.retry_after or 0.0, pause * random.uniform(0.5, 1.0)))
            except (LeaseLost, Refused) as problem:
                return self._ended(problem)
            else:
                pause = 0.0
                self._take(answer, sent_at)
                await asyncio.sleep(self.lease.beat_s)

    def _take(self, answer: BeatAnswer, sent_at: float) -> None:
        self.safe_until = sent_at + self._safe(answer.lease_s)
        self.credit = answer.log_credit
        if answer.deadline_s is not None:
            told = time.monotonic() + answer.deadline_s
            self.deadline = told if self.deadline is None else min(self.deadline, told)
        self.accepted.set()
        self.held.set()
        self.expired.clear()
        self.answered.set()
        self._obey(answer.cancel)

    async def _wait(self) -> None:
        """Hear of a cancel within moments, not with the next beat."""
        await self.accepted.wait()
        await asyncio.sleep(WAIT_AFTER_S)
        pause = 0.5
        while True:
            try:
                signal = await self.service.wait(self.lease.attempt_id, self.lease.epoch)
                pause = 0.5
                self._obey(signal.cancel)
                await asyncio.sleep(0 if signal.cancel is Cancel.NONE else AFTER_CANCEL_S)
            except Unavailable as problem:
                await asyncio.sleep(max(problem.retry_after or 0.0, pause * random.uniform(0.5, 1.0)))
                pause = min(pause * 2, self.lease.beat_s)
            except (LeaseLost, Refused) as problem:
                return self._ended(problem)

    async def _fence(self) -> None:
        """Let go of the board before the service may think that we are dead."""
        while True:
            left = self.safe_until - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
                continue
            self.held.clear()
            self.expired.set()
            if self.phase is Phase.RUN:
                self.stop.ask(Cause.FENCED, force=True)
            self.answered.clear()
            await self.answered.wait()

    def _obey(self, cancel: Cancel) -> None:
        if cancel is not Cancel.NONE:
            self.stop.ask(Cause.CANCEL, force=cancel is Cancel.FORCE)

    def _ended(self, problem: LeaseLost | Refused) -> None:
        if isinstance(problem, Refused):
            self.refused(problem)
        self.lose(problem)

    @staticmethod
    def _safe(lease_s: float) -> float:
        return lease_s - min(FENCE_S, lease_s * FENCE_PART)
