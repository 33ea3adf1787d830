"""Call GitLab's REST API through python-gitlab, which is synchronous: in threads, with explicit limits.

Every failure becomes Transient or Permanent. The library's own sleeping on 429 is off, as are
redirects (its token header would go along) and the environment's proxies and netrc.
"""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gitlab
import requests

from integrations.forge import ForgeError, NotLetIn, Permanent, Transient
from integrations.limits import Limiter

TIMEOUT = 8.0  # seconds to connect, and for each wait for bytes
THREADS = 8
WRONG_TOKEN_S = 300.0  # a refused token is our fault, and heals when somebody corrects it
ME = "token"  # all calls have the same credential
CONFLICTS = 3  # tries when GitLab is busy with the same status


class Refused(Permanent):
    """GitLab refuses the call; the status says which kind of refusal it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"GitLab answered {status}: {message[:200]}")
        self.status = status
        self.said = message


class Client:
    """Speak JSON with one GitLab."""

    def __init__(self, url: str, token: str | None, *, ca_file: str | None = None) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.hooks["response"].append(self._remember)
        self._api = gitlab.Gitlab(
            url, private_token=token, timeout=TIMEOUT, ssl_verify=ca_file or True, session=self._session
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gitlab")
        self._last = threading.local()
        self._limits = Limiter("GitLab")

    async def get(self, path: str, **query: Any) -> Any:
        """Ask for one thing; see `_call` for what it raises."""
        call = functools.partial(self._api.http_get, path, query_data=query, obey_rate_limit=False)
        return await self._call(call)

    async def page(self, path: str, **query: Any) -> list[Any]:
        """Ask for one page of a list; see `_call` for what it raises."""
        found = await self.get(path, **query)
        if not isinstance(found, list):
            raise Transient("GitLab's answer is no list")
        return found

    async def post(self, path: str, data: dict[str, Any]) -> Any:
        """Make one thing; see `_call` for what it raises."""
        return await self._call(functools.partial(self._api.http_post, path, post_data=data, obey_rate_limit=False))

    async def put(self, path: str, data: dict[str, Any]) -> Any:
        """Change one thing; see `_call` for what it raises."""
        return await self._call(functools.partial(self._api.http_put, path, post_data=data, obey_rate_limit=False))

    async def close(self) -> None:
        """Close connections and let threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _call(self, call: Any) -> Any:
        """Run one call in a thread.

        Raises:
            Transient: no answer, 5xx, a rate limit or a refused token; says for how long to be silent.
            Refused: GitLab refuses this call for good.
        """
        self._limits.enter(ME)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._in_thread, call)

    def _in_thread(self, call: Any) -> Any:
        self._last.retry_after = None
        try:
            return call()
        except gitlab.GitlabError as problem:
            raise self._said(problem) from None
        except requests.TooManyRedirects:
            raise Permanent("GitLab redirects: RIGLINE_GITLAB_URL is not its canonical address") from None
        except (requests.RequestException, OSError) as problem:
            raise Transient(f"GitLab does not answer: {type(problem).__name__}") from None

    def _remember(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Keep the header that python-gitlab's errors leave out."""
        text = response.headers.get("retry-after", "")
        self._last.retry_after = float(text) if text.isdigit() else None

    def _said(self, problem: gitlab.GitlabError) -> ForgeError:
        status, message = int(problem.response_code or 0), str(problem.error_message)
        wait_s = getattr(self._last, "retry_after", None)
        if status == 429:
            return self._limits.hold(ME, wait_s)
        if status == 401:
            return NotLetIn("GitLab answered 401 (RIGLINE_GITLAB_TOKEN is missing or wrong)", retry_after=WRONG_TOKEN_S)
        if status >= 500 or status in (0, 408):
            return Transient(f"GitLab answered {status}", retry_after=wait_s)
        return Refused(status, message)
