"""A name and a password become a token for twelve hours."""

import hashlib
import secrets
from datetime import timedelta
from http import HTTPStatus

from pydantic import Field, SecretStr
from quart import request

from app.db.queries import audit, tokens, users
from app.deps import Deps
from app.errors import ApiError, Unauthorized
from app.web import passwords
from app.web.api.operations import Given, Told, operation
from app.web.api.words import Name

LIFETIME = timedelta(hours=12)
TRIES_PER_NAME, TRIES_PER_ADDRESS = 10, 60  # in WINDOW_S; a name's count is per address, so nobody locks others out
WINDOW_S = 300


class TooManyTries(ApiError):
    """Passwords are being guessed."""

    status, code = HTTPStatus.TOO_MANY_REQUESTS, "too_many_tries"


class Login(Given):
    """Who wants a token."""

    name: Name
    password: SecretStr = Field(max_length=passwords.LONGEST)


class NewToken(Told):
    """A token, shown this once."""

    id: int
    token: str
    expires_in_s: int | None = Field(description="seconds; null: until it is revoked")


@operation("POST", "/login", body=Login, answer=NewToken, status=HTTPStatus.CREATED)
async def login(deps: Deps, *, body: Login) -> NewToken:
    """Get a token for twelve hours by name and password.

    After 10 tries of one name, or 60 in all, from one address in five minutes: 429.
    """
    await _count_try(deps, body.name)
    async with deps.begin() as db:
        user = await users.by_name(db, body.name)
    kept = user["password_hash"] if user else None
    if not await passwords.matches(kept, body.password.get_secret_value()) or user is None:
        raise Unauthorized("The name or the password is wrong.")
    async with deps.begin() as db:
        await tokens.forget_old_logins(db, user["id"])
        made = await tokens.add(db, user["id"], f"{tokens.LOGIN}{secrets.token_hex(8)}", lifetime=LIFETIME)
        await audit.record(db, "user.login", actor=body.name)
    if made is None:
        raise Unauthorized("Try again.")  # 64 random bits met twice
    return NewToken(id=made[0], token=made[1], expires_in_s=int(LIFETIME.total_seconds()))


async def _count_try(deps: Deps, name: str) -> None:
    """Count in Redis, so that all web processes count together; the keys vanish by themselves."""
    address = request.remote_addr or "local"
    digest = hashlib.sha256(f"{address} {name}".encode()).hexdigest()
    for key, most in ((f"rigline:login:{digest}", TRIES_PER_NAME), (f"rigline:login:{address}", TRIES_PER_ADDRESS)):
        async with deps.redis.pipeline() as counted:
            counted.incr(key)
            counted.expire(key, WINDOW_S, nx=True)
            tries, _ = await counted.execute()
        if tries > most:
            raise TooManyTries("Too many tries; wait five minutes.", headers={"Retry-After": str(WINDOW_S)})
