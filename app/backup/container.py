"""The archive as a file: a tar, compressed by zstd, whose members are pieces of tables.

A tar wants to know a member's size before it comes, and nobody knows that of a table: so a table is many members of
bounded size. Nothing is ever held whole. `tar --zstd -tf FILE` lists an archive that has no passphrase.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

import zstandard

from app.backup import manifest
from app.backup.manifest import BadArchive, Manifest, Sum, WrongPassphrase

PIECE = 1 << 20  # bytes of a table in one member
LARGEST = 64 << 20  # bytes of a member that a reader takes: nobody of ours writes one
LEVEL = 3
BUFFER = 256 << 10
# The end of every archive, a frame that decompressors pass over: the digest of all before it.
SKIPPED, DIGEST = b"\x50\x2a\x4d\x18\x20\x00\x00\x00", 32
TRAILER = len(SKIPPED) + DIGEST  # bytes
CUT_SHORT = "The archive is cut short: its end is missing. Copy it again, or take another one."
DAMAGED = "The archive is damaged: {}. Copy it again, or take another one."
FOREIGN = "This is no archive of Rigline. `rigline backup FILE` writes one."


class Writer:
    """Writes an archive front to back. Synchronous: callers on an event loop use a thread."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = _Digested(sink)
        made = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._compressed = made.stream_writer(cast(BinaryIO, self._sink), closefd=False)
        self._tar = tarfile.open(fileobj=self._compressed, mode="w|", bufsize=BUFFER, format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._digests: dict[str, hashlib._Hash] = {}
        self._sizes: dict[str, int] = {}
        self._rows: dict[str, int] = {}

    def begin(self, said: Manifest) -> None:
        """Write what the archive says of itself."""
        self._add(manifest.BEGINNING, manifest.written(said))

    def piece(self, table: str, data: bytes) -> None:
        """Write the next piece of a table."""
        digest = self._digests.setdefault(table, hashlib.sha256())
        digest.update(data)
        at = self._sizes.get(table, 0)
        self._sizes[table] = at + len(data)
        self._add(f"data/{table}/{at:016}", data)

    def count(self, table: str, rows: int) -> None:
        """Say how many rows the pieces of a table hold."""
        self._rows[table] = rows

    def end(self) -> dict[str, Sum]:
        """Write the sums and give them, and close the compressed stream; the sink stays open."""
        empty = hashlib.sha256()
        sums = {
            name: Sum(rows=rows, bytes=self._sizes.get(name, 0), sha256=self._digests.get(name, empty).hexdigest())
            for name, rows in self._rows.items()
        }
        self._add(manifest.END, manifest.written_sums(sums))
        self._tar.close()
        self._compressed.close()  # type: ignore[no-untyped-call]  # zstandard's stub
        self._sink.end()
        return sums

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))


class Reader:
    """Reads an archive front to back, and knows at the end whether it was whole and unchanged."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = _Watched(source)
        self._plain = zstandard.ZstdDecompressor().stream_reader(
            cast(BinaryIO, self._source), read_size=BUFFER, closefd=False
        )
        self._members = self._read()
        name, data = self._first()
        if name != manifest.BEGINNING:
            raise BadArchive(FOREIGN)
        self.manifest = manifest.read(data)
        self._sums: dict[str, Sum] | None = None

    @property
    def sums(self) -> dict[str, Sum]:
        """Say how much each table holds; known once all pieces were read."""
        if self._sums is None:
            raise BadArchive(CUT_SHORT)
        return self._sums

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        """Give each piece of each table, tables one after the other; the last step compares all with the sums.

        Raises:
            BadArchive: it is not whole, or not what was written.
        """
        known = {table.name for table in self.manifest.tables}
        digests = {name: hashlib.sha256() for name in known}
        sizes = dict.fromkeys(known, 0)
        for name, data in self._members:
            if name == manifest.END:
                self._sums = manifest.read_sums(data)
                continue
            _, _, rest = name.partition("data/")
            table, _, at = rest.rpartition("/")
            if self._sums is not None or table not in known or at != f"{sizes[table]:016}":
                raise BadArchive(DAMAGED.format(f"{name} is not where it belongs"))
            digests[table].update(data)
            sizes[table] += len(data)
            yield table, data
        for table in known:
            _compare(table, self.sums.get(table), sizes[table], digests[table].hexdigest())

    def _first(self) -> tuple[str, bytes]:
        try:
            return next(self._members)
        except WrongPassphrase:
            raise
        except (BadArchive, StopIteration):
            raise BadArchive(FOREIGN) from None

    def _read(self) -> Iterator[tuple[str, bytes]]:
        try:
            with tarfile.open(fileobj=self._plain, mode="r|", bufsize=BUFFER) as tar:
                for member in tar:
                    yield member.name, _content(tar, member)
            while self._plain.read(BUFFER):  # what follows a tar is empty; the stream's own check sum is at its end
                pass
            self._source.compare()
        except zstandard.ZstdError as wrong:
            raise BadArchive(DAMAGED.format(wrong)) from None
        except (tarfile.TarError, EOFError, UnicodeError, ValueError):
            raise BadArchive(CUT_SHORT) from None


class _Digested:
    """A sink that knows the digest of all that was written."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink, self._digest = sink, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write on."""
        self._digest.update(data)
        self._sink.write(data)
        return len(data)

    def flush(self) -> None:
        """Leave it to whoever opened the sink."""

    def end(self) -> None:
        """Write the trailer."""
        self._sink.write(trailer(self._digest.digest()))


class _Watched:
    """A source that compares, when it was read to its end, the digest of all with the trailer."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._digest, self._last = source, hashlib.sha256(), b""

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._source.read(size)
        seen = self._last + data
        self._digest.update(seen[:-TRAILER])
        self._last = seen[-TRAILER:]
        return data

    def compare(self) -> None:
        """Read to the end.

        Raises:
            BadArchive: the end is missing, or something before it is not as it was written.
        """
        while self.read(BUFFER):
            pass
        if not self._last.startswith(SKIPPED):
            raise BadArchive(CUT_SHORT)
        if self._last != trailer(self._digest.digest()):
            raise BadArchive(DAMAGED.format("its digest is another one"))


def trailer(digest: bytes) -> bytes:
    """Write the end of an archive."""
    return SKIPPED + digest


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg() or member.size > LARGEST:
        raise BadArchive(DAMAGED.format(f"{member.name!r:.100} is nothing that Rigline writes"))
    file = tar.extractfile(member)
    data = file.read() if file is not None else b""
    if len(data) != member.size:
        raise BadArchive(CUT_SHORT)
    return data


def _compare(table: str, said: Sum | None, size: int, sha256: str) -> None:
    if said is None or (said.bytes, said.sha256) != (size, sha256):
        raise BadArchive(DAMAGED.format(f"the rows of {table} are not those that were written"))
