"""Who really asks, when proxies stand in front: believed only from addresses that the settings name."""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Networks = Sequence[IPv4Network | IPv6Network]
MOST = 16  # addresses of X-Forwarded-For that are looked at; the nearest are the last


def believing(app: App, proxies: Networks) -> App:
    """Take client and scheme of a trusted proxy's request from X-Forwarded-For and X-Forwarded-Proto.

    The client is the last address that is no trusted proxy's: what stands before it, the client may have written.
    """
    if not proxies:
        return app

    async def wrapper(scope: dict[str, Any], receive: Any, send: Any) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and client and _is_among(client[0], proxies):
            scope = {**scope, **_told(scope, proxies)}
        await app(scope, receive, send)

    return wrapper


def _told(scope: dict[str, Any], proxies: Networks) -> dict[str, Any]:
    """Read what the proxy says about the request."""
    found: dict[str, Any] = {}
    schemes = _all(scope, b"x-forwarded-proto")
    if schemes and schemes[-1] in ("http", "https"):
        found["scheme"] = schemes[-1]
    for address in reversed(_all(scope, b"x-forwarded-for")[-MOST:]):
        if not _is_address(address):
            break
        found["client"] = (address, 0)
        if not _is_among(address, proxies):
            break
    return found


def _all(scope: dict[str, Any], name: bytes) -> list[str]:
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
    return [item.strip() for line in lines for item in line.split(",") if item.strip()]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_among(text: str, networks: Networks) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)
