"""Write a whole service into an archive while it goes on: one read-only transaction sees one moment of it.

Nothing waits for a backup but an upgrade of the schema.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg

from app.backup import manifest
from app.backup.container import PIECE, Writer
from app.backup.manifest import Contents, Manifest, Sequence, Table
from app.backup.sealing import Sealing
from app.db import schema
from app.db.queries import archive
from app.db.session import arguments
from app.errors import StartupError, Unreachable
from app.sealed import seal

MODE = 0o600


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far it is: rows and bytes of this table so far, and the bytes that all tables take in the database."""

    table: str
    rows: int
    bytes: int  # of all tables so far
    of_bytes: int


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an archive is to be like."""

    secret_key: str  # of the service: proves later that a restoration has the same one
    holds_key: bool = False
    passphrase: bytes | None = None


Tell = Callable[[Progress], None]


async def write_file(url: str, path: Path, wish: Wish, tell: Tell | None = None) -> Contents:
    """Write an archive as a new file of mode 0600: whole under its name, or not at all.

    Raises:
        StartupError: the file is there already, or cannot be written; the database has no schema of ours.
        Unreachable: the database does not answer.
    """
    with new_file(path) as sink:
        return await write(url, sink, wish, tell)


async def write(url: str, sink: BinaryIO, wish: Wish, tell: Tell | None = None) -> Contents:
    """Write an archive into a stream, in bounded memory."""
    try:
        connection = await asyncpg.connect(**arguments(url))
    except archive.AWAY as problem:
        raise Unreachable(f"The database does not answer: {problem or type(problem).__name__}.") from None
    sealing = Sealing(sink, wish.passphrase) if wish.passphrase else None
    try:
        await archive.be_patient(connection)
        await archive.keep_schema(connection, schema.LOCK)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wrote = await _write(connection, Writer(sealing or sink), wish, tell)  # type: ignore[arg-type]
    except archive.AWAY as problem:
        if isinstance(problem, OSError):  # of the sink: who opened it knows its name
            raise
        raise Unreachable(f"The database went away: {problem or type(problem).__name__}.") from None
    except archive.REFUSED as problem:
        raise StartupError(f"The database refuses to be read: {problem}") from None
    finally:
        connection.terminate()
    if sealing is not None:
        sealing.finish()
    return wrote


async def _write(connection: Any, writer: Writer, wish: Wish, tell: Tell | None) -> Contents:
    said = await _manifest(connection, wish)
    of_bytes = sum((await archive.sizes(connection)).values())
    writer.begin(said)
    copied = Copied(writer, of_bytes, tell)
    for table in said.tables:
        rows = await archive.copy_out(connection, table.name, table.columns, copied.into(table.name))
        await copied.end(table.name, rows)
    return Contents(manifest=said, sums=await asyncio.to_thread(writer.end))


async def _manifest(connection: Any, wish: Wish) -> Manifest:
    revision = await archive.revision(connection)
    if revision is None:
        raise StartupError("The database has no schema of Rigline: there is nothing to back up.")
    columns = await archive.columns(connection)  # the first look: from here on it is one moment
    counters = await archive.counters(connection)  # not of that moment but later: behind every id in it
    made_at, postgres = await archive.moment(connection)
    return Manifest(
        format=manifest.FORMAT,
        content="service",
        rigline=version("rigline"),
        revision=revision,
        postgres=postgres,
        made_at=made_at,
        tables=tuple(Table(name=name, columns=names) for name, names in columns.items()),
        sequences=tuple(Sequence(name=name, last=last) for name, last in counters.items()),
        key_check=seal(wish.secret_key, manifest.KEY_CHECK).decode(),
        secret_key=wish.secret_key if wish.holds_key else None,
    )


class Copied:
    """Gathers what the database sends into pieces of one size; compressing them is work for a thread."""

    def __init__(self, writer: Writer, of_bytes: int, tell: Tell | None) -> None:
        self._writer, self._of_bytes, self._tell = writer, of_bytes, tell
        self._waiting, self._bytes = bytearray(), 0

    def into(self, table: str) -> archive.Write:
        """Give what takes the bytes of a table."""

        async def take(data: bytes) -> None:
            self._waiting += data
            if len(self._waiting) >= PIECE:
                await self._put(table, whole=False)

        return take

    async def end(self, table: str, rows: int) -> None:
        """Write the rest of a table, and how many rows it was."""
        await self._put(table, whole=True)
        self._writer.count(table, rows)
        self._say(table, rows)

    async def _put(self, table: str, *, whole: bool) -> None:
        size = len(self._waiting) if whole else len(self._waiting) // PIECE * PIECE
        pieces = [bytes(self._waiting[at : at + PIECE]) for at in range(0, size, PIECE)]
        del self._waiting[:size]
        self._bytes += size
        await asyncio.to_thread(_put_all, self._writer, table, pieces)
        self._say(table, 0)

    def _say(self, table: str, rows: int) -> None:
        if self._tell is not None:
            self._tell(Progress(table=table, rows=rows, bytes=self._bytes, of_bytes=self._of_bytes))


def _put_all(writer: Writer, table: str, pieces: list[bytes]) -> None:
    for piece in pieces:
        writer.piece(table, piece)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file under another name, and give it its own once it is whole and on the disk."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if path.exists():
        raise StartupError(f"{path} is there already. Choose another name, or remove it.")
    try:
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    except OSError as problem:
        raise StartupError(f"Cannot write {path}: {problem.strerror}.") from None
    try:
        with open(made, "wb", buffering=PIECE) as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        os.link(part, path)  # never over a file that came meanwhile
        _keep(path.parent)
    except OSError as problem:
        raise StartupError(f"Cannot write {path}: {problem.strerror or problem}.") from None
    finally:
        part.unlink(missing_ok=True)


def _keep(folder: Path) -> None:
    """Bring a folder's new name to the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
