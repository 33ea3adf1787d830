"""Who of the service's own processes lives: web says so in a row, for leases hang on it, and workers in Redis."""

import asyncio
import contextlib

import redis
import structlog

from app.db.queries import presence
from app.deps import Deps

WORKERS = "rigline:workers"  # a sorted set in Redis: names of workers by when they were alive, by its clock
BEAT_S = 5.0  # how often a worker says that it lives
DEAD_S = 20.0  # a worker that has not said so for so long is dead

log = structlog.get_logger()


async def show(deps: Deps) -> None:
    """Go on until cancelled; while the database is away the row grows old, which is what it is for."""
    while True:
        try:
            async with asyncio.timeout(presence.AWAY_S), deps.autocommit() as db:
                await presence.note(db)
        except Exception as problem:
            log.warning("presence_not_noted", error=str(problem)[:200])
        await asyncio.sleep(presence.NOTE_S)


async def show_worker(deps: Deps, name: str) -> None:
    """Say that this worker takes tasks, until cancelled; then say that it does not any more."""
    try:
        while True:
            with contextlib.suppress(OSError, redis.RedisError):  # nobody could hear it
                now = await _redis_now(deps)
                await deps.redis.zadd(WORKERS, {name: now})
                await deps.redis.zremrangebyscore(WORKERS, "-inf", now - 3 * DEAD_S)
            await asyncio.sleep(BEAT_S)
    finally:
        with contextlib.suppress(OSError, redis.RedisError):
            await deps.redis.zrem(WORKERS, name)


async def workers(deps: Deps) -> int:
    """Count the workers that live.

    Raises:
        OSError, redis.RedisError: Redis is away.
    """
    return int(await deps.redis.zcount(WORKERS, await _redis_now(deps) - DEAD_S, "+inf"))


async def _redis_now(deps: Deps) -> float:
    seconds, micros = await deps.redis.time()
    return float(seconds) + float(micros) / 1e6
