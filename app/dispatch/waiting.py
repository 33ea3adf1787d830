"""Claims that wait: one look at the rows for all of them, woken by hints and once a second.

A thousand idle builders cost one query a second. A queued job wakes one builder with a free board of its type; if that
one cannot take it, the look says who can.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
import structlog

from app import measures
from app.db.queries import boards, builders
from app.deps import Deps
from app.dispatch.claim import Claimant, claim, may_work
from builders.protocol import MAX_WAIT_S, Claim, Lease

LOOK_S = 1.0  # hints are lossy: so often every waiter is considered anyway
PASS_ON_S = 0.05  # a look on behalf of a waiter that came back empty waits so long
ALIVE_S = 10.0  # so often the builders that wait are noted as living
REST_S = 1.0  # a waiter woken in vain is not woken again sooner, unless something new is queued

log = structlog.get_logger()


class _Waiter:
    """One held claim. A thousand of them may be held: it is as small as can be."""

    __slots__ = ("_told", "asked", "builder_id", "is_guess", "is_woken", "woken_at")

    def __init__(self, builder: Claimant, asked: Claim) -> None:
        self.builder_id, self.asked = builder.id, asked
        self.is_woken, self.woken_at = False, 0.0
        self.is_guess = False  # woken for a type of board alone, without a look at the rows
        self._told: asyncio.Future[None] | None = None  # while it waits

    async def wait(self, until: float) -> bool:
        """Wait to be woken, until a moment of the monotonic clock; say whether it was."""
        loop = asyncio.get_running_loop()
        if not self.is_woken and (left := until - time.monotonic()) > 0:
            self._told = loop.create_future()
            timer = loop.call_later(left, self._tell)
            try:
                await self._told
            finally:
                timer.cancel()
                self._told = None
        return self.is_woken

    def wake(self) -> None:
        """Let it claim, be it at once or when it waits next."""
        self.is_woken = True
        self._tell()

    def _tell(self) -> None:
        if self._told is not None and not self._told.done():
            self._told.set_result(None)

    def could_take(self, offers: set[tuple[int, str]]) -> bool:
        return any((self.builder_id, name) in offers for name in self.asked.boards_free)

    def has_free(self, kind: str, boards: Mapping[str, str]) -> bool:
        return any(boards.get(name) == kind for name in self.asked.boards_free)


class WaitingRoom:
    """The claims that this process holds. It looks only while somebody waits."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._waiters: dict[_Waiter, None] = {}  # in the order in which they came, or were woken last
        self._news = asyncio.Event()
        self._is_new = False  # something was queued, as far as hints tell
        self._boards: dict[int, dict[str, str]] = {}  # of builders that wait: name → type
        self._alive_at = time.monotonic()  # when that was done last
        self._is_closed = False
        self._watch: asyncio.Task[None] | None = None
        self._claims: set[asyncio.Task[Lease | None]] = set()

    async def claim(self, builder: Claimant, asked: Claim) -> Lease | None:
        """Answer a claim, waiting for a job for up to `asked.wait_s` seconds.

        Raises:
            BuilderInUse, Drained, Unavailable: as `claim.claim`.
        """
        until = time.monotonic() + min(asked.wait_s, MAX_WAIT_S)
        lease = await self._claim_now(builder, asked)
        if lease is not None or asked.wait_s <= 0 or self._is_closed:
            return lease
        if not may_work(asked):  # keep it quiet, or it would ask again at once
            await asyncio.sleep(until - time.monotonic())
            return None
        return await self._wait(builder, asked, until)

    def widen(self, builder: Claimant, asked: Claim) -> bool:
        """Let a held claim cover the boards that are free by now; False if it is not held here, or not any more."""
        for waiter in self._waiters:
            if waiter.builder_id == builder.id and waiter.asked.claim_id == asked.claim_id:
                waiter.asked = asked
                waiter.woken_at = 0.0  # it may have been woken in vain, but not for this board
                self._news.set()
                return True
        return False

    def dismiss(self) -> None:
        """Answer everybody who waits with nothing: this process ends, and they come back to another."""
        self._is_closed = True
        for waiter in self._waiters:
            waiter.wake()

    async def _claim_now(self, builder: Claimant, asked: Claim) -> Lease | None:
        """Claim without waiting. Once begun it goes on when the builder hangs up: it will ask again, by the same id."""
        task = asyncio.create_task(claim(self._deps, builder, asked))
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)
        return await asyncio.shield(task)

    async def _wait(self, builder: Claimant, asked: Claim, until: float) -> Lease | None:
        waiter = _Waiter(builder, asked)
        self._enter(waiter)
        try:
            while await waiter.wait(until) and not self._is_closed:
                woken_at = time.monotonic()
                lease = await self._claim_now(builder, waiter.asked)
                waiter.is_woken = False
                if lease is not None:
                    measures.WAKE.observe(time.monotonic() - woken_at)
                    return lease
                if waiter.is_guess:
                    self._news.set()
                else:
                    self._pass_on()
        finally:
            self._leave(waiter)
        return None

    def _enter(self, waiter: _Waiter) -> None:
        self._waiters[waiter] = None
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_on())

    def _leave(self, waiter: _Waiter) -> None:
        del self._waiters[waiter]
        if waiter.is_woken:  # it goes away with a wake-up in its hands
            self._pass_on()
        if not self._waiters and self._watch is not None:
            self._watch.cancel()
            self._watch = None
            self._boards.clear()  # nobody listens to what becomes of them

    def _pass_on(self) -> None:
        """Let another waiter have the job that this one could not take."""
        asyncio.get_running_loop().call_later(PASS_ON_S, self._news.set)

    def _wake_builders(self, ids: Collection[int]) -> None:
        """Let some builders ask anew: they may have to hear that they are drained."""
        for waiter in self._waiters:
            if waiter.builder_id in ids:
                waiter.wake()

    def _hear(self, hint: dict[str, Any]) -> None:
        """Wake builders for jobs that any board of a type may take; look at the rows at once only for others."""
        self._is_new = True
        types: dict[str, int] = hint.get("types", {})
        if types and all([self._guess(kind, jobs) for kind, jobs in types.items()]):
            self._pass_on()
        else:
            self._news.set()

    def _hear_of_builder(self, hint: dict[str, Any]) -> None:
        """Let a builder ask anew, and forget what its boards were: it was changed here, or said hello as `builder`."""
        changed = hint.get("id", 0)
        self._boards.pop(hint.get("builder", changed), None)
        self._wake_builders({changed})

    def _guess(self, kind: str, jobs: int) -> bool:
        """Wake as many of those with a free board of a type; False if they are fewer. Their claims find out the rest.

        A look at the rows for a thousand builders takes as long as a claim.
        """
        for waiter in list(self._waiters):
            if jobs <= 0:
                break
            if waiter.is_woken or not waiter.has_free(kind, self._boards.get(waiter.builder_id, {})):
                continue
            jobs -= 1
            self._call(waiter, is_guess=True)
        return jobs <= 0

    def _call(self, waiter: _Waiter, *, is_guess: bool) -> None:
        waiter.woken_at, waiter.is_guess = time.monotonic(), is_guess
        self._waiters[waiter] = self._waiters.pop(waiter)
        waiter.wake()

    async def _look_on(self) -> None:
        with contextlib.ExitStack() as heard:
            heard.callback(self._deps.notices.on("queue", self._hear))
            heard.callback(self._deps.notices.on("builder", self._hear_of_builder))
            while True:
                await self._look_once()  # first of all: a job may have come before we listened
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_S)

    async def _look_once(self) -> None:
        self._news.clear()
        rested = time.monotonic() - (0 if self._is_new else REST_S)
        self._is_new = False
        try:
            async with self._deps.autocommit() as db:
                waiting = {waiter.builder_id for waiter in self._waiters}
                found = await boards.takers(db, sorted(waiting), self._deps.settings.caps)
                if unknown := waiting - self._boards.keys():
                    self._boards |= await boards.kinds_of(db, sorted(unknown))
                if time.monotonic() - self._alive_at > ALIVE_S:
                    self._alive_at = time.monotonic()
                    seen = {waiter.builder_id: waiter.asked.disk_free for waiter in self._waiters}
                    self._wake_builders(await builders.touch(db, seen))
        except (OSError, sa.exc.SQLAlchemyError) as problem:
            log.warning("queue_not_seen", error=str(problem)[:200])
            return
        for jobs, offers in found:
            self._wake(jobs, set(offers), rested)

    def _wake(self, jobs: int, offers: set[tuple[int, str]], rested: float) -> None:
        """Wake as many of those who could take one of these jobs as there are jobs, the longest idle first."""
        for waiter in list(self._waiters):
            if jobs <= 0:
                return
            if not waiter.could_take(offers):
                continue
            if waiter.is_woken:  # is about to take one
                jobs -= 1
            elif waiter.woken_at <= rested:
                jobs -= 1
                self._call(waiter, is_guess=False)
