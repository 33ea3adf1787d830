"""Bring an archive back into a database: all of it in one transaction, or nothing.

The tables are made at the archive's own revision, filled, and then migrated to this code's: so the migrations that the
service would have seen are the ones that its rows see.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.backup import reading
from app.backup.container import Reader
from app.backup.manifest import BadArchive, Manifest
from app.backup.pieces import Pieces
from app.db import schema
from app.db.queries import archive
from app.db.session import engine
from app.errors import StartupError, Unreachable

LARGEST_GAP = 100_000_000  # ids, one for each second that the archive is old; a column holds two milliards

Tell = Callable[[int], None]


async def restore(
    url: str, path: Path, *, passphrase: bytes | None = None, replace: bool = False, tell: Tell | None = None
) -> Manifest:
    """Restore a checked archive.

    Args:
        replace: drop what the database holds; without it a database with anything of a person's in it is refused.
        tell: called with the bytes of tables that came in so far.
    Raises:
        BadArchive: it changed since it was checked, or does not fit.
        StartupError: the database is in use, or holds something.
        Unreachable: the database does not answer.
    """
    own = engine(url, command_timeout=None)
    try:
        async with own.begin() as db:
            await _make_room(db, replace=replace)
            with reading.opened(path, passphrase) as source:
                said = await _fill(db, Reader(source), tell)
            await schema.upgrade_within(db)
        async with own.connect() as db:
            await archive.analyse(await archive.plain(await db.execution_options(isolation_level="AUTOCOMMIT")))
    except archive.WRONG_ROWS as problem:
        raise BadArchive(f"The database refuses its rows, and stays as it was: {problem}") from None
    except archive.AWAY as problem:
        raise Unreachable(f"The database does not answer: {problem or type(problem).__name__}.") from None
    finally:
        await own.dispose()
    return said


async def refuse_in_use(url: str, *, replace: bool) -> None:
    """Look early at what `restore` refuses, before a long archive is read.

    Raises:
        StartupError: the database is in use, or holds something.
        Unreachable: it does not answer.
    """
    own = engine(url)
    try:
        async with own.begin() as db:
            await _insist(db, replace=replace)
    except schema.AWAY as problem:
        raise Unreachable(f"The database does not answer: {problem or type(problem).__name__}.") from None
    finally:
        await own.dispose()


async def _insist(db: Any, *, replace: bool) -> None:
    if there := await archive.others(db):
        raise StartupError(
            f"{there} connections of Rigline to this database are open. Stop its web and worker processes first."
        )
    if not replace and not await archive.is_empty(db):
        raise StartupError("The database holds a service already. --replace drops it; make a backup of it before.")


async def _make_room(db: Any, *, replace: bool) -> None:
    await db.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": schema.LOCK})
    await archive.be_patient(await archive.plain(db))
    await _insist(db, replace=replace)
    there = await archive.revision(await archive.plain(db))
    await archive.drop_everything(db, unknown_too=there is not None and there not in schema.known())


async def _fill(db: Any, reader: Reader, tell: Tell | None) -> Manifest:
    said = reader.manifest
    reading.fits(said)
    await schema.upgrade_within(db, said.revision)
    plain = await archive.plain(db)
    if await archive.columns(plain) != {table.name: table.columns for table in said.tables}:
        raise BadArchive(f"The archive's tables are not those of the schema {said.revision}.")
    slow = await archive.slow_pieces(plain)
    await _each(plain, slow.off)
    await _rows(plain, reader, tell)
    await _each(plain, slow.on)
    # What was given out since then is not given out again: a link or a builder may still know it.
    gap = min(LARGEST_GAP, await archive.age_s(plain, said.made_at))
    await archive.set_counters(plain, {each.name: each.last + gap for each in said.sequences if each.last})
    return said


async def _rows(plain: Any, reader: Reader, tell: Tell | None) -> None:
    """Copy table by table; what a migration put into the fresh tables gives way to what was there."""
    pieces = Pieces(reader, tell)
    came: dict[str, int] = {}
    while (table := await pieces.next_table()) is not None:
        names = next(each.columns for each in reader.manifest.tables if each.name == table)
        await archive.clear(plain, table)
        came[table] = await archive.copy_in(plain, table, names, pieces.of(table))
    for name, said in reader.sums.items():
        if came.get(name, 0) != said.rows:
            raise BadArchive(f"The archive's table {name} should hold {said.rows} rows, and holds {came.get(name, 0)}.")


async def _each(plain: Any, statements: list[str]) -> None:
    for statement in statements:
        await plain.execute(statement)
