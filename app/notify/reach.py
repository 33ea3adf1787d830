"""Where webhooks may go: to public addresses, and to what the settings name.

A name is resolved here, every address it has is judged, and the connection goes to exactly the address that was judged:
a name that answers otherwise a moment later leads nowhere else.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
RESOLVE_S = 5.0  # seconds
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
DEFAULT_PORTS = {"https": 443, "http": 80}


class NotAllowed(Exception):
    """This address is not one that webhooks may go to."""


class NotFound(Exception):
    """The name has no address now."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where exactly a request goes."""

    scheme: str
    host: str  # as in the address: for the certificate and the Host header
    port: int
    ip: str
    path: str  # with the query

    @property
    def url(self) -> str:
        """Name the address with the number in the place of the name."""
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{ip}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """Write the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def check(url: str, allowed: Sequence[str] = ()) -> None:
    """Refuse an address that cannot be right, without looking at the network.

    Raises:
        NotAllowed: says why.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("This is no address of a web server.") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        raise NotAllowed("A webhook's address begins with https://.")
    if parts.username or parts.password or parts.fragment:
        raise NotAllowed("A webhook's address holds no user, password or fragment.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise NotAllowed("A webhook's address is plain ASCII; write other letters as %XX.")
    if parts.scheme == "http" and not _is_named(parts.hostname, allowed):
        raise NotAllowed("http: only goes to hosts that RIGLINE_NOTIFY_HOSTS names; use https:.")


async def target(url: str, allowed: Sequence[str] = ()) -> Target:
    """Resolve an address and judge where it leads.

    Args:
        allowed: names of hosts, and networks such as 10.0.0.0/8, that may be reached though they are not public.

    Raises:
        NotAllowed: it leads to an address that is not public, or is wrong.
        NotFound: the name has no address now.
    """
    check(url, allowed)
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or DEFAULT_PORTS[parts.scheme]
    found = await _resolved(host, port)
    if not _is_named(host, allowed):
        for ip in found:
            if not is_public(ip) and not _is_in(ip, allowed):
                raise NotAllowed(f"{host} leads to {ip}, which is not public; RIGLINE_NOTIFY_HOSTS may name it.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port, ip=str(found[0]), path=path)


async def _resolved(host: str, port: int) -> list[Address]:
    try:
        async with asyncio.timeout(RESOLVE_S):
            answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise NotFound(f"{host} has no address now.") from None
    found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    if not found:
        raise NotFound(f"{host} has no address now.")
    return found


def is_public(ip: Address) -> bool:
    """Tell whether an address is one of the public internet, also one that is wrapped into another kind."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return ip.is_global and not ip.is_multicast


def _is_named(host: str, allowed: Sequence[str]) -> bool:
    if host.lower() in {each.lower() for each in allowed}:
        return True
    try:
        return _is_in(ipaddress.ip_address(host), allowed)
    except ValueError:
        return False


def _is_in(ip: Address, allowed: Sequence[str]) -> bool:
    for each in allowed:
        try:
            network = ipaddress.ip_network(each, strict=False)
        except ValueError:
            continue  # a name
        if ip in network:
            return True
    return False
