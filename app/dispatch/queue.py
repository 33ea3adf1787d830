"""RQ's queues of jobs from asyncio: every call runs in `deps.threads`, and Redis being away is survivable.

Rows are the truth. What gets lost here is found by the sweep.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import redis
import sqlalchemy as sa
import structlog

from app.db.models import Priority
from app.db.queries import jobs
from app.deps import Deps
from app.dispatch import proxy

CALL_S = 3.0  # the longest that a request waits for RQ's part of its work
AWAY = (redis.RedisError, TimeoutError, OSError)

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
log = structlog.get_logger()


async def call(
    deps: Deps, step: Callable[Concatenate[redis.Redis, Given], Answer], *given: Given.args, **also: Given.kwargs
) -> Answer:
    """Run one synchronous step of RQ in a thread.

    Raises:
        redis.RedisError, TimeoutError, OSError: Redis is away.
    """
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(
        loop.run_in_executor(deps.threads, lambda: step(deps.redis_sync, *given, **also)), CALL_S
    )


async def offer(deps: Deps, job_ids: Sequence[int], *, at_front: bool = False, pipeline_id: int | None = None) -> int:
    """Put queued jobs into RQ, after the commit that queued them, and wake builders; return how many were new.

    Safe to repeat: a job that is in its queue, or not queued by its row, is left alone.

    Args:
        pipeline_id: of which it is told, with the same hint, that it changed.
    """
    async with deps.autocommit() as db:
        rows = await jobs.queued(db, job_ids)
    try:
        added = await call(deps, _enqueue, by_queue(rows), at_front=at_front)
    except AWAY as problem:
        log.warning("jobs_not_offered", jobs=len(rows), error=str(problem))
        rows, added = [], 0
    topics = [*(["queue"] if rows else []), *(["pipeline"] if pipeline_id is not None else [])]
    if topics:
        await deps.notices.publish(*topics, pipeline=pipeline_id, types=_types(rows))
    return added


def _types(rows: Collection[sa.Row[Any]]) -> dict[str, int]:
    """Count jobs by the type of board that each waits for; nothing if one waits for a single board."""
    return dict(Counter(row.board_type for row in rows)) if all(row.is_for_any for row in rows) else {}


def by_queue(rows: Iterable[sa.Row[Any]]) -> dict[str, list[int]]:
    """Sort jobs (id, board_type, priority) into their queues."""
    sorted_: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        sorted_[proxy.queue_name(row.board_type, row.priority)].append(row.id)
    return dict(sorted_)


def _enqueue(connection: redis.Redis, queues: dict[str, list[int]], *, at_front: bool) -> int:
    return sum(proxy.enqueue(connection, name, ids, at_front=at_front) for name, ids in queues.items())


async def drop(deps: Deps, rows: Iterable[sa.Row[Any]]) -> None:
    """Remove jobs (id, board_type, priority) that are not queued any more."""
    try:
        await call(deps, _drop, by_queue(rows))
    except AWAY as problem:
        log.warning("jobs_not_dropped", error=str(problem))


def _drop(connection: redis.Redis, queues: dict[str, list[int]]) -> None:
    for name, job_ids in queues.items():
        for job_id in job_ids:
            proxy.drop(connection, name, job_id)


def names_for(board_types: Iterable[str]) -> list[str]:
    """List the queues that boards of these types serve."""
    return [proxy.queue_name(kind, priority) for kind in board_types for priority in Priority]


async def adopt(deps: Deps, builder: str, board_types: Iterable[str]) -> None:
    """Show a builder in RQ as a worker of its boards' queues."""
    try:
        await call(deps, lambda connection: proxy.Proxy(builder, names_for(board_types), connection).adopt())
    except AWAY as problem:
        log.warning("builder_not_adopted", builder=builder, error=str(problem))


async def start(deps: Deps, builder: str, queue: str, job_id: int) -> None:
    """Take RQ's steps after a lease was granted; the row has decided, so a failure only delays `rq info`."""
    try:
        await call(deps, lambda connection: proxy.Proxy(builder, [queue], connection).start(job_id))
    except AWAY as problem:
        log.warning("start_not_told", job=job_id, error=str(problem))


async def finish(deps: Deps, builder: str, job_id: int, outcome: str) -> None:
    """Take RQ's steps after an attempt ended by its own words; the sweep repeats them if Redis is away."""
    try:
        await call(deps, lambda connection: proxy.Proxy(builder, [], connection).finish(job_id, outcome))
    except AWAY as problem:
        log.warning("finish_not_told", job=job_id, error=str(problem))


async def fail(deps: Deps, builder: str, job_id: int, reason: str, *, again: bool) -> None:
    """Take RQ's steps after an infrastructure loss; `again`: the row is queued once more."""
    try:
        await call(deps, lambda connection: proxy.Proxy(builder, [], connection).fail(job_id, reason, again=again))
    except AWAY as problem:
        log.warning("failure_not_told", job=job_id, error=str(problem))
