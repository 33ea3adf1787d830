"""What every process of the service checks before it starts."""

import asyncio

import redis

from app.db import schema
from app.errors import StartupError, Unreachable
from app.policy import cron
from app.settings import Settings

REDIS_TIMEOUT = 5  # seconds


async def check_schema(database_url: str) -> None:
    """Refuse a database that the code does not fit.

    Raises:
        Unreachable: it does not answer.
        StartupError: its schema is older or newer; says what to do.
    """
    fits, found = await asking_database(database_url)
    if fits:
        return
    if found is not None and found not in schema.known():
        raise StartupError(f"The database's schema {found} is newer than this Rigline. Update Rigline.")
    raise StartupError(
        f"The database's schema is {found or 'empty'}, and this Rigline needs {schema.head()}. Run: rigline db upgrade"
    )


async def asking_database(database_url: str) -> tuple[bool, str | None]:
    """Ask for the schema; a database that is away is a plain sentence."""
    try:
        return await schema.is_current(database_url)
    except schema.AWAY as error:
        raise Unreachable(
            f"The database does not answer: {error or type(error).__name__}. "
            "Start it, or correct DATABASE_URL; without one, `rigline serve` runs its own."
        ) from None


def check_redis(redis_url: str) -> dict[str, object]:
    """Ask Redis for its facts.

    Raises:
        Unreachable: it does not answer.
        StartupError: its address is no such thing.
    """
    try:
        with redis.Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_TIMEOUT, socket_timeout=REDIS_TIMEOUT
        ) as client:
            found: dict[str, object] = client.info()
            return found
    except ValueError:
        raise StartupError("REDIS_URL is not an address. Write redis://host:6379/0 or unix:///path.") from None
    except redis.RedisError as error:
        raise Unreachable(
            f"Redis does not answer: {error}. "
            "Start it, or correct REDIS_URL; without one, `rigline serve` runs its own."
        ) from None


def check(settings: Settings) -> None:
    """Check both servers, before anything else of a process starts."""
    _check_schedule(settings)
    check_redis(settings.redis_url)
    asyncio.run(check_schema(settings.database_url))


def _check_schedule(settings: Settings) -> None:
    try:
        cron.parse(settings.backup_schedule)
    except ValueError as wrong:
        raise StartupError(f"RIGLINE_BACKUP_SCHEDULE: {wrong}.") from None
