"""Count tries of passwords and tokens in Redis, so that all web processes count together; keys vanish by themselves."""

import hashlib
import ipaddress
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
    address = _network(request.remote_addr or "local")
    limits = {f"rigline:login:{address}": PER_ADDRESS}
    if name is not None:
        limits[f"rigline:login:{hashlib.sha256(f'{address} {name}'.encode()).hexdigest()}"] = PER_NAME
    for key, most in limits.items():
        async with deps.redis.pipeline() as counted:
            counted.incr(key)
            counted.expire(key, WINDOW_S, nx=True)
            counted.ttl(key)
            tries, _, left_s = await counted.execute()
        if tries > most:
            raise TooManyTries("Too many tries; wait five minutes.", headers=_headers(most, max(1, int(left_s))))


def _headers(most: int, left_s: int) -> dict[str, str]:
    """Say how many tries there are in a window, that none is left, and in how many seconds the next ones begin."""
    limit = {"RateLimit-Limit": str(most), "RateLimit-Remaining": "0", "RateLimit-Reset": str(left_s)}
    return {"Retry-After": str(left_s), **limit}


def _network(address: str) -> str:
    """Give what one person has of addresses: one of IPv4, but 2⁶⁴ of IPv6."""
    try:
        is_six = ipaddress.ip_address(address).version == 6
    except ValueError:
        return address  # the Unix socket, or a test's
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if is_six else address
