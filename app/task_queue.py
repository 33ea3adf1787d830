"""Put tasks on the service's own RQ queue from asyncio, by name and row id only.

RQ encodes the job on a pipeline that is never sent; the same commands are then replayed on the
asyncio client. So nothing blocks the event loop, and RQ alone knows its own keys.
"""

from typing import Any

import redis
import redis.asyncio
import structlog
from rq import Queue
from rq.job import Retry
from rq.serializers import JSONSerializer

QUEUE = "tasks"
ENTRY = "app.tasks.run"  # by name: the web process never loads the code of tasks
RESULT_TTL = 600  # seconds: what a task did is in the rows
FAILURE_TTL = 7 * 24 * 3600  # seconds
TIME_LIMIT = 300  # seconds a task may take

log = structlog.get_logger()


class TaskQueue:
    """The queue of the service's background tasks. Losing an entry is harmless: the sweep puts it again."""

    def __init__(self, encoder: redis.Redis, live: "redis.asyncio.Redis") -> None:
        self._queue = Queue(QUEUE, connection=encoder, serializer=JSONSerializer)
        self._live = live

    async def put(self, name: str, row_id: int = 0) -> bool:
        """Queue one task; False, with a log line, if Redis is away."""
        recorded = self._queue.connection.pipeline()
        self._queue.enqueue_call(
            ENTRY,
            args=(name, row_id),
            timeout=TIME_LIMIT,
            result_ttl=RESULT_TTL,
            failure_ttl=FAILURE_TTL,
            description=f"{name} {row_id}",
            retry=Retry(max=3, interval=[1, 5, 30]),
            pipeline=recorded,
        )
        try:
            await self._replay(recorded.command_stack)
        except (redis.ConnectionError, redis.TimeoutError) as problem:
            log.warning("task_not_queued", task=name, row=row_id, error=str(problem))
            return False
        return True

    async def _replay(self, commands: list[Any]) -> None:
        async with self._live.pipeline() as live:
            for command, options in commands:
                live.execute_command(*command, **options)
            await live.execute()
