"""Send a log while it grows: in order, by offset, again after a loss, and never much at a time."""

from __future__ import annotations

import asyncio
import contextlib

from builders.lease import Keeper
from builders.logs import JobLog
from builders.protocol import LAST_WORDS, MAX_CHUNK, MAX_REST
from builders.service import LogFull, LogGap, Service, persist

GATHER_S = 0.4  # seconds that output waits for more: it is seen within half a second, and a short job's with its end
CREDIT_S = 0.1  # between two looks whether more may be sent
PATIENCE_S = 24 * 3600.0  # how long a delivery is tried again


class LogSender:
    """The way of one log to the service. `sent` is what the service is known to have.

    A short rest of a closed log is left for the finish to bring along, until `verify` found that it did not arrive.
    """

    def __init__(self, service: Service, keeper: Keeper, log: JobLog) -> None:
        self.service, self.keeper, self.log = service, keeper, log
        self.sent = keeper.lease.log_offset
        self.since_beat, self.credit_of = 0, -1.0
        self.leaves_rest = True
        self.cut_at: int | None = None  # the service's store is full: what follows are last words

    async def run(self) -> None:
        """Send until the log is closed and has arrived whole, but for the rest.

        Raises:
            LeaseLost: the service does not want it any more.
        """
        await self.keeper.accepted.wait()
        while not self._is_done():
            if self.sent >= self.log.size and not self.log.closed:
                self.log.grown.clear()
                await self.log.grown.wait()
            await self._gather()
            while not self._is_done() and await self._send():
                pass

    def rest(self) -> bytes:
        """Give what is left for the finish."""
        return self.log.read(self.sent, MAX_REST) if self.leaves_rest else b""

    def _is_done(self) -> bool:
        left = self.log.size - self.sent
        return self.log.closed and left <= (MAX_REST if self.leaves_rest else 0)

    async def verify(self) -> None:
        """Ask the service what it has, and send the rest again."""
        self.leaves_rest = False
        await self._append(b"")
        await self.run()

    async def _gather(self) -> None:
        """Let output gather into one request, but not when the log is whole already."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.log.whole.wait(), GATHER_S)

    async def _send(self) -> bool:
        """Send one chunk; True if there is more at once."""
        most = LAST_WORDS if self._is_last(self.sent) else MAX_CHUNK
        data = self.log.read(self.sent, min(most, await self._credit()))
        if data:
            await self._append(data)
        return len(data) == MAX_CHUNK

    def _is_last(self, start: int) -> bool:
        return self.cut_at is not None and start >= self.cut_at

    async def _credit(self) -> int:
        """How much may be sent now: the service spreads its load with the beats."""
        while True:
            if self.credit_of != self.keeper.safe_until:
                self.credit_of, self.since_beat = self.keeper.safe_until, 0
            left = self.keeper.credit - self.since_beat
            if left > 0:
                return left
            await asyncio.sleep(CREDIT_S)

    async def _append(self, data: bytes) -> None:
        attempt, epoch = self.keeper.lease.attempt_id, self.keeper.lease.epoch
        try:
            start, last = self.sent, self._is_last(self.sent)
            size = await persist(lambda: self.service.append(attempt, epoch, start, data, last=last), for_s=PATIENCE_S)
        except LogGap as gap:
            size = gap.size
        except LogFull as full:
            size = self.sent if full.size is None else full.size
            self.log.cut(size, full.room)
            self.cut_at = size
        self.since_beat += len(data)
        self.sent = min(size, self.log.size)
        self.keeper.log_offset = self.sent
