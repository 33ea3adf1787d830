"""As whom GitHub is called: one token for all, or our App with a token for each installation.

Installation tokens live an hour. They are kept, made once however many wait for one, and made anew
five minutes before their end. Their form and length are GitHub's business.
"""

import asyncio
import base64
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from integrations.forge import Transient
from integrations.github.names import address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

JWT_S = 540  # GitHub allows ten minutes
CLOCK_SKEW_S = 60  # a JWT of the future is refused, and clocks differ
REFRESH_S = 300  # before a token's end
REPOSITORIES = 5_000  # whose installation is remembered
KEPT_TOKENS = 2_000
FETCH = {"contents": "read"}  # what a builder needs to fetch a private repository

Ask = Callable[[str, str, dict[str, Any] | None], Awaitable[Any]]  # method, path and data, with the App's own JWT


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """What a call shows, and the key under which its limits count."""

    key: str
    token: str | None = None
    jwt: str | None = None


class Credentials(Protocol):
    """As whom to call."""

    async def bearer(self, full_name: str | None) -> Bearer:
        """Choose for a repository, or for what belongs to none.

        Raises:
            Transient, Permanent.
        """
        ...

    def refused(self, full_name: str | None, bearer: Bearer) -> bool:
        """Note that GitHub refused a token; tell whether there may be a better one."""
        ...


class OneToken:
    """The same token for everything; without one, GitHub is asked as anybody asks it."""

    def __init__(self, token: str | None) -> None:
        self._bearer = Bearer(key="token", token=token)

    async def bearer(self, full_name: str | None) -> Bearer:
        """Give the token."""
        return self._bearer

    def refused(self, full_name: str | None, bearer: Bearer) -> bool:
        """There is no other."""
        return False


@dataclass(frozen=True, kw_only=True)
class _Kept:
    token: str
    until: float  # on the wall clock, as GitHub says it


class App:
    """A GitHub App: it signs for itself, and gets a token for each installation.

    Raises:
        ValueError: the key is no RSA private key.
    """

    def __init__(self, app_id: str, private_key: str) -> None:
        self._id = app_id
        self._key = _private_key(private_key)
        self._ask: Ask | None = None
        self._installations: OrderedDict[str, int] = OrderedDict()  # by a repository's name in lower case
        self._tokens: OrderedDict[tuple[int, int | None], _Kept] = OrderedDict()
        self._locks: dict[tuple[int, int | None], asyncio.Lock] = {}

    def ask_with(self, ask: Ask) -> None:
        """Take the way to ask GitHub as the App itself."""
        self._ask = ask

    def jwt(self) -> str:
        """Sign that we are the App."""
        from cryptography.hazmat.primitives import hashes  # as below  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

        now = int(time.time())
        claims = {"iat": now - CLOCK_SKEW_S, "exp": now + JWT_S, "iss": self._id}
        signed = f"{_coded({'alg': 'RS256', 'typ': 'JWT'})}.{_coded(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    async def bearer(self, full_name: str | None) -> Bearer:
        """Give the token of the repository's installation; what belongs to no repository is asked as the App."""
        if full_name is None:
            return Bearer(key="app", jwt=self.jwt())
        installation = await self.installation(full_name)
        return Bearer(key=f"installation {installation}", token=await self._token(installation, None))

    async def fetch_token(self, full_name: str, repository: int) -> str:
        """Give a token that can read this one repository's code and nothing else."""
        return await self._token(await self.installation(full_name), repository)

    async def anyone(self) -> Bearer | None:
        """Give the token of any installation, for what is the same for all; None if we are installed nowhere."""
        known = next(iter(self._installations.values()), None)
        if known is None:
            listed = await self._asked("GET", "/app/installations?per_page=1", None)
            if not listed:
                return None
            known = int(_field(listed[0], "id"))
        return Bearer(key=f"installation {known}", token=await self._token(known, None))

    async def installation(self, full_name: str) -> int:
        """Ask which installation covers a repository."""
        name = full_name.lower()
        if name not in self._installations:
            found = await self._asked("GET", address(full_name, "installation"), None)
            _keep(self._installations, name, int(_field(found, "id")), REPOSITORIES)
        return self._installations[name]

    def refused(self, full_name: str | None, bearer: Bearer) -> bool:
        """Forget a token that GitHub refuses, unless somebody has a newer one already."""
        installation = self._installations.pop((full_name or "").lower(), None)
        if installation is None:
            return bearer.token is not None  # another call has forgotten it just now
        for key, kept in list(self._tokens.items()):
            if kept.token == bearer.token:
                del self._tokens[key]
        return True

    def forget(self, installation: int) -> None:
        """Forget all about an installation: it was suspended, removed, or covers other repositories."""
        for key in [each for each in self._tokens if each[0] == installation]:
            del self._tokens[key]
        for name in [name for name, covers in self._installations.items() if covers == installation]:
            del self._installations[name]

    async def _token(self, installation: int, repository: int | None) -> str:
        key = (installation, repository)
        if len(self._locks) > KEPT_TOKENS:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._tokens.get(key)
            if kept is None or kept.until - REFRESH_S < time.time():
                kept = await self._made(installation, repository)
                _keep(self._tokens, key, kept, KEPT_TOKENS)
            return kept.token

    async def _made(self, installation: int, repository: int | None) -> _Kept:
        narrowed = None if repository is None else {"repository_ids": [repository], "permissions": FETCH}
        made = await self._asked("POST", f"/app/installations/{installation}/access_tokens", narrowed or {})
        try:
            until = datetime.fromisoformat(str(_field(made, "expires_at"))).timestamp()
        except ValueError:
            raise Transient("GitHub's answer has no time at which the token ends") from None
        return _Kept(token=str(_field(made, "token")), until=until)

    async def _asked(self, method: str, path: str, data: dict[str, Any] | None) -> Any:
        if self._ask is None:
            raise TypeError("the App has no way to ask GitHub")
        return await self._ask(method, path, data)


def _private_key(text: str) -> "rsa.RSAPrivateKey":
    # Megabytes, which only an App needs.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("a GitHub App's private key is an RSA key in PEM form, without a password")  # noqa: TRY004
    return key


def _coded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise Transient(f"GitHub's answer has no {name}")
    return answer[name]


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
