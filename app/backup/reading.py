"""Look through a whole archive before anything believes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.backup import manifest, sealing
from app.backup.container import Reader
from app.backup.manifest import BadArchive, Contents, Manifest
from app.db import schema
from app.errors import StartupError
from app.sealed import unseal

Tell = Callable[[int], None]


@contextmanager
def opened(path: Path, passphrase: bytes | None) -> Iterator[BinaryIO]:
    """Open an archive, sealed or not.

    Raises:
        StartupError: the file cannot be read.
        BadArchive: it is sealed, and not by this passphrase.
    """
    try:
        file = path.open("rb")
    except OSError as problem:
        raise StartupError(f"Cannot read {path}: {problem.strerror}.") from None
    with file:
        yield sealing.opened(file, passphrase)


def check(path: Path, passphrase: bytes | None = None, tell: Tell | None = None) -> Contents:
    """Read an archive from front to back.

    Args:
        tell: called with the bytes of tables that were read so far.
    Raises:
        BadArchive: it is not whole, was changed, or a newer Rigline wrote it.
    """
    done = 0
    with opened(path, passphrase) as source:
        reader = Reader(source)
        for _, data in reader.pieces():
            done += len(data)
            if tell is not None:
                tell(done)
        return Contents(manifest=reader.manifest, sums=reader.sums)


def fits(said: Manifest) -> None:
    """Refuse what this code cannot restore.

    Raises:
        BadArchive: its schema is newer than this code, or it holds one repository alone.
    """
    if said.content != "service":
        raise BadArchive("The archive holds one repository, not a service: `rigline repo import` takes it.")
    if said.revision not in schema.known():
        raise BadArchive(
            f"The archive has the schema {said.revision}, and the newest that this Rigline knows is "
            f"{schema.head()}. Rigline {said.rigline} wrote it: use that version or a newer one."
        )


def opens(said: Manifest, secret_key: str) -> bool:
    """Say whether a secret key is the one that the archive's sealed columns were sealed under."""
    return unseal(secret_key, said.key_check.encode()) == manifest.KEY_CHECK
