"""What changed, for pages that are open: the hints of all processes in one order, and who is to hear of which.

A process keeps the last hints that were recorded, so that a reader that was cut off, be it from another process,
goes on after the last one it heard of. Where that is too long ago it is told to look at everything again.
"""

import asyncio
import contextlib
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import redis
import sqlalchemy as sa
import structlog

from app.db import sight
from app.db.queries import pipelines
from app.deps import Deps
from app.notices import RECORDED
from app.remembered import Remembered
from app.states import ENDED

KEPT = 2_000  # hints in memory: the pages that wait for a process that starts anew are far behind by fewer
LOOKED_UP = 20_000  # pipelines whose repository is remembered
PRIVACY_S = 30.0  # for so long it is believed that a repository is as private as it was
GATHER_S = 0.1  # between two events for one reader: a burst is one
STATES = frozenset(each.value for each in ENDED)

log = structlog.get_logger()


class Position(NamedTuple):
    """Where a hint stands in the order of all. Written `milliseconds-number`, as Redis does."""

    at_ms: int
    number: int

    @classmethod
    def read(cls, written: str) -> "Position | None":
        """Read an event's id; None for anything else."""
        found = re.fullmatch(r"([0-9]{1,15})-([0-9]{1,15})", written)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.number}"


START = Position(0, 0)


@dataclass(frozen=True, kw_only=True)
class Over:
    """A pipeline that has just ended."""

    pipeline: int
    state: str
    title: str
    requested_by: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One hint. What is None is not known, and may be any."""

    at: Position
    topics: frozenset[str]
    pipeline: int | None = None
    job: int | None = None
    builder: int | None = None
    repository: int | None = None
    is_private: bool | None = None
    over: Over | None = None
    ends: bool = False  # a job ended: its pipeline may have

    @classmethod
    def of(cls, hint: dict[str, Any], at: Position) -> "Change":
        """Take it from a hint as it was published."""
        topics = frozenset(hint["topics"])
        builder = hint.get("builder", hint.get("id") if "builder" in topics else None)
        return cls(
            at=at,
            topics=topics & RECORDED,
            pipeline=hint.get("pipeline") or hint.get("pipeline_id"),
            job=hint.get("job"),
            builder=builder,
            repository=hint.get("repository"),
            ends=hint.get("state") in STATES,
        )


class _Known(NamedTuple):
    """Whose a pipeline is."""

    repository: int
    is_private: bool
    at: float  # by the monotonic clock


Concerns = Callable[[Change], bool]


@dataclass(frozen=True, kw_only=True)
class News:
    """What a reader has not heard of yet."""

    at: Position
    topics: frozenset[str] = frozenset()
    over: tuple[Over, ...] = ()
    is_reset: bool = False  # some of it is not known any more: look at everything


@dataclass(eq=False)
class _Reader:
    concerns: Concerns
    at: Position
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_reset: bool = False


class Changes:
    """The hints that this process knows, and the readers of them that it serves."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._known: deque[Change] = deque(maxlen=KEPT)
        self._floor = START  # what was said up to here is not known
        self._loaded = False
        self._loading = asyncio.Lock()
        self._heard: list[Change] = []  # not looked at yet
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._again: asyncio.Task[None] | None = None
        self._readers: set[_Reader] = set()
        self._repositories: Remembered[int, _Known] = Remembered(LOOKED_UP)
        for topic in RECORDED:
            deps.notices.on(topic, self._hear)
        deps.notices.on_interruption(self._start_over)

    def __len__(self) -> int:
        """Count the readers."""
        return len(self._readers)

    async def position(self) -> Position | None:
        """Say up to where everything is known: rows that are read from now on hold it. None while Redis is away."""
        if not self._loaded:
            async with self._loading:
                with contextlib.suppress(redis.RedisError, OSError):
                    await self._load()
        return self._now if self._loaded else None

    async def listen(
        self, since: Position | None, concerns: Concerns, idle_s: float, stopped: asyncio.Event
    ) -> AsyncGenerator[News, None]:
        """Give what concerns a reader as it comes, until the process is told to stop.

        The first news is empty, once nothing is missed any more; so is what comes after `idle_s` seconds without any.

        Args:
            since: the last position that it knows; None: from now on.
        """
        now = await self.position()
        reader = _Reader(concerns, since or now or START)
        reader.is_reset = now is None or not self._floor <= reader.at <= now
        self._readers.add(reader)
        if self._watching is None:
            self._watching = asyncio.create_task(self._wake_at(stopped))
        try:
            yield News(at=reader.at)
            while not stopped.is_set():
                if (news := self._news(reader)) is not None:
                    yield news
                    await asyncio.sleep(GATHER_S)
                    continue
                try:
                    await asyncio.wait_for(reader.wake.wait(), idle_s)
                except TimeoutError:
                    yield News(at=reader.at)
        finally:
            self._leave(reader)

    def _leave(self, reader: _Reader) -> None:
        self._readers.discard(reader)
        if not self._readers and self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _wake_at(self, stopped: asyncio.Event) -> None:
        await stopped.wait()
        self._wake()

    def _wake(self) -> None:
        for reader in self._readers:
            reader.wake.set()

    @property
    def _now(self) -> Position:
        return self._known[-1].at if self._known else self._floor

    def _news(self, reader: _Reader) -> News | None:
        """Take what the reader has not heard of."""
        reader.wake.clear()
        since, reader.at = reader.at, max(reader.at, self._now)
        if reader.is_reset or since < self._floor:
            reader.at, reader.is_reset = self._now, False
            return News(at=reader.at, is_reset=True)
        fresh = [change for change in self._after(since) if reader.concerns(change)]
        if not fresh:
            return None
        topics = frozenset[str]().union(*(each.topics for each in fresh))
        return News(at=reader.at, topics=topics, over=tuple(each.over for each in fresh if each.over))

    def _after(self, since: Position) -> Iterable[Change]:
        found = []
        for change in reversed(self._known):
            if change.at <= since:
                break
            found.append(change)
        return reversed(found)

    def _hear(self, hint: dict[str, Any]) -> None:
        at = Position.read(hint.get("at", ""))
        if at is None:  # from a process of an older version
            return
        if self._heard and self._heard[-1].at == at:  # it is on several topics
            return
        self._heard.append(Change.of(hint, at))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Find out whose what was heard is, and let the readers know."""
        try:
            while self._heard:
                some, self._heard = self._heard, []
                for change in await self._known_better(some):
                    self._keep(change)
                self._wake()
        finally:
            self._looking = None

    def _keep(self, change: Change) -> None:
        if self._known and change.at <= self._known[-1].at:
            return
        if len(self._known) == KEPT:
            self._floor = self._known[0].at
        self._known.append(change)

    async def _known_better(self, some: list[Change]) -> list[Change]:
        """Add the repositories, and the pipelines that have ended; without them if the database is away."""
        try:
            with sight.everything():  # whoever's request this is: what is known here is for all readers
                found = await self._with_repositories(some)
                return [await self._with_end(each) if each.ends and self._readers else each for each in found]
        except (OSError, sa.exc.SQLAlchemyError) as problem:
            log.warning("changes_not_looked_up", error=str(problem)[:200])
            return some

    async def _with_repositories(self, some: list[Change]) -> list[Change]:
        now = time.monotonic()
        missing = {each.pipeline for each in some if each.pipeline and not self._is_known(each.pipeline, now)}
        if missing:
            async with self._deps.autocommit() as db:
                for pipeline_id, repository_id, is_private in await pipelines.repositories_of(db, sorted(missing)):
                    self._repositories[pipeline_id] = _Known(repository_id, is_private, now)
        return [self._placed(each) for each in some]

    def _is_known(self, pipeline_id: int, now: float) -> bool:
        return pipeline_id in self._repositories and now - self._repositories[pipeline_id].at < PRIVACY_S

    def _placed(self, change: Change) -> Change:
        if not change.pipeline or change.pipeline not in self._repositories:
            return replace(change, is_private=False)  # there is none, so that nothing is told of it
        known = self._repositories[change.pipeline]
        return replace(change, repository=known.repository, is_private=known.is_private)

    async def _with_end(self, change: Change) -> Change:
        async with self._deps.begin() as db:
            pipeline = await pipelines.get(db, change.pipeline or 0)
        if pipeline is None or pipeline.ended_at is None:
            return change
        over = Over(
            pipeline=pipeline.id,
            state=pipeline.state.value,
            title=pipeline.title or pipeline.commit[:10],
            requested_by=pipeline.requested_by,
        )
        return replace(change, over=over)

    def _start_over(self) -> None:
        """Forget: hints were missed, and some may never have been sent. Every reader looks at everything."""
        self._loaded = False
        self._known.clear()
        self._again = asyncio.create_task(self._reset())

    async def _reset(self) -> None:
        await self.position()
        for reader in self._readers:
            reader.is_reset = True
        self._wake()

    async def _load(self) -> None:
        if self._loaded:
            return
        told = await self._deps.notices.history(KEPT)
        past = [Change.of(hint, at) for hint in told if (at := Position.read(hint["at"])) is not None]
        heard = {each.at: each for each in (*past, *self._known)}
        kept = sorted(heard.values(), key=lambda change: change.at)
        self._known = deque(await self._known_better(kept), maxlen=KEPT)
        self._floor = self._known[0].at if self._known else START
        self._loaded = True
