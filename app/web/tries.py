"""Count tries of passwords and tokens in Redis, so that all web processes count together; keys vanish by themselves."""

import hashlib
from http import HTTPStatus

from quart import request

from app.deps import Deps
from app.errors import ApiError

PER_NAME, PER_ADDRESS = 10, 60  # in WINDOW_S; a name's count is per address, so nobody locks others out
WINDOW_S = 300


class TooManyTries(ApiError):
    """Passwords or tokens are being guessed."""

    status, code = HTTPStatus.TOO_MANY_REQUESTS, "too_many_tries"


async def count(deps: Deps, name: str | None = None) -> None:
    """Count a try from this address, and one of this name from it.

    Raises:
        TooManyTries: with when to come back.
    """
    address = request.remote_addr or "local"
    limits = {f"rigline:login:{address}": PER_ADDRESS}
    if name is not None:
        limits[f"rigline:login:{hashlib.sha256(f'{address} {name}'.encode()).hexdigest()}"] = PER_NAME
    for key, most in limits.items():
        async with deps.redis.pipeline() as counted:
            counted.incr(key)
            counted.expire(key, WINDOW_S, nx=True)
            tries, _ = await counted.execute()
        if tries > most:
            raise TooManyTries("Too many tries; wait five minutes.", headers={"Retry-After": str(WINDOW_S)})
