"""Tell the other processes that something changed: a lossy hint over Redis, never the truth.

One subscription per process; whoever wants to hear registers a callback. A hint may get lost with
the connection, so every listener also looks at the rows now and then.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
import structlog

CHANNEL = "rigline:hints"  # another name for another form: processes of two versions may run side by side
RECONNECT_S = 1.0

Callback = Callable[[dict[str, Any]], None]
log = structlog.get_logger()


class Notices:
    """Publish hints and hear those of all processes. Topics in use: queue, cancel, log, job, pipeline, builder."""

    def __init__(self, live: "redis.asyncio.Redis") -> None:
        self._live = live
        self._callbacks: dict[str, set[Callback]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def start(self) -> None:
        """Subscribe; returns once hints are heard, or after two seconds if Redis is away."""
        self._reader = asyncio.create_task(self._read_for_ever())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), 2)

    async def close(self) -> None:
        """Stop listening."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    def on(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Call back, in the event loop, for every hint on the topic; the returned function ends that."""
        self._callbacks[topic].add(callback)

        def remove() -> None:
            self._callbacks[topic].discard(callback)

        return remove

    async def publish(self, topic: str, *also: str, **data: Any) -> None:
        """Send a hint, after the commit it speaks of. A lost one is only logged.

        Args:
            also: further topics on which the same is heard: one trip instead of several.
        """
        try:
            await self._live.publish(CHANNEL, json.dumps({"topics": [topic, *also], **data}))
        except (redis.ConnectionError, redis.TimeoutError) as problem:
            log.warning("notice_lost", topic=topic, error=str(problem))

    async def _read_for_ever(self) -> None:
        while True:
            try:
                async with self._live.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(CHANNEL)
                    self._heard.set()
                    async for message in subscription.listen():
                        self._hear(json.loads(message["data"]))
            except (redis.ConnectionError, redis.TimeoutError) as problem:
                log.warning("notices_interrupted", error=str(problem))
                await asyncio.sleep(RECONNECT_S)

    def _hear(self, hint: dict[str, Any]) -> None:
        for topic in hint["topics"]:
            for callback in tuple(self._callbacks[topic]):
                callback(hint)
