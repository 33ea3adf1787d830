"""Held waits of builders for a wish to cancel: one look for all of them, on a hint and every two seconds."""

import asyncio
import contextlib

import sqlalchemy as sa
import structlog

from app.db.queries import attempts
from app.deps import Deps
from app.dispatch.cancel import wish
from builders.protocol import Cancel

LOOK_S = 2.0  # hints are lossy

log = structlog.get_logger()


class Ended(Exception):
    """The attempt is not open any more."""


class Signals:
    """The waits that this process holds."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._waits: dict[asyncio.Future[Cancel], int] = {}  # → attempt id
        self._news = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def wait(self, attempt_id: int, wait_s: float) -> Cancel:
        """Wait until the attempt is to be cancelled; `none` if that did not happen in time.

        Raises:
            Ended: the attempt is not open, or ended meanwhile.
        """
        told: asyncio.Future[Cancel] = asyncio.get_running_loop().create_future()
        self._waits[told] = attempt_id
        self._news.set()
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_on())
        try:
            async with asyncio.timeout(wait_s):
                return await told
        except TimeoutError:
            return Cancel.NONE
        finally:
            self._leave(told)

    def dismiss(self) -> None:
        """Answer everybody who waits that there is no wish: this process ends, and they ask another."""
        for told in self._waits:
            if not told.done():
                told.set_result(Cancel.NONE)

    def _leave(self, told: asyncio.Future[Cancel]) -> None:
        del self._waits[told]
        if not self._waits and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _look_on(self) -> None:
        remove = self._deps.notices.on("cancel", lambda _: self._news.set())
        try:
            while True:
                self._news.clear()
                await self._look_once()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_S)
        finally:
            remove()

    async def _look_once(self) -> None:
        try:
            async with self._deps.autocommit() as db:
                found = await attempts.wishes(db, sorted(set(self._waits.values())))
        except (OSError, sa.exc.SQLAlchemyError) as problem:
            log.warning("cancels_not_seen", error=str(problem)[:200])
            return
        wishes = {row.id: None if row.ended_at is not None else wish(row.cancelled_s) for row in found}
        for told, attempt_id in self._waits.items():
            wanted = wishes.get(attempt_id, Cancel.NONE)
            if told.done() or wanted is Cancel.NONE:
                continue
            if wanted is None:
                told.set_exception(Ended())
            else:
                told.set_result(wanted)
