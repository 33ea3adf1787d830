"""How much room for logs is left, without asking the database each time."""

import time

import structlog

from app.db.queries import logs
from app.deps import Deps

MEASURE_S = 10.0  # so old a measurement is done anew; meanwhile what this process took is added

log = structlog.get_logger()


class LogRoom:
    """The room of `RIGLINE_LOG_STORE`. With several web processes it is exact to what they take in `MEASURE_S`."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._limit = deps.settings.log_store_bytes
        self._used, self._measured_at = 0, -MEASURE_S

    async def take(self, size: int) -> bool:
        """Take room for so many bytes; False if there is none."""
        if not self._limit:
            return True
        if time.monotonic() - self._measured_at >= MEASURE_S:
            await self._measure()
        has_room = self._used + size <= self._limit
        if has_room:
            self._used += size
        return has_room

    async def _measure(self) -> None:
        self._measured_at = time.monotonic()
        async with self._deps.autocommit() as db:
            self._used = await logs.total(db)
        if self._used >= self._limit:
            log.warning("log_store_full", used=self._used, limit=self._limit)
