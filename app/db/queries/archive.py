"""What a backup reads of the database and a restoration writes: the catalogue, copies of whole tables, counters.

The catalogue decides, not the models: a backup may be of an older schema than this code's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import tables

VERSION = "alembic_version"
BINARY = "binary"  # exact, half the size of text for bytes, and the same in all versions that we run on
FILLED = ("account", "repository", "pipeline", "builder", "delivery", "subscription")  # a person put something there
OURS = "rigline"  # how our processes name their connections

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """What a table has that a copy is quicker without: how to take each off, and how to put it on again."""

    off: list[str]
    on: list[str]


async def columns(connection: Any) -> dict[str, tuple[str, ...]]:
    """List all tables of the schema by name, with their columns in order, without computed ones."""
    rows = await connection.fetch(
        """
        SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) AS names
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> $1
           AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
         GROUP BY c.relname ORDER BY c.relname
        """,
        VERSION,
    )
    return {row["relname"]: tuple(row["names"]) for row in rows}


async def counters(connection: Any) -> dict[str, int]:
    """Read the last id that each counter gave; 0: none."""
    rows = await connection.fetch(
        "SELECT sequencename::text AS name, coalesce(last_value, 0) AS last FROM pg_sequences"
        " WHERE schemaname = current_schema() ORDER BY 1"
    )
    return {row["name"]: row["last"] for row in rows}


async def sizes(connection: Any) -> dict[str, int]:
    """Guess how many bytes each table holds, for a progress bar."""
    rows = await connection.fetch(
        "SELECT relname::text AS name, pg_table_size(oid) AS bytes FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    )
    return {row["name"]: row["bytes"] for row in rows}


async def revision(connection: Any) -> str | None:
    """Read which schema the database has; None: it has none of ours."""
    if await connection.fetchval("SELECT to_regclass($1)", VERSION) is None:
        return None
    found: str | None = await connection.fetchval(f"SELECT version_num FROM {VERSION}")  # noqa: S608  # a constant
    return found


async def moment(connection: Any) -> tuple[str, str]:
    """Read the database's clock, as ISO 8601, and its version."""
    row = await connection.fetchrow("SELECT now() AS at, current_setting('server_version') AS version")
    return row["at"].isoformat(), row["version"].partition(" ")[0]


async def copy_out(connection: Any, table: str, names: Sequence[str], write: Write) -> int:
    """Hand the rows of a table on, some bytes at a time; return how many rows there were."""
    done = await connection.copy_from_table(table, columns=list(names), output=write, format=BINARY)
    return int(done.rpartition(" ")[2])


async def clear(connection: Any, table: str) -> None:
    """Delete what a migration put into a fresh table."""
    await connection.execute(f'DELETE FROM "{table}"')  # noqa: S608  # a name that the catalogue gave


async def copy_in(connection: Any, table: str, names: Sequence[str], data: AsyncIterator[bytes]) -> int:
    """Add rows to a table; return how many there were."""
    done = await connection.copy_to_table(table, columns=list(names), source=data, format=BINARY)
    return int(done.rpartition(" ")[2])


async def slow_pieces(connection: Any) -> Pieces:
    """Find foreign keys, and indexes that stand for no constraint.

    A check for each row would keep an entry for each until the end, and an index that is built at once is built
    several times as fast. Owners may do that; switching triggers off, as a dump does, is for superusers alone.
    """
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS of, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS said"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2"
    )
    indexes = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS said FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = current_schema()::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f') ORDER BY 1"
    )
    return Pieces(
        off=[
            *(f"ALTER TABLE {key['of']} DROP CONSTRAINT {key['name']}" for key in keys),
            *(f"DROP INDEX {index['name']}" for index in indexes),
        ],
        on=[
            *(index["said"] for index in indexes),
            *(f"ALTER TABLE {key['of']} ADD CONSTRAINT {key['name']} {key['said']}" for key in keys),
        ],
    )


async def set_counters(connection: Any, counters: dict[str, int]) -> None:
    """Let each counter go on behind a number; 0: from the beginning."""
    for name, last in counters.items():
        await connection.execute(
            "SELECT setval(quote_ident($1)::regclass, greatest($2::bigint, 1), $2 > 0)", name, last
        )


async def age_s(connection: Any, moment_: str) -> int:
    """Say how many seconds ago a moment was, by the database's clock; 0 for one that is still to come."""
    found = await connection.fetchval(
        "SELECT greatest(0, extract(epoch FROM now() - $1::text::timestamptz))::bigint", moment_
    )
    return int(found)


async def is_empty(db: AsyncConnection) -> bool:
    """Say whether nobody has put anything into the database yet; the tables may be there."""
    for name in FILLED:
        there = await db.scalar(sa.text("SELECT to_regclass(:name)"), {"name": name})
        if there is not None and await db.scalar(sa.select(sa.exists(sa.select(tables.named(name).c.id)))):
            return False
    return True


async def drop_everything(db: AsyncConnection, *, unknown_too: bool) -> None:
    """Drop all tables that are ours, with all that is in them.

    Args:
        unknown_too: drop every table of the schema: a newer Rigline has tables that this one cannot name.
    """
    found = await db.scalars(
        sa.text("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'")
    )
    names = [f'"{name}"' for name in {*tables.names(), VERSION, *(found if unknown_too else ())}]
    await db.execute(sa.text(f"DROP TABLE IF EXISTS {', '.join(names)} CASCADE"))


async def others(db: AsyncConnection) -> int:
    """Count the connections of other processes of ours to this database, as far as we may see them."""
    found = await db.scalar(
        sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name = :ours"
        ),
        {"ours": OURS},
    )
    return int(found or 0)


async def plain(db: AsyncConnection) -> Any:
    """Give the driver's own connection, within the same transaction: only it can copy."""
    return (await db.get_raw_connection()).driver_connection


async def be_patient(connection: Any) -> None:
    """Let statements of this connection take their time: copies of large tables do."""
    await connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")


async def analyse(connection: Any) -> None:
    """Let the planner see what came in."""
    await connection.execute("ANALYZE")


async def keep_schema(connection: Any, key: int) -> None:
    """Keep the schema as it is while this connection lives: an upgrade waits."""
    await connection.execute("SELECT pg_advisory_lock_shared($1)", key)


WRONG_ROWS = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
REFUSED = (asyncpg.PostgresError,)
AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
