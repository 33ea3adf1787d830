"""What an archive says of itself: at its beginning what is in it, at its end how much of it there is.

Both are JSON. Unknown keys are passed over, so that an older Rigline can say which newer one wrote the archive.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1  # raised when an older Rigline could not read what a newer one writes
BEGINNING, END = "manifest.json", "sums.json"
KEY_CHECK = "rigline backup"  # sealed into each archive: only the same secret key opens it


class BadArchive(Exception):
    """The file is no archive, or not a whole one; says what is wrong and what to do."""


class WrongPassphrase(BadArchive):
    """The archive is sealed, and not by the passphrase that was given."""


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A counter that gives ids, and the last one that it gave; 0: none yet."""

    name: str
    last: int


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as it was read: its columns in the order of the copy, without those that the database computes."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The beginning of an archive."""

    format: int
    content: str  # service: everything; repository: what belongs to one
    rigline: str  # version that wrote it
    revision: str  # of the schema, as alembic names it
    postgres: str  # version that it was read from
    made_at: str  # ISO 8601, by the database's clock
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...] = ()
    key_check: str = ""  # KEY_CHECK, sealed under the service's secret key
    secret_key: str | None = field(default=None, repr=False)  # only if it was asked for


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What a reader must find of one table."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A whole archive, as it was written or read."""

    manifest: Manifest
    sums: dict[str, Sum]

    @property
    def rows(self) -> int:
        """Count the rows of all tables."""
        return sum(each.rows for each in self.sums.values())

    @property
    def bytes(self) -> int:
        """Count the bytes of all tables, not compressed."""
        return sum(each.bytes for each in self.sums.values())


def written(manifest: Manifest) -> bytes:
    """Write the beginning."""
    return json.dumps(asdict(manifest), indent=1).encode()


def read(data: bytes) -> Manifest:
    """Read the beginning.

    Raises:
        BadArchive: a newer Rigline wrote it, or nobody of ours.
    """
    given = _object(data, BEGINNING)
    if isinstance(given.get("format"), int) and given["format"] > FORMAT:
        raise BadArchive(
            f"The archive has format {given['format']}, and this Rigline reads up to {FORMAT}. "
            f"Rigline {given.get('rigline', 'newer')} wrote it: use that version or a newer one."
        )
    try:
        tables = tuple(Table(name=str(each["name"]), columns=tuple(each["columns"])) for each in given["tables"])
        counters = tuple(Sequence(name=str(each["name"]), last=int(each["last"])) for each in given["sequences"])
        known = {name: given[name] for name in Manifest.__dataclass_fields__ if name in given}
        return Manifest(**(known | {"tables": tables, "sequences": counters}))
    except (KeyError, TypeError, ValueError) as wrong:
        raise BadArchive(f"The archive's {BEGINNING} is not what Rigline writes: {wrong!r}.") from None


def written_sums(sums: dict[str, Sum]) -> bytes:
    """Write the end."""
    return json.dumps({"tables": {name: asdict(each) for name, each in sums.items()}}, indent=1).encode()


def read_sums(data: bytes) -> dict[str, Sum]:
    """Read the end.

    Raises:
        BadArchive: it is not what we write.
    """
    try:
        return {name: Sum(**each) for name, each in _object(data, END)["tables"].items()}
    except (KeyError, TypeError, AttributeError) as wrong:
        raise BadArchive(f"The archive's {END} is not what Rigline writes: {wrong!r}.") from None


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadArchive(f"The archive's {name} is not what Rigline writes.")
    return found
