"""Keep a secret in the database so that the database alone does not give it away.

The cryptography is loaded at the first use: it takes megabytes of each process, and most never seal anything.
"""

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def seal(key: str, secret: str) -> bytes:
    """Encrypt and authenticate a short secret under the service's secret key."""
    return _box(key).encrypt(secret.encode())


def unseal(key: str, sealed: bytes, *, lifetime_s: int | None = None) -> str | None:
    """Decrypt; None if it was sealed under another key or tampered with, or longer ago than its lifetime."""
    from cryptography.fernet import InvalidToken  # see above  # noqa: PLC0415

    try:
        return _box(key).decrypt(sealed, ttl=lifetime_s).decode()
    except InvalidToken:
        return None


def _box(key: str) -> "Fernet":
    from cryptography.fernet import Fernet  # see above  # noqa: PLC0415

    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"rigline sealed " + key.encode()).digest()))
