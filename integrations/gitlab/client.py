"""Call GitLab's REST API through python-gitlab, which is synchronous: in threads, with explicit limits.

Every failure becomes Transient or Permanent. The library is loaded with the first call: with requests it takes
4 MiB, and a process that only takes GitLab's deliveries in does without.
"""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from integrations.forge import Permanent, Transient
from integrations.limits import Limiter

if TYPE_CHECKING:
    from integrations.gitlab.session import Session

THREADS = 8
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
        self._where = functools.partial(_open, url, token, ca_file)
        self._session: Session | None = None
        self._opening = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gitlab")
        self._limits = Limiter("GitLab")

    async def get(self, path: str, **query: Any) -> Any:
        """Ask for one thing; see `_call` for what it raises."""
        return await self._call("http_get", path, query_data=query)

    async def page(self, path: str, **query: Any) -> list[Any]:
        """Ask for one page of a list; see `_call` for what it raises."""
        found = await self.get(path, **query)
        if not isinstance(found, list):
            raise Transient("GitLab's answer is no list")
        return found

    async def post(self, path: str, data: dict[str, Any]) -> Any:
        """Make one thing; see `_call` for what it raises."""
        return await self._call("http_post", path, post_data=data)

    async def put(self, path: str, data: dict[str, Any]) -> Any:
        """Change one thing; see `_call` for what it raises."""
        return await self._call("http_put", path, post_data=data)

    async def close(self) -> None:
        """Close connections and let threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._session is not None:
            self._session.close()

    async def _call(self, method: str, path: str, **given: Any) -> Any:
        """Run one call in a thread.

        Raises:
            Transient: no answer, 5xx, a rate limit or a refused token; says for how long to be silent.
            Refused: GitLab refuses this call for good.
        """
        self._limits.enter(ME)
        call = functools.partial(self._in_thread, method, path, **given)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _in_thread(self, method: str, path: str, **given: Any) -> Any:
        with self._opening:
            self._session = self._session or self._where(self._limits)
        return self._session.call(method, path, **given)


def _open(url: str, token: str | None, ca_file: str | None, limits: Limiter) -> "Session":
    from integrations.gitlab.session import Session  # noqa: PLC0415  # see above

    return Session(url, token, ca_file, limits)
