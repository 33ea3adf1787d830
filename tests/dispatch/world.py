"""The service as a builder meets it, and verbs to set scenes: rows are aged instead of waited for."""

import asyncio
import contextlib
import dataclasses
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart

from app import deps as deps_module
from app.db.models import Priority, Trigger
from app.db.queries import builders, jobs
from app.db.queries.boards import Target
from app.db.tables import attempt, board, job, pipeline, repository
from app.deps import Deps
from app.dispatch import proxy, queue, sweep
from app.main import create_app
from app.settings import Settings
from app.states import JobState
from builders import protocol
from builders.json_values import from_json, to_json

COMMIT = "c0ffee" + 34 * "0"


@dataclasses.dataclass
class FakeBuilder:
    """An agent that does what the test says, over real HTTP."""

    name: str
    id: int
    token: str
    http: httpx2.AsyncClient
    boards: list[str]
    instance: str
    isolation: str = protocol.Level.NAMESPACES

    async def hello(self, boards: Sequence[protocol.BoardOffer], **changes: Any) -> httpx2.Response:
        apart = self.isolation
        said = protocol.Hello(instance=self.instance, version="1", isolation=apart, boards=list(boards))
        return await self.http.put("builders/me", json={**to_json(said), **changes})

    async def ask(self, wait_s: float = 0.0, **changes: Any) -> httpx2.Response:
        asked = {"claim_id": str(uuid4()), "instance": self.instance, "boards_free": self.boards, "wait_s": wait_s}
        return await self.http.post("builders/me/claim", json={**asked, **changes}, timeout=60)

    async def claim(self, wait_s: float = 0.0, **changes: Any) -> protocol.Lease | None:
        answer = await self.ask(wait_s, **changes)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.text
        return from_json(protocol.Lease, answer.json())

    async def beat(self, lease: protocol.Lease, **changes: Any) -> httpx2.Response:
        return await self.http.post(f"attempts/{lease.attempt_id}/beat", json={"epoch": lease.epoch, **changes})

    async def log(self, lease: protocol.Lease, start: int, data: bytes) -> httpx2.Response:
        where = {"epoch": lease.epoch, "start": start}
        return await self.http.patch(f"attempts/{lease.attempt_id}/log", params=where, content=data)

    async def result(self, lease: protocol.Lease, number: int, data: bytes, **of: Any) -> httpx2.Response:
        path = f"attempts/{lease.attempt_id}/results/{number}"
        return await self.http.put(path, params={"epoch": lease.epoch, **of}, content=data)

    async def look(self, lease: protocol.Lease, pairs: int, results: Sequence[Any], **changes: Any) -> httpx2.Response:
        said = {"epoch": lease.epoch, "pairs": pairs, "results": list(results)}
        return await self.http.post(f"attempts/{lease.attempt_id}/look", json={**said, **changes}, timeout=60)

    async def wait(self, lease: protocol.Lease) -> httpx2.Response:
        path = f"attempts/{lease.attempt_id}/wait"
        return await self.http.get(path, params={"epoch": lease.epoch}, timeout=60)

    async def finish(
        self, lease: protocol.Lease, outcome: str = "passed", log: bytes = b"", **changes: Any
    ) -> httpx2.Response:
        said = {
            "epoch": lease.epoch,
            "outcome": outcome,
            "log_size": len(log),
            "log_sha256": hashlib.sha256(log).hexdigest(),
        }
        return await self.http.put(f"attempts/{lease.attempt_id}/result", json={**said, **changes})


@dataclasses.dataclass
class World:
    """One web process in this process; `another_web` adds one."""

    deps: Deps
    app: Quart
    address: str
    settings: Settings
    stack: AsyncExitStack

    @classmethod
    async def build(cls, settings: Settings, stack: AsyncExitStack) -> "World":
        deps, app, address = await stack.enter_async_context(web(settings))
        return cls(deps, app, address, settings, stack)

    async def another_web(self) -> str:
        """Start a second web process' worth of service over the same servers; return its address."""
        _, _, address = await self.stack.enter_async_context(web(self.settings))
        return address

    async def page(self, path: str) -> str:
        """Look at a page, as nobody in particular."""
        async with httpx2.AsyncClient(base_url=self.address) as visitor:
            return (await visitor.get(path)).text

    async def read(self, path: str, address: str | None = None) -> httpx2.Response:
        """Ask the API as nobody in particular, who sees what is public: a builder's token opens nothing to read."""
        async with httpx2.AsyncClient(base_url=f"{address or self.address}/api/v1/", trust_env=False) as visitor:
            return await visitor.get(path)

    async def client(self, token: str, address: str | None = None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {token}", "Rigline-Protocol": str(protocol.PROTOCOL)}
        base = f"{address or self.address}/api/v1/"
        return await self.stack.enter_async_context(httpx2.AsyncClient(base_url=base, headers=headers, trust_env=False))

    async def builder(self, name: str = "lab", *offers: protocol.BoardOffer, address: str | None = None) -> FakeBuilder:
        """Create a builder with a token and say hello for it; by default with one nucleo and configuration `fast`."""
        offers = offers or (offer("nucleo"),)
        async with self.deps.begin() as db:
            builder_id, secret = await builders.create(db, name)
        token = f"rlb_{builder_id}.{secret}"
        http = await self.client(token, address)
        made = FakeBuilder(name, builder_id, token, http, [each.name for each in offers], f"instance-{name}")
        answer = await made.hello(offers)
        assert answer.status_code == 200, answer.text
        return made

    async def pipeline(self, **values: Any) -> int:
        """Add a trusted pipeline of a plain remote."""
        async with self.deps.begin() as db:
            remote = {"forge": "git", "full_name": "example/firmware", "clone_url": f"https://git.example/{uuid4()}"}
            remote |= {"default_branch": "main", "private": False}
            repository_id = await db.scalar(sa.insert(repository).values(remote).returning(repository.c.id))
            row = {
                "repository_id": repository_id,
                "commit": COMMIT,
                "kind": protocol.Kind.RUN,
                "trigger": Trigger.DISPATCH,
                "from_fork": False,
                "title": "",
                "trust": "a test",
                "requested_by": "",
                **values,
            }
            return (await db.execute(sa.insert(pipeline).values(row).returning(pipeline.c.id))).scalar_one()

    async def queued(
        self,
        board_type: str = "nucleo",
        configuration: str = "fast",
        *,
        pipeline_id: int | None = None,
        priority: Priority = Priority.BRANCH,
        offered: bool = True,
        tags: Sequence[str] = (),
        board: str | None = None,
    ) -> int:
        """Queue one job, in its rows and, unless told otherwise, in RQ."""
        pipeline_id = pipeline_id or await self.pipeline()
        async with self.deps.begin() as db:
            job_id = await jobs.add(
                db,
                pipeline_id,
                Target(board_type, configuration, tuple(tags)),
                state=JobState.QUEUED,
                priority=priority,
                board=board,
            )
        assert job_id is not None
        if offered:
            await queue.offer(self.deps, [job_id])
        return job_id

    async def running(self, builder: FakeBuilder, **how: Any) -> protocol.Lease:
        """Queue a job, and have the builder claim and accept it."""
        job_id = await self.queued(**how)
        lease = await builder.claim()
        assert lease is not None and lease.job_id == job_id
        assert (await builder.beat(lease)).status_code == 200
        return lease

    async def job(self, job_id: int) -> sa.Row[Any]:
        async with self.deps.begin() as db:
            return await jobs.get(db, job_id)

    async def states(self, *job_ids: int) -> list[str]:
        return [str((await self.job(each)).state) for each in job_ids]

    async def attempts(self, job_id: int) -> list[sa.Row[Any]]:
        async with self.deps.begin() as db:
            mine = sa.select(attempt).where(attempt.c.job_id == job_id).order_by(attempt.c.epoch)
            return list(await db.execute(mine))

    async def board(self, name: str) -> sa.Row[Any]:
        async with self.deps.begin() as db:
            return (await db.execute(sa.select(board).where(board.c.name == name))).one()

    async def execute(self, statement: Any) -> None:
        async with self.deps.begin() as db:
            await db.execute(statement)

    async def age_attempt(self, attempt_id: int, seconds: float) -> None:
        """Let an attempt be older by some seconds: opened, accepted and its lease."""
        by = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        older = {name: attempt.c[name] - by for name in ("opened_at", "accepted_at", "lease_until")}
        await self.execute(sa.update(attempt).where(attempt.c.id == attempt_id).values(older))

    async def age_job(self, job_id: int, seconds: float) -> None:
        """Let a job have been queued, and its cancel been asked for, some seconds earlier."""
        by = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        older = {name: job.c[name] - by for name in ("queued_at", "cancel_requested_at")}
        await self.execute(sa.update(job).where(job.c.id == job_id).values(older))

    async def somebody_waits_for_a_row(self) -> None:
        """Return when some transaction waits for a lock of another one."""
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        await self._until(lambda: self._scalar(waiting), lambda found: found > 0)

    async def somebody_waits_for_a_job(self, count: int = 1, *, exactly: bool = False) -> None:
        """Return when so many claims are held by this process."""

        async def held() -> int:
            return len(self.app.extensions["waiting"]._waiters)

        await self._until(held, lambda found: found == count if exactly else found >= count)

    async def somebody_waits_for_a_cancel(self) -> None:
        """Return when a builder's wait is held by this process."""

        async def held() -> int:
            return len(self.app.extensions["signals"]._waits)

        await self._until(held, lambda found: found > 0)

    async def _scalar(self, statement: Any) -> int:
        async with self.deps.begin() as db:
            return int(await db.scalar(statement) or 0)

    async def _until(self, read: Callable[[], Awaitable[int]], is_so: Callable[[int], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_so(await read()):
                await asyncio.sleep(0.01)

    async def sweep(self) -> None:
        await sweep.sweep(self.deps)

    def rq_list(self, board_type: str = "nucleo", priority: Priority = Priority.BRANCH) -> list[str]:
        """Read the job ids that wait in an RQ queue, in their order."""
        name = proxy.queue_name(board_type, priority)
        return proxy.queue(self.deps.redis_sync, name).get_job_ids()

    def age_sighting(self, job_id: int, seconds: float) -> None:
        """Let RQ have seen a popped job for the first time some seconds earlier."""
        copy = proxy.queue(self.deps.redis_sync, "board:nucleo:branch").intermediate_queue
        key = copy.get_first_seen_key(proxy.rq_id(job_id))
        seen = copy.get_first_seen(proxy.rq_id(job_id))
        assert seen is not None
        self.deps.redis_sync.set(key, seen.timestamp() - seconds)

    async def no_transaction_is_left(self) -> None:
        """Return when the database has noticed that a killed process is gone."""
        open_ = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
        await self._until(lambda: self._scalar(open_), lambda found: found == 0)

    async def is_in_state(self, job_id: int, state: str) -> None:
        """Return when a job is in a state."""

        async def matches() -> int:
            return int((await self.job(job_id)).state == state)

        await self._until(matches, bool)

    @asynccontextmanager
    async def database_is_away(self) -> AsyncIterator[None]:
        """Let every transaction of this process fail as if the server had gone, connections and all."""
        pool = self.deps.engine.sync_engine.pool

        def refuse(*_: Any) -> None:
            raise OSError("the database is away")

        sa.event.listen(pool, "checkout", refuse)
        try:
            yield
        finally:
            sa.event.remove(pool, "checkout", refuse)


def offer(
    name: str,
    *configurations: str,
    type: str | None = None,
    tags: Sequence[str] = (),
    limit_s: float | None = None,
    compares: bool = False,
) -> protocol.BoardOffer:
    """Describe a board that a builder offers; by default with one configuration, `fast`."""
    names = configurations or ("fast",)
    offered = [protocol.ConfigurationOffer(name=each, limit_s=limit_s, compares=compares) for each in names]
    return protocol.BoardOffer(name=name, type=type or name, tags=list(tags), configurations=offered)


@asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[tuple[Deps, Quart, str]]:
    """Serve the real application over real HTTP on a port of its own."""
    deps = await deps_module.build(settings, {})
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.2
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    app = create_app(deps)
    serving = asyncio.create_task(
        serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    )
    try:
        yield deps, app, address
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await deps.close()
