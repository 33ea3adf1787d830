"""One repository in a file: taken along from one service, and brought into another under new ids."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.backup import manifest, reading, writing
from app.backup.container import Reader, Writer
from app.backup.manifest import BadArchive, Contents, Manifest, Table
from app.backup.pieces import Pieces
from app.db import schema
from app.db.queries import archive, carrying
from app.db.session import engine
from app.errors import StartupError, Unreachable


async def export(url: str, repository_id: int, path: Path) -> Contents:
    """Write all that belongs to a repository into a new file, as it was at one moment.

    Raises:
        StartupError: the file is there already, or cannot be written.
        Unreachable: the database does not answer.
    """
    own = engine(url, command_timeout=None)
    try:
        async with own.connect() as db:
            await db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            await archive.be_patient(await archive.plain(db))
            await db.execute(sa.text("SELECT 1"))  # the transaction begins
            with writing.new_file(path) as sink:
                return await _export(db, repository_id, Writer(sink))
    except archive.AWAY as problem:
        raise Unreachable(f"The database does not answer: {problem or type(problem).__name__}.") from None
    finally:
        await own.dispose()


async def _export(db: Any, repository_id: int, writer: Writer) -> Contents:
    connection = await archive.plain(db)
    made_at, postgres = await archive.moment(connection)
    carried = [carrying.carried(name) for name in carrying.NAMES]
    said = Manifest(
        format=manifest.FORMAT,
        content="repository",
        rigline=version("rigline"),
        revision=await archive.revision(connection) or "",
        postgres=postgres,
        made_at=made_at,
        tables=tuple(Table(name=each.name, columns=each.columns) for each in carried),
    )
    writer.begin(said)
    copied = writing.Copied(writer, 0, None)
    for each in carried:
        rows = await carrying.copy_out(connection, each.name, repository_id, copied.into(each.name))
        await copied.end(each.name, rows)
    return Contents(manifest=said, sums=await asyncio.to_thread(writer.end))


async def bring(url: str, path: Path) -> str:
    """Add an exported repository to a service, in one transaction; return its name.

    Raises:
        BadArchive: it is no whole export of a service of this schema.
        StartupError: the repository is here already.
        Unreachable: the database does not answer.
    """
    own = engine(url, command_timeout=None)
    try:
        async with own.begin() as db:
            await db.execute(sa.text("SELECT 1"))  # the transaction begins: what follows is of the driver alone
            connection = await archive.plain(db)
            await archive.be_patient(connection)
            with reading.opened(path, None) as source:
                return await _bring(connection, Reader(source))
    except archive.WRONG_ROWS as problem:
        raise BadArchive(f"The database refuses its rows, and stays as it was: {problem}") from None
    except archive.AWAY as problem:
        raise Unreachable(f"The database does not answer: {problem or type(problem).__name__}.") from None
    finally:
        await own.dispose()


def fits(said: Manifest) -> None:
    """Refuse what cannot be brought into this service.

    Raises:
        BadArchive: it is a whole service, or of another schema.
    """
    if said.content != "repository":
        raise BadArchive("The archive holds a whole service: `rigline restore` takes it.")
    if said.revision != schema.head():
        raise BadArchive(
            f"The archive has the schema {said.revision}, and this Rigline {schema.head()}: a repository moves between "
            f"services of one version only. Rigline {said.rigline} wrote it."
        )
    if tuple(each.name for each in said.tables) != carrying.NAMES:
        raise BadArchive("The archive does not hold what a repository has.")


async def _bring(connection: Any, reader: Reader) -> str:
    fits(reader.manifest)
    pieces = Pieces(reader, None)
    for name in carrying.NAMES:
        await pieces.next_table()
        came = await carrying.copy_in(connection, name, pieces.of(name))
        if name == "repository":
            await _insist(connection, came)
        await carrying.add(connection, name)
    await pieces.next_table()
    reader.sums  # noqa: B018  # the end was reached, and all sums were right
    return await carrying.named(connection)


async def _insist(connection: Any, came: int) -> None:
    if came != 1:
        raise BadArchive("The archive does not hold one repository.")
    if (known := await carrying.known(connection)) is not None:
        raise StartupError(
            f"{known} is here already. `rigline repo remove {known} --with-data` deletes what is here of it."
        )
