"""Tell the other processes that something changed: a lossy hint over Redis, never the truth.

One subscription per process; whoever wants to hear registers a callback. A hint may get lost with
the connection, so every listener also looks at the rows now and then. What pages show is kept for a
while too, each with a position that all processes count alike: who was away hears of what was said meanwhile.
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
HISTORY = "rigline:changes"  # a stream of what was said on the topics below
KEPT = 10_000  # hints of it, about: two megabytes
RECORDED = frozenset({"job", "pipeline", "builder", "delivery", "result"})  # topics that pages show
RECONNECT_S = 1.0

# One step for Redis, so that positions are heard in their order.
_RECORD = """
local at = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'hint', ARGV[1])
return redis.call('PUBLISH', ARGV[3], '{"at":"' .. at .. '",' .. string.sub(ARGV[1], 2))
"""

Callback = Callable[[dict[str, Any]], None]
log = structlog.get_logger()


class Notices:
    """Publish hints and hear those of all processes. Topics: queue, cancel, log, status and those of RECORDED."""

    def __init__(self, live: "redis.asyncio.Redis") -> None:
        self._live = live
        self._callbacks: dict[str, set[Callback]] = defaultdict(set)
        self._interrupted: set[Callable[[], None]] = set()
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
        """Call back, in the event loop, for every hint on the topic; the returned function ends that.

        A hint on one of RECORDED has its position as `at`.
        """
        self._callbacks[topic].add(callback)

        def remove() -> None:
            self._callbacks[topic].discard(callback)

        return remove

    def on_interruption(self, callback: Callable[[], None]) -> None:
        """Call back whenever hints are heard again after some may have been missed."""
        self._interrupted.add(callback)

    async def publish(self, topic: str, *also: str, **data: Any) -> None:
        """Send a hint, after the commit it speaks of. A lost one is only logged.

        Args:
            also: further topics on which the same is heard: one trip instead of several.
        """
        topics = [topic, *also]
        said = json.dumps({"topics": topics, **data})
        try:
            if RECORDED.isdisjoint(topics):
                await self._live.publish(CHANNEL, said)
            else:
                await self._live.eval(_RECORD, 1, HISTORY, said, KEPT, CHANNEL)  # type: ignore[misc, no-untyped-call, unused-ignore]
        except redis.RedisError as problem:
            log.warning("notice_lost", topic=topic, error=str(problem))

    async def history(self, count: int) -> list[dict[str, Any]]:
        """Read the last hints that were recorded, in their order.

        Raises:
            redis.RedisError: Redis is away.
        """
        entries: Any = await self._live.xrevrange(HISTORY, count=count)
        return [{"at": at.decode(), **json.loads(fields[b"hint"])} for at, fields in reversed(entries)]

    async def _read_for_ever(self) -> None:
        while True:
            try:
                async with self._live.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(CHANNEL)
                    if self._heard.is_set():
                        self._tell_of_interruption()
                    self._heard.set()
                    async for message in subscription.listen():
                        self._hear(json.loads(message["data"]))
            except (redis.ConnectionError, redis.TimeoutError) as problem:
                log.warning("notices_interrupted", error=str(problem))
                await asyncio.sleep(RECONNECT_S)

    def _tell_of_interruption(self) -> None:
        for callback in tuple(self._interrupted):
            callback()

    def _hear(self, hint: dict[str, Any]) -> None:
        for topic in hint["topics"]:
            for callback in tuple(self._callbacks[topic]):
                callback(hint)
