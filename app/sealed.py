"""Keep a secret in the database so that the database alone does not give it away."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


def seal(key: str, secret: str) -> bytes:
    """Encrypt and authenticate a short secret under the service's secret key."""
    return _box(key).encrypt(secret.encode())


def unseal(key: str, sealed: bytes, *, lifetime_s: int | None = None) -> str | None:
    """Decrypt; None if it was sealed under another key or tampered with, or longer ago than its lifetime."""
    try:
        return _box(key).decrypt(sealed, ttl=lifetime_s).decode()
    except InvalidToken:
        return None


def _box(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"rigline sealed " + key.encode()).digest()))
