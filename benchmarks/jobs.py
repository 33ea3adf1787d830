"""What the database says of the jobs, read while nothing is measured or once in a while."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from app.db.session import arguments
from benchmarks.service import Service

PAUSE = 0.1  # seconds between two looks
LIMIT = 120.0  # seconds to wait for something that must happen


async def waiting(service: Service) -> int:
    """Count the jobs that are queued."""
    return await _count(service, "state = 'queued'")


async def running(service: Service) -> int:
    """Count the jobs that a builder accepted."""
    return await _count(service, "state = 'running'")


async def boards(service: Service) -> int:
    """Count the boards that builders registered."""
    return int((await _ask(service, "SELECT count(*) FROM board"))[0][0])


async def until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    """Wait until a count is reached.

    Raises:
        TimeoutError: it was not, in two minutes.
    """
    async with asyncio.timeout(LIMIT):
        while await count() < wanted:  # noqa: ASYNC110  # rows send no signal
            await asyncio.sleep(PAUSE)


async def _count(service: Service, condition: str) -> int:
    return int((await _ask(service, f"SELECT count(*) FROM job WHERE {condition}"))[0][0])


async def _ask(service: Service, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(**arguments(service.settings.database_url))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
