"""Learn from a forge who somebody is: OAuth's authorization code with PKCE, for GitHub and GitLab.

Source:
    RFC 6749 section 4.1, RFC 7636; GitHub: "Authorizing OAuth apps", GitLab: "OAuth 2.0 identity provider API".
"""

import base64
import hashlib
import secrets
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx2

from integrations.events import Actor
from integrations.forge import Permanent, Transient

TIMEOUT = 8.0  # seconds for one call
LONGEST_CODE = 500  # characters of what a browser brings


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a forge signs people in, and what differs between forges."""

    name: str  # github or gitlab
    title: str
    authorize: str  # where the browser goes
    token: str  # where the code is given for a token
    user: str  # who the token belongs to
    scope: str  # the least that says who it is
    login: str  # the key of an account's login
    accept: str  # of the API


@dataclass(frozen=True)
class Started:
    """A sign-in on its way: what only this browser and we know."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> "Started":
        """Make both at random."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @property
    def challenge(self) -> str:
        """Give what the forge may know of the verifier (S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class SignIn:
    """One forge's sign-in, for one client that was registered there."""

    def __init__(self, place: Place, client_id: str, client_secret: str, *, ca_file: str | None = None) -> None:
        self.name, self.title = place.name, place.title
        self._place, self._client_id, self._client_secret = place, client_id, client_secret
        self._trusted: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Make the connections' keeper when somebody signs in: the machine's certificates alone are 5 MiB."""
        return httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False, verify=self._trusted)

    def address(self, started: Started, *, back: str) -> str:
        """Give the address on the forge to which the browser goes; it comes to `back` from there."""
        asked = {
            "client_id": self._client_id,
            "redirect_uri": back,
            "response_type": "code",
            "scope": self._place.scope,
            "state": started.state,
            "code_challenge": started.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._place.authorize}?{urlencode(asked)}"

    async def identify(self, code: str, started: Started, *, back: str) -> Actor:
        """Say whose the code is that the browser brought. The token for that is forgotten at once.

        Raises:
            Permanent: the forge refuses the code, or the account.
            Transient: the forge does not answer, or not as it should.
        """
        given = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code": code[:LONGEST_CODE],
            "redirect_uri": back,
            "grant_type": "authorization_code",
            "code_verifier": started.verifier,
        }
        headers = {"Accept": "application/json", "User-Agent": "rigline"}
        told = await self._answer("POST", self._place.token, data=given, headers=headers)
        token = told.get("access_token")
        if not isinstance(token, str) or not token:
            raise Permanent(f"{self.title} refuses the code ({str(told.get('error', 'no token'))[:100]})")
        headers = {"Accept": self._place.accept, "User-Agent": "rigline", "Authorization": f"Bearer {token}"}
        return self._account(await self._answer("GET", self._place.user, headers=headers))

    async def close(self) -> None:
        """Close connections."""
        if "_http" in vars(self):
            await self._http.aclose()

    def _account(self, found: dict[str, Any]) -> Actor:
        if found.get("state", "active") != "active":  # GitLab says so of who is blocked
            raise Permanent(f"{self.title} has blocked this account")
        number, login = found.get("id"), found.get(self._place.login)
        if not isinstance(number, int) or not isinstance(login, str) or not login.isprintable():
            raise Transient(f"{self.title}'s answer is no account")
        return Actor(id=number, name=login[:255])

    async def _answer(self, method: str, address: str, **what: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, address, **what)
            told = answer.json()
        except (httpx2.HTTPError, OSError) as problem:
            raise Transient(f"{self.title} does not answer ({type(problem).__name__})") from None
        except ValueError:
            raise Transient(f"{self.title} answered {answer.status_code}, and no JSON") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Transient(f"{self.title} answered {answer.status_code}")
        if not isinstance(told, dict) or answer.status_code >= 400:
            error = told.get("error", "") if isinstance(told, dict) else ""
            raise Permanent(f"{self.title} answered {answer.status_code} {str(error)[:100]}".rstrip())
        return told


def github(api_url: str, web_url: str) -> Place:
    """Name GitHub's addresses. No scope: who it is is public."""
    return Place(
        name="github",
        title="GitHub",
        authorize=f"{web_url}/login/oauth/authorize",
        token=f"{web_url}/login/oauth/access_token",
        user=f"{api_url.rstrip('/')}/user",
        scope="",
        login="login",
        accept="application/vnd.github+json",
    )


def gitlab(url: str) -> Place:
    """Name GitLab's addresses."""
    base = url.rstrip("/")
    return Place(
        name="gitlab",
        title="GitLab",
        authorize=f"{base}/oauth/authorize",
        token=f"{base}/oauth/token",
        user=f"{base}/api/v4/user",
        scope="read_user",
        login="username",
        accept="application/json",
    )
