"""Call GitHub's REST API through gidgethub, with its sharp edges wrapped.

Every failure becomes Transient or Permanent; no address outside the configured base is ever called;
after a rate limit nothing is called until GitHub said it may.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import gidgethub
import gidgethub.httpx
import httpx2

from integrations.forge import ForgeError, Permanent, Transient

TIMEOUT = 8.0  # seconds for one call; a claim on a status lasts longer
CACHED = 500  # answers kept with their ETag: unchanged ones cost nothing of the rate limit
SECONDARY_LIMIT_S = 60.0  # GitHub's advice when a secondary limit names no time
WRONG_TOKEN_S = 300.0  # a refused token is our fault, and heals when somebody corrects it
MAX_PAUSE_S = 3600.0
REQUESTER = "rigline"


class Refused(Permanent):
    """GitHub refuses the call; the status says which kind of refusal it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"GitHub answered {status}: {message[:200]}")
        self.status = status
        self.said = message


class Cache(MutableMapping[str, Any]):
    """Keep the latest answers, a bounded number of them."""

    def __init__(self, size: int = CACHED) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._size = size

    def __getitem__(self, address: str) -> Any:
        self._kept.move_to_end(address)
        return self._kept[address]

    def __setitem__(self, address: str, answer: Any) -> None:
        self._kept[address] = answer
        self._kept.move_to_end(address)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def __delitem__(self, address: str) -> None:
        del self._kept[address]

    def __iter__(self) -> Any:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


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

    def __init__(self, base_url: str, token: str | None) -> None:
        self._http = httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        self._api = _Api(self._http, REQUESTER, oauth_token=token, base_url=base_url, cache=Cache())
        self._silent_until = 0.0  # on the monotonic clock

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

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _call(self, method: str, path: str, variables: Mapping[str, str], data: Any) -> Any:
        """Call, and follow one redirect within GitHub, which it sends for a renamed repository.

        Raises:
            Transient: no answer, 5xx, a rate limit or a refused token; says for how long to be silent.
            Permanent: GitHub refuses this call for good.
        """
        silence = self._silent_until - time.monotonic()
        if silence > 0:
            raise Transient("GitHub asked for silence", retry_after=silence)
        try:
            try:
                return await self._answer(method, path, variables, data)
            except gidgethub.RedirectionException as moved:
                return await self._answer(method, _target(moved), {}, data)
        except ForgeError:
            raise
        except Exception as problem:  # gidgethub lets KeyError and ValueError out for odd answers
            raise self._said(problem) from None

    async def _answer(self, method: str, path: str, variables: Mapping[str, str], data: Any) -> Any:
        if method == "GET":
            return await self._api.getitem(path, dict(variables))
        if method == "DELETE":
            return await self._api.delete(path, dict(variables))
        send = self._api.patch if method == "PATCH" else self._api.post
        return await send(path, dict(variables), data=data)

    def _said(self, problem: Exception) -> ForgeError:
        """Say in our words what went wrong."""
        if isinstance(problem, gidgethub.RateLimitExceeded):
            return self._limited(problem.rate_limit.reset_datetime.timestamp() - time.time())
        if isinstance(problem, gidgethub.HTTPException):
            return self._refused(problem)
        if isinstance(problem, httpx2.HTTPError | OSError):
            return Transient(f"GitHub does not answer: {type(problem).__name__}")
        return Transient(f"GitHub's answer makes no sense: {type(problem).__name__}")

    def _refused(self, problem: gidgethub.HTTPException) -> ForgeError:
        status, headers = int(problem.status_code or 0), problem.headers or {}
        what = f"GitHub answered {status}: {str(problem)[:200]}"
        if status in (403, 429) and ("retry-after" in headers or status == 429 or _is_secondary(problem)):
            return self._limited(_seconds(headers.get("retry-after")))
        if status == 401:
            return Transient(f"{what} (RIGLINE_GITHUB_TOKEN is missing or wrong)", retry_after=WRONG_TOKEN_S)
        if status >= 500 or status in (408, 425):
            return Transient(what, retry_after=_seconds(headers.get("retry-after")))
        return Refused(status, str(problem))

    def _limited(self, wait_s: float | None) -> Transient:
        """Be silent as long as GitHub says, or as it advises; calling earlier prolongs the ban."""
        pause = min(max(wait_s if wait_s is not None else SECONDARY_LIMIT_S, 1.0), MAX_PAUSE_S)
        self._silent_until = max(self._silent_until, time.monotonic() + pause)
        return Transient("GitHub's rate limit is used up", retry_after=pause)


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
