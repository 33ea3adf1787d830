"""Live events for browsers and commands: a job's log while it grows, and how any stream of events is sent.

Rows are looked at, notices only say when: a lost notice costs a few seconds. A reader that does not
read is dropped, never buffered for; it may come back with the id of the last event it got.
"""

import asyncio
import codecs
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import Field
from quart import Response, current_app, request

from app.db.queries import log_lines
from app.db.session import is_away
from app.db.tables import attempt, job
from app.deps import Deps
from app.errors import NotFound
from app.states import ENDED
from app.web.api.operations import Given, operation
from app.web.errors import AWAY

MEDIA = "text/event-stream"
PIECE = 64 << 10  # bytes of log in one event at most
LOOK_S = 5.0  # seconds between two looks at the rows without any notice
HEARTBEAT_S = 15.0  # proxies cut lines that are silent for long
SEND_LIMIT_S = 60.0  # a reader that takes nothing for so long is dropped
HEARTBEAT = ": still here\n\n"
log = structlog.get_logger()
STOP = "stopping"  # of app.extensions: an asyncio.Event that is set when the process is told to stop


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a reader has the log: bytes of one attempt. Written `attempt:offset`."""

    attempt: int
    offset: int

    @classmethod
    def read(cls, written: str) -> "Mark | None":
        """Read an event's id; None for anything else."""
        found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,15})", written)
        return cls(attempt=int(found[1]), offset=int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.attempt}:{self.offset}"


class WhereFrom(Given):
    """Where to begin."""

    at: str = Field(default="", max_length=30, description="an event's id; `Last-Event-ID` goes before it")


@operation("GET", "/jobs/{job_id}/log/stream", query=WhereFrom, media=(MEDIA,))
async def stream_log(deps: Deps, *, job_id: int, query: WhereFrom) -> Response:
    """Follow a log: events `log` with `{"text": …}`, `attempt` when a new attempt starts over, `end` with the state.

    `at` beside a text says when it came, in seconds since 1970.
    """
    if await _look(deps, job_id) is None:
        raise NotFound(f"There is no job {job_id}.")
    mark = Mark.read(request.headers.get("Last-Event-ID", "")) or Mark.read(query.at)
    return stream(_follow(deps, job_id, mark, stopping()))


def stopping() -> asyncio.Event:
    """Give the event that ends every stream of this process."""
    found: asyncio.Event = current_app.extensions.setdefault(STOP, asyncio.Event())
    return found


def stream(parts: AsyncIterator[str]) -> Response:
    """Answer with events that go out as they come, without a time limit."""
    response = Response(_dropping_the_stuck(_ending_when_away(parts)), content_type=f"{MEDIA}; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # else nginx gathers events before it passes them on
    response.timeout = None
    return response


async def _ending_when_away(parts: AsyncIterator[str]) -> AsyncIterator[str]:
    """End in order while the database or Redis is away: the reader comes back, as whenever a line ends."""
    try:
        async for part in parts:
            yield part
    except Exception as problem:
        if not isinstance(problem, AWAY) and not is_away(problem):
            raise
        log.warning("stream_ended", error=str(problem)[:200])


async def _dropping_the_stuck(parts: AsyncIterator[str]) -> AsyncIterator[str]:
    """End the request if sending one part takes too long: the generator rests in `yield` meanwhile."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    async for part in parts:
        timer = loop.call_later(SEND_LIMIT_S, _drop, task)
        try:
            yield part
        finally:
            timer.cancel()


def _drop(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()


def event(kind: str, data: Any, mark: object = None) -> str:
    """Write one event; JSON keeps it on one line, whatever the text holds.

    Args:
        mark: what a reader that comes back says it has, as `Last-Event-ID`.
    """
    written = data if isinstance(data, str) else json.dumps(data)
    return f"id: {mark}\nevent: {kind}\ndata: {written}\n\n" if mark else f"event: {kind}\ndata: {written}\n\n"


async def _look(deps: Deps, job_id: int) -> sa.RowMapping | None:
    """Read the job's state and the latest attempt's log size in one snapshot."""
    wanted = (
        sa.select(job.c.state, attempt.c.id.label("attempt_id"), attempt.c.epoch, attempt.c.log_size)
        .select_from(job.outerjoin(attempt, attempt.c.job_id == job.c.id))
        .where(job.c.id == job_id)
        .order_by(attempt.c.epoch.desc().nulls_last())
        .limit(1)
    )
    async with deps.in_turn() as db:  # readers leave the connections to builders
        return (await db.execute(wanted)).mappings().one_or_none()


async def _follow(deps: Deps, job_id: int, mark: Mark | None, stopped: asyncio.Event) -> AsyncIterator[str]:
    news, reader, quiet_s = asyncio.Event(), _Reader(deps, mark), 0.0

    def hear(hint: dict[str, Any]) -> None:
        if hint.get("job") == job_id:
            news.set()

    with contextlib.ExitStack() as heard:
        for topic in ("log", "job"):
            heard.callback(deps.notices.on(topic, hear))
        yield HEARTBEAT  # the headers go out with it: the reader knows that the line stands
        while not stopped.is_set():
            news.clear()
            seen = await _look(deps, job_id)
            async for each in reader.new(seen):
                yield each
            if seen is None or seen["state"] in ENDED:
                return
            quiet_s = 0.0 if await _set(news, stopped, timeout=LOOK_S) else quiet_s + LOOK_S
            if quiet_s >= HEARTBEAT_S:
                quiet_s = 0.0
                yield HEARTBEAT


class _Reader:
    """Gives what is new of a log since the last look."""

    def __init__(self, deps: Deps, mark: Mark | None) -> None:
        self._deps = deps
        self._mark = mark

    async def new(self, seen: sa.RowMapping | None) -> AsyncIterator[str]:
        """Write the events that one look leads to."""
        if seen is None:
            yield event("end", "deleted")
            return
        has_ended = seen["state"] in ENDED
        if seen["attempt_id"] is not None:
            for each in self._turned_to(seen["attempt_id"], seen["epoch"]):
                yield each
            async for each in self._texts(seen["log_size"], has_ended=has_ended):
                yield each
        if has_ended:
            yield event("end", seen["state"].value)

    def _turned_to(self, attempt_id: int, epoch: int) -> list[str]:
        """Begin anew with another attempt; the reader hears of it unless it had none."""
        before = self._mark
        if before is not None and before.attempt == attempt_id:
            return []
        self._mark = Mark(attempt=attempt_id, offset=0)
        return [event("attempt", str(epoch), self._mark)] if before else []

    async def _texts(self, size: int, *, has_ended: bool) -> AsyncIterator[str]:
        """Read on from the mark; a character whose bytes are not all there yet waits for the next look."""
        while self._mark and self._mark.offset < size:
            attempt_id, start = self._mark.attempt, self._mark.offset
            async with self._deps.in_turn() as db:
                data, came = await log_lines.piece(db, attempt_id, start, min(PIECE, size - start))
            text, used = _decoded(data, is_last=has_ended and start + len(data) >= size)
            if not used:
                return
            self._mark = Mark(attempt=attempt_id, offset=start + used)
            at = None if came is None else round(came.timestamp())
            yield event("log", {"text": text, "at": at}, self._mark)


async def _set(*any_of: asyncio.Event, timeout: float) -> bool:  # noqa: ASYNC109  # asyncio.wait has one too
    """Wait until one of the events is set; False if none was in time."""
    waiting = [asyncio.ensure_future(each.wait()) for each in any_of]
    try:
        done, _ = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
    return bool(done)


def _decoded(data: bytes, *, is_last: bool) -> tuple[str, int]:
    """Decode as much as there are whole characters; also gives how many bytes that was."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    new = decoder.decode(data, final=is_last)
    return new, len(data) - len(decoder.getstate()[0])
