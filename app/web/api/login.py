"""A name and a password become a token for twelve hours."""

import secrets
from datetime import timedelta
from http import HTTPStatus

from pydantic import Field, SecretStr

from app.db.queries import audit, tokens, users
from app.deps import Deps
from app.errors import Unauthorized
from app.web import passwords, refused, tries
from app.web.api.operations import Given, Told, operation
from app.web.api.words import Name

LIFETIME = timedelta(hours=12)


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

    401 if one is wrong. After 10 tries of one name, or 60 in all, from one address in five minutes: 429
    `too_many_tries`, with the headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
    """
    await tries.count(deps, body.name)
    async with deps.begin() as db:
        user = await users.by_name(db, body.name)
    kept = user["password_hash"] if user else None
    if not await passwords.matches(kept, body.password.get_secret_value()) or user is None:
        await refused.note(deps, "password", body.name)
        raise Unauthorized("The name or the password is wrong.")
    async with deps.begin() as db:
        await tokens.forget_old_logins(db, user["id"])
        made = await tokens.add(db, user["id"], f"{tokens.LOGIN}{secrets.token_hex(8)}", lifetime=LIFETIME)
        await audit.record(db, "user.login", actor=body.name)
    if made is None:
        raise Unauthorized("Try again.")  # 64 random bits met twice
    return NewToken(id=made[0], token=made[1], expires_in_s=int(LIFETIME.total_seconds()))
