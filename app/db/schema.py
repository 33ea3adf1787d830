"""The schema's version: bring it to the newest, or say which it has.

Alembic is loaded only to upgrade: every process asks for the version when it starts, and Alembic takes 10 MiB.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import engine

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, sa.exc.DBAPIError)  # what a server that is away raises
LOCK = 0x7269676C  # "rigl": two processes that upgrade at once do it one after the other


def config() -> "Config":
    """Point alembic at our migrations, without any file of its own."""
    from alembic.config import Config  # noqa: PLC0415  # see above

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def head() -> str:
    """Name the newest revision that this code knows."""
    return max(known())


def known() -> set[str]:
    """Name every revision that this code knows: the digits with which its file's name begins."""
    return {path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*_*.py")}


async def current(db: AsyncConnection) -> str | None:
    """Name the revision that the database has; None if it has no schema yet."""
    if await db.scalar(sa.select(sa.func.to_regclass("alembic_version"))) is None:
        return None
    found: str | None = await db.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


async def upgrade(url: str) -> str:
    """Bring a database to the newest revision, in one transaction; return that revision."""
    own = engine(url, command_timeout=None)  # a large table may take its time
    try:
        async with own.begin() as db:
            await upgrade_within(db)
    finally:
        await own.dispose()
    return head()


async def is_current(url: str) -> tuple[bool, str | None]:
    """Say whether a database is at the newest revision, and which it has."""
    own = engine(url)
    try:
        async with own.connect() as db:
            found = await current(db)
    finally:
        await own.dispose()
    return found == head(), found


async def upgrade_within(db: AsyncConnection, revision: str = "head") -> None:
    """Bring a database to a revision as a part of the caller's transaction."""
    await db.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    await db.run_sync(_upgrade, revision)


def _upgrade(connection: sa.Connection, revision: str = "head") -> None:
    from alembic import command  # noqa: PLC0415  # see above

    with_connection = config()
    with_connection.attributes["connection"] = connection
    command.upgrade(with_connection, revision)
