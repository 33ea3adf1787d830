"""The schema's version: bring it to the newest, or say which it has."""

from pathlib import Path

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import engine

MIGRATIONS = Path(__file__).parent / "migrations"
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, sa.exc.DBAPIError)  # what a server that is away raises
LOCK = 0x7269676C  # "rigl": two processes that upgrade at once do it one after the other


def config() -> Config:
    """Point alembic at our migrations, without any file of its own."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def head() -> str:
    """Name the newest revision that this code knows."""
    found = ScriptDirectory.from_config(config()).get_current_head()
    return str(found)


def known() -> set[str]:
    """Name every revision that this code knows."""
    return {step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()}


async def current(db: AsyncConnection) -> str | None:
    """Name the revision that the database has; None if it has no schema yet."""
    return await db.run_sync(lambda plain: MigrationContext.configure(plain).get_current_revision())


async def upgrade(url: str) -> str:
    """Bring a database to the newest revision, in one transaction; return that revision."""
    own = engine(url, command_timeout=None)  # a large table may take its time
    try:
        async with own.begin() as db:
            await db.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            await db.run_sync(_upgrade)
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


def _upgrade(connection: sa.Connection) -> None:
    with_connection = config()
    with_connection.attributes["connection"] = connection
    command.upgrade(with_connection, "head")
