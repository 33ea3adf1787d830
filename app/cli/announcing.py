"""Tell whoever started the service how far it is: systemd, or the keeper of an instance (sd_notify(3)).

Silence where nobody asked. `READY=1` is said when web answers that it can work and every worker takes tasks.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence

import httpx2
import redis.asyncio

from app.embedded.child import Child
from app.settings import Settings
from builders.watchdog import Watchdog

POLL_S = 0.05
CALL_S = 5.0
WORKERS = "rq:workers:tasks"  # RQ's set of the workers that take tasks; their names hold their process ids


class Announcer:
    """Says what is reached, step by step."""

    def __init__(self) -> None:
        self._watchdog = Watchdog()
        self.is_heard = self._watchdog.is_heard

    def say(self, text: str) -> None:
        """Say one step, as a person would like to read it."""
        self._watchdog.tell(f"STATUS={text}")

    def close(self) -> None:
        """Say nothing more."""
        self._watchdog.close()

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._watchdog.tell("STOPPING=1", "STATUS=stopping")

    async def announce(self, settings: Settings, *, over_socket: bool, workers: Sequence[Child]) -> None:
        """Say when web and the workers are ready, then again and again that the event loop turns."""
        if not self.is_heard:
            return
        async with _client(settings, over_socket=over_socket) as client:
            while not await _answers(client):  # whoever started us bounds the wait  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        self.say("web answers")
        queue = redis.asyncio.Redis.from_url(settings.redis_url, socket_timeout=CALL_S, decode_responses=True)
        async with queue as connection:
            while not await _take_tasks(connection, workers):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        self.say("worker takes tasks" if len(workers) == 1 else f"{len(workers)} workers take tasks")
        self._watchdog.tell("READY=1", "STATUS=running")
        await self._watchdog.beat()


def _client(settings: Settings, *, over_socket: bool) -> httpx2.AsyncClient:
    """Reach our own web: over the Unix socket where it is ours, else over the port, whatever its certificate."""
    if over_socket:
        transport = httpx2.AsyncHTTPTransport(uds=str(settings.socket))
        return httpx2.AsyncClient(transport=transport, base_url="http://rigline", timeout=CALL_S)
    scheme = "https" if settings.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.bind, settings.bind)  # noqa: S104  # asked, not bound
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    return httpx2.AsyncClient(
        base_url=f"{scheme}://{host}:{settings.port}", timeout=CALL_S, verify=unverified, trust_env=False
    )


async def _answers(client: httpx2.AsyncClient) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return bool((await client.get("/readyz")).status_code == 200)
    return False


async def _take_tasks(connection: redis.asyncio.Redis, workers: Sequence[Child]) -> bool:
    with contextlib.suppress(redis.RedisError, OSError):
        names = {str(name) for name in await connection.smembers(WORKERS)}
        pids = [worker.process.pid for worker in workers if worker.process]
        return all(any(f"-{pid}-" in name for name in names) for pid in pids)
    return False
