"""An archive under a passphrase: a stream of sealed blocks, none of which can be changed, moved or left out.

The key is made from the passphrase by scrypt with a salt of the archive's own; each block is sealed by AES-256-GCM
under a nonce of its number and of whether it is the last: the STREAM construction.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015, section 7 (STREAM); RFC 7914 (scrypt).
"""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.backup.manifest import WrongPassphrase

MAGIC = b"rigline sealed archive 1\n"
SALT = 16  # bytes
BLOCK = 256 << 10  # bytes of plain text; each is 16 longer when it is sealed
TAG = 16
COST, SIZE, PARALLEL = 2**16, 8, 1  # of scrypt: 64 MiB and a fifth of a second
WRONG = "The passphrase is not that of the archive, or the archive is damaged."
NEEDED = "The archive is under a passphrase: give --passphrase-file."


class Sealing(io.RawIOBase):
    """A sink that seals what is written to it. The sink below stays open."""

    def __init__(self, sink: BinaryIO, passphrase: bytes) -> None:
        salt = os.urandom(SALT)
        self._sink, self._key, self._waiting, self._number = sink, _key(passphrase, salt), bytearray(), 0
        sink.write(MAGIC + salt)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Take the next bytes; the last block waits for the end."""
        self._waiting += data
        while len(self._waiting) > BLOCK:
            self._seal(bytes(self._waiting[:BLOCK]), last=False)
            del self._waiting[:BLOCK]
        return len(data)

    def finish(self) -> None:
        """Seal the last block: without it a reader refuses the archive."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, block: bytes, *, last: bool) -> None:
        self._sink.write(self._key.encrypt(_nonce(self._number, last=last), block, None))
        self._number += 1


class Opened(io.RawIOBase):
    """A source that gives the plain text of a sealed archive."""

    def __init__(self, source: BinaryIO, passphrase: bytes) -> None:
        self._blocks = _blocks(source, _key(passphrase, source.read(SALT)))
        self._ready = b""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Fill a buffer with the next bytes; 0 at the end.

        Raises:
            WrongPassphrase: the passphrase is wrong, or a block is not as it was written.
        """
        while not self._ready:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._ready = block
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def opened(source: BinaryIO, passphrase: bytes | None) -> BinaryIO:
    """Give what is in an archive, sealed or not; the source stands at its beginning.

    Raises:
        WrongPassphrase: it is sealed, and there is no passphrase.
    """
    beginning = source.read(len(MAGIC))
    if beginning != MAGIC:
        source.seek(0)
        return source
    if passphrase is None:
        raise WrongPassphrase(NEEDED)
    return io.BufferedReader(Opened(source, passphrase), BLOCK)


def _blocks(source: BinaryIO, key: AESGCM) -> Iterator[bytes]:
    """Open one block after the other; each read looks one byte ahead, as the last one is sealed as the last."""
    number, ahead = 0, source.read(BLOCK + TAG)
    while ahead:
        block, ahead = ahead, source.read(BLOCK + TAG)
        try:
            yield key.decrypt(_nonce(number, last=not ahead), block, None)
        except InvalidTag:
            raise WrongPassphrase(WRONG) from None
        number += 1
    if number == 0:
        raise WrongPassphrase(WRONG)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _key(passphrase: bytes, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=COST, r=SIZE, p=PARALLEL).derive(passphrase))
