"""Call GitHub's REST API through gidgethub, with its sharp edges wrapped.

Every failure becomes Transient or Permanent; no address outside the configured base is ever called;
after a rate limit nothing is called with that credential until GitHub said it may.
"""

import re
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import gidgethub
import gidgethub.httpx
import httpx2

from integrations.forge import ForgeError, NotLetIn, Permanent, Transient
from integrations.github.auth import App, Bearer, Credentials, OneToken
from integrations.github.cache import Cache
from integrations.limits import PER_MINUTE, READ, WRITE, Limiter

TIMEOUT = 8.0  # seconds for one call; a claim on a status lasts longer
WRONG_TOKEN_S = 300.0  # a refused token is our fault, and heals when somebody corrects it
REQUESTER = "rigline"
PUBLIC = "api.github.com"  # keeps a pace; enterprise servers have none unless they say so by refusing
_OF_REPOSITORY = re.compile(r"/repos/(?P<owner>[^/?]+)/(?P<name>[^/?]+)")


class Refused(Permanent):
    """GitHub refuses the call; the status says which kind of refusal it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"GitHub answered {status}: {message[:200]}")
        self.status = status
        self.said = message


class _Unauthorised(Exception):
    """GitHub answered 401."""


class _Api(gidgethub.httpx.GitHubAPI):
    """gidgethub, kept from following a foreign address with our token."""

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        if not _is_below(url, self.base_url):
            raise Permanent(f"refused to call {urlsplit(url).hostname}: it is not the configured GitHub")
        answer: tuple[int, Mapping[str, str], bytes] = await super()._request(method, url, headers, body)
        return answer


def _is_below(url: str, base_url: str) -> bool:
    given, base = urlsplit(url), urlsplit(base_url)
    path = base.path.rstrip("/") + "/"
    same_host = (given.scheme, given.netloc) == (base.scheme, base.netloc)
    return same_host and given.path.startswith(path) and "/../" not in given.path


class Client:
    """Speak JSON with one GitHub."""

    def __init__(self, base_url: str, token: str | None, *, app: App | None = None, ca_file: str | None = None) -> None:
        self._base_url = base_url
        self._trusted: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._credentials: Credentials = app or OneToken(token)
        self._app = app
        pace = PER_MINUTE if urlsplit(base_url).hostname == PUBLIC else None
        self.limits = Limiter("GitHub", points_a_minute=pace)
        if app is not None:
            app.ask_with(self.as_app)

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Make the connections' keeper with the first call: the machine's certificates alone are 5 MiB."""
        return httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False, verify=self._trusted)

    @cached_property
    def _api(self) -> _Api:
        return _Api(self._http, REQUESTER, base_url=self._base_url, cache=Cache())

    async def get(self, path: str, **variables: str) -> Any:
        """Ask for one thing; see `_call` for what it raises."""
        return await self._call("GET", path, variables, b"")

    async def post(self, path: str, data: dict[str, Any], **variables: str) -> Any:
        """Make one thing; see `_call` for what it raises."""
        return await self._call("POST", path, variables, data)

    async def patch(self, path: str, data: dict[str, Any], **variables: str) -> Any:
        """Change one thing; see `_call` for what it raises."""
        return await self._call("PATCH", path, variables, data)

    async def delete(self, path: str, **variables: str) -> None:
        """Remove one thing; see `_call` for what it raises."""
        await self._call("DELETE", path, variables, b"")

    async def as_app(self, method: str, path: str, data: dict[str, Any] | None) -> Any:
        """Call as the App itself, which GitHub wants for what belongs to no installation.

        Raises:
            Transient, Permanent: see `_call`; Permanent too without an App.
        """
        if self._app is None:
            raise Permanent("only an App may ask that")
        bearer = Bearer(key="app", jwt=self._app.jwt())
        try:
            return await self._said_or(method, path, {}, b"" if data is None else data, bearer)
        except _Unauthorised:
            raise _wrong_token("RIGLINE_GITHUB_APP_ID or RIGLINE_GITHUB_PRIVATE_KEY") from None

    async def get_with(self, bearer: Bearer, path: str, **variables: str) -> Any:
        """Ask for one thing with a credential that is not the repository's; see `_call` for what it raises."""
        try:
            return await self._said_or("GET", path, variables, b"", bearer)
        except _Unauthorised:
            raise _wrong_token("the installation's token") from None

    async def close(self) -> None:
        """Close connections."""
        if "_http" in vars(self):
            await self._http.aclose()

    async def _call(self, method: str, path: str, variables: Mapping[str, str], data: Any) -> Any:
        """Call with the credential of the repository that the path names; a refused token is replaced once.

        Raises:
            Transient: no answer, 5xx, a rate limit or a refused token; says for how long to be silent.
            Permanent: GitHub refuses this call for good.
        """
        about = _repository(path, variables)
        for _ in range(2):
            bearer = await self._credentials.bearer(about)
            try:
                return await self._said_or(method, path, variables, data, bearer)
            except _Unauthorised:
                if not self._credentials.refused(about, bearer):
                    break
        raise _wrong_token("RIGLINE_GITHUB_TOKEN" if self._app is None else "the installation's token")

    async def _said_or(self, method: str, path: str, variables: Mapping[str, str], data: Any, bearer: Bearer) -> Any:
        """Call, and follow one redirect within GitHub, which it sends for a renamed repository."""
        self.limits.enter(bearer.key, READ if method == "GET" else WRITE)
        try:
            try:
                return await self._answer(method, _filled(path, variables), data, bearer)
            except gidgethub.RedirectionException as moved:
                return await self._answer(method, _target(moved), data, bearer)
        except (ForgeError, _Unauthorised):
            raise
        except Exception as problem:  # gidgethub lets KeyError and ValueError out for odd answers
            raise self._said(problem, bearer) from None

    async def _answer(self, method: str, path: str, data: Any, bearer: Bearer) -> Any:
        shown: dict[str, Any] = {"oauth_token": bearer.token, "jwt": bearer.jwt}
        if method == "GET":
            return await self._api.getitem(path, **shown)
        if method == "DELETE":
            return await self._api.delete(path, **shown)
        send = self._api.patch if method == "PATCH" else self._api.post
        return await send(path, data=data, **shown)

    def _said(self, problem: Exception, bearer: Bearer) -> Exception:
        """Say in our words what went wrong."""
        if isinstance(problem, gidgethub.RateLimitExceeded):
            return self.limits.hold(bearer.key, problem.rate_limit.reset_datetime.timestamp() - time.time())
        if isinstance(problem, gidgethub.HTTPException):
            return self._refused(problem, bearer)
        if isinstance(problem, httpx2.HTTPError | OSError):
            return Transient(f"GitHub does not answer: {type(problem).__name__}")
        return Transient(f"GitHub's answer makes no sense: {type(problem).__name__}")

    def _refused(self, problem: gidgethub.HTTPException, bearer: Bearer) -> Exception:
        status, headers = int(problem.status_code or 0), problem.headers or {}
        what = f"GitHub answered {status}: {str(problem)[:200]}"
        if status in (403, 429) and ("retry-after" in headers or status == 429 or _is_secondary(problem)):
            return self.limits.hold(bearer.key, _seconds(headers.get("retry-after")))
        if status == 401:
            return _Unauthorised()
        if status == 403 and "suspended" in str(problem).lower():
            return NotLetIn(f"{what} (the App's installation is suspended)", retry_after=WRONG_TOKEN_S)
        if status >= 500 or status in (408, 425):
            return Transient(what, retry_after=_seconds(headers.get("retry-after")))
        return Refused(status, str(problem))


def _filled(path: str, variables: Mapping[str, str]) -> str:
    """Fill a path's names in; gidgethub's own templates cost a sixth of a call."""
    return path.format_map({name: quote(value, safe="") for name, value in variables.items()}) if variables else path


def _wrong_token(which: str) -> NotLetIn:
    return NotLetIn(f"GitHub answered 401 ({which} is missing or wrong)", retry_after=WRONG_TOKEN_S)


def _repository(path: str, variables: Mapping[str, str]) -> str | None:
    """Read the name of the repository that a call is about."""
    if "owner" in variables:
        return f"{variables['owner']}/{variables['repo']}"
    found = _OF_REPOSITORY.match(path)
    return f"{unquote(found['owner'])}/{unquote(found['name'])}" if found else None


def _is_secondary(problem: Exception) -> bool:
    """Recognise the limit that names no time; GitHub documents the words `secondary rate limit`."""
    return "secondary rate limit" in str(problem).lower()


def _target(moved: gidgethub.RedirectionException) -> str:
    address = (moved.headers or {}).get("location", "")
    if int(moved.status_code or 0) not in (301, 307, 308) or not address:
        raise Permanent("GitHub redirected a call to nowhere")
    return str(address)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
