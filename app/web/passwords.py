"""Passwords of users: argon2, away from the event loop, few at a time because each takes 64 MiB."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
SHORTEST, LONGEST = 8, 1000  # characters

_turns = asyncio.Semaphore(AT_ONCE)


async def hashed(password: str) -> str:
    """Hash a new password."""
    async with _turns:
        return await asyncio.to_thread(lambda: _hasher().hash(password))


async def matches(kept: str | None, password: str) -> bool:
    """Compare with the kept hash, in the same time if there is none."""
    async with _turns:
        right = await asyncio.to_thread(_verified, kept, password)
    return right and kept is not None


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # at the first use: most processes see no password  # noqa: PLC0415

    return PasswordHasher()


@cache
def _of_nobody() -> str:
    # A user that does not exist must cost as much as one that does, or the time tells which names exist.
    return _hasher().hash("nobody has this password")


def _verified(kept: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError  # see above  # noqa: PLC0415

    try:
        return _hasher().verify(kept or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
