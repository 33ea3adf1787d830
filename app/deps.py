"""What the code needs from outside, built once per process and passed last."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import redis
import redis.asyncio
import sqlalchemy as sa
from redis import Redis as SyncRedis
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from app.db import session as db_session
from app.forges import from_settings
from app.log_digests import LogDigests
from app.notices import Notices
from app.remembered import Remembered
from app.settings import Settings
from app.sign_ins import from_settings as sign_ins_from
from app.task_queue import TaskQueue
from integrations.forge import Forge
from integrations.sign_in import SignIn

REDIS_TIMEOUT = 5  # seconds
REDIS_CONNECTIONS = 4  # of the event loop, one of which listens for notices
RULES_REMEMBERED = 256  # commits whose rules a process knows
OLD_REMEMBERED = 20_000  # heads that reconciling looked up
TURNS = 2  # connections for what comes in crowds
RQ_THREADS = 4  # RQ is synchronous: its calls run here, never on the event loop


@dataclass(frozen=True)
class Deps:
    """Everything a route, handler or task may use of the process."""

    settings: Settings
    engine: AsyncEngine
    intake: asyncpg.Pool  # webhooks only: a fifth of a session's CPU
    redis: "redis.asyncio.Redis"
    redis_sync: SyncRedis  # for RQ, in `threads` only
    threads: ThreadPoolExecutor
    tasks: TaskQueue
    notices: Notices
    forges: Mapping[str, Forge]
    rules: Remembered[tuple[int, str], bytes | None] = field(  # (repository, commit) → the file, which never changes
        default_factory=lambda: Remembered(RULES_REMEMBERED)
    )
    heads: Remembered[tuple[int, str], tuple[str, float]] = field(  # (repository, branch) → its commit, when it was so
        default_factory=lambda: Remembered(RULES_REMEMBERED)
    )
    before_our_time: Remembered[tuple[int, str], None] = field(  # (repository, commit) from before we served it
        default_factory=lambda: Remembered(OLD_REMEMBERED)
    )
    sign_ins: Mapping[str, SignIn] = field(default_factory=dict)  # by forge
    log_digests: LogDigests = field(default_factory=LogDigests)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TURNS))  # see `in_turn`

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a Core transaction: committed at the end, rolled back on an error."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Open a Core connection on which each statement is a transaction: a third of the round trips of `begin`."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def in_turn(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection as `autocommit` does, for one of many like it that come at once.

        Few go at a time: each connection would make its own plans of the same statements, and that costs far more
        than the statements. Nothing else may be opened meanwhile.
        """
        async with self.turns, self.autocommit() as db:
            yield db

    @asynccontextmanager
    async def alone(self, lock: int) -> AsyncIterator[bool]:
        """Hold an advisory lock for longer than a transaction; False if another process has it.

        It ends with the connection, however the process ends.
        """
        async with self.autocommit() as db:
            mine = bool(await db.scalar(sa.select(sa.func.pg_try_advisory_lock(lock))))
            try:
                yield mine
            finally:
                if mine:
                    await db.execute(sa.select(sa.func.pg_advisory_unlock(lock)))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open an SQLModel session in a transaction of its own."""
        async with (
            AsyncSession(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    async def close(self) -> None:
        """Give back connections and threads."""
        await self.notices.close()
        for forge in self.forges.values():
            await forge.close()
        for way in self.sign_ins.values():
            await way.close()
        await self.intake.close()
        await self.engine.dispose()
        await self.redis.aclose()
        self.redis_sync.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


async def build(settings: Settings, forges: Mapping[str, Forge] | None = None) -> Deps:
    """Connect to the database and Redis of the settings; without forges, make those that the settings name."""
    live = _live(settings.redis_url)
    encoder = redis.from_url(settings.redis_url, socket_timeout=REDIS_TIMEOUT)
    notices = Notices(live)
    await notices.start()
    return Deps(
        settings=settings,
        engine=db_session.engine(settings.database_url),
        intake=await db_session.intake_pool(settings.database_url),
        redis=live,
        redis_sync=encoder,
        threads=ThreadPoolExecutor(RQ_THREADS, thread_name_prefix="rq"),
        tasks=TaskQueue(encoder, live),
        notices=notices,
        forges=from_settings(settings) if forges is None else forges,
        sign_ins=sign_ins_from(settings),
    )


def _live(redis_url: str) -> "redis.asyncio.Redis":
    """Make the client of the event loop: a crowd of builders waits for a connection, and opens no crowd of them."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        redis_url,
        max_connections=REDIS_CONNECTIONS,
        timeout=REDIS_TIMEOUT,
        socket_timeout=None,
        socket_connect_timeout=REDIS_TIMEOUT,
    )
    return redis.asyncio.Redis.from_pool(pool)
