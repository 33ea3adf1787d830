"""The service as a builder sees it: one method per call of `builders.protocol`, and errors by what to do."""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2

from builders import protocol
from builders.json_values import from_json, to_json
from builders.protocol import (
    LAST_WORDS,
    Beat,
    BeatAnswer,
    Claim,
    Finish,
    Finished,
    Hello,
    Lease,
    LogSize,
    Look,
    Looked,
    NewToken,
    Side,
    Signal,
    Welcome,
)
from builders.results import Taken

CALL_S = 20.0  # a call that is not held
LOOK_S = 120.0  # a look at a comparison: all that was measured is read and judged
HELD_MARGIN_S = 15.0  # a held call may take so much longer than agreed
SPREAD_S = 30.0  # the longest pause between two tries

Answer = TypeVar("Answer")


class ServiceError(Exception):
    """The service said no; the text says what."""

    def __init__(self, text: str, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(text)
        self.code, self.retry_after = code, retry_after


class Unavailable(ServiceError):
    """No answer, or "later": the same call again may work."""


class Refused(ServiceError):
    """The builder as a whole is refused: a bad token, an old protocol, a name in use."""


class LeaseLost(ServiceError):
    """The attempt is not ours any more, or its end is told already."""


class Drained(ServiceError):
    """The service wants this builder to end, and it has no job any more."""


class LogGap(ServiceError):
    """The service has less of the log than we thought; `size` is where to go on."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text, "log_gap")
        self.size = size


class LogFull(ServiceError):
    """No more log is taken: `size` bytes are kept, if that is known, and so many more may follow at the very end."""

    def __init__(self, text: str, code: str, size: int | None, room: int) -> None:
        super().__init__(text, code)
        self.size, self.room = size, room


class Incomplete(ServiceError):
    """The log or a result did not arrive whole."""


@functools.cache
def tls() -> ssl.SSLContext:
    """Read the certificates of this machine, once: that takes longer than all else of a client together."""
    return httpx2.create_ssl_context()


class Service:
    """HTTP client with this builder's token."""

    def __init__(self, server: str, token: str) -> None:
        self.server = server.rstrip("/")
        self.http = httpx2.AsyncClient(
            base_url=f"{self.server}/api/v1/",
            headers={
                "Authorization": f"Bearer {token}",
                "Rigline-Protocol": str(protocol.PROTOCOL),
                "User-Agent": "rigline-builder",
            },
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=60.0),
            trust_env=True,  # labs sit behind proxies
            verify=tls(),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self.http.aclose()

    async def hello(self, hello: Hello) -> Welcome:
        """Register this builder's boards."""
        return from_json(Welcome, await self._json("PUT", "builders/me", to_json(hello)))

    async def renew(self) -> str | None:
        """Ask for a new token; None while this one is young."""
        data = await self._json("POST", "builders/me/token", None)
        return None if data is None else from_json(NewToken, data).token

    def show(self, token: str) -> None:
        """Show another token from now on."""
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def claim(self, claim: Claim) -> Lease | None:
        """Ask for a job; held for up to `claim.wait_s`."""
        data = await self._json("POST", "builders/me/claim", to_json(claim), claim.wait_s + HELD_MARGIN_S)
        return None if data is None else from_json(Lease, data)

    async def beat(self, attempt: int, beat: Beat, timeout: float = CALL_S) -> BeatAnswer:
        """Accept or extend a lease."""
        return from_json(BeatAnswer, await self._json("POST", f"attempts/{attempt}/beat", to_json(beat), timeout))

    async def wait(self, attempt: int, epoch: int) -> Signal:
        """Wait for the wish to cancel."""
        path, timeout = f"attempts/{attempt}/wait?epoch={epoch}", protocol.MAX_WAIT_S + HELD_MARGIN_S
        return from_json(Signal, await self._json("GET", path, None, timeout))

    async def append(self, attempt: int, epoch: int, start: int, data: bytes, *, last: bool = False) -> int:
        """Append log bytes, or the last words of a log that was cut; return how many the service has now."""
        path = f"attempts/{attempt}/log?epoch={epoch}&start={start}{'&last=1' if last else ''}"
        return from_json(LogSize, await self._bytes("PATCH", path, data)).size

    async def put_result(self, lease: Lease, taken: Taken) -> None:
        """Store one result file."""
        query = {"epoch": lease.epoch, "binary": taken.binary}
        if taken.pair is not None or taken.side is not Side.HEAD:
            query |= {"side": taken.side, "pair": taken.pair}
        words = urlencode({name: value for name, value in query.items() if value not in ("", None)})
        path = f"attempts/{lease.attempt_id}/results/{taken.number}?{words}"
        await self._bytes("PUT", path, await asyncio.to_thread(taken.path.read_bytes))

    async def look(self, attempt: int, look: Look) -> Looked:
        """Have a comparison judged, and hear how many pairs are to follow; statistics may take a moment."""
        return from_json(Looked, await self._json("POST", f"attempts/{attempt}/look", to_json(look), LOOK_S))

    async def put_artefact(self, attempt: int, epoch: int, number: int, piece: int, data: bytes) -> None:
        """Store one piece of an artefact."""
        await self._bytes("PUT", f"attempts/{attempt}/artefacts/{number}/{piece}?epoch={epoch}", data)

    async def finish(self, attempt: int, finish: Finish) -> Finished:
        """Say how the attempt ended."""
        return from_json(Finished, await self._json("PUT", f"attempts/{attempt}/result", to_json(finish)))

    async def _json(self, method: str, path: str, body: Any, timeout: float = CALL_S) -> Any:
        return await self._call(method, path, timeout, json=body)

    async def _bytes(self, method: str, path: str, body: bytes) -> Any:
        headers = {"Content-Type": "application/octet-stream"}
        return await self._call(method, path, 60.0, content=body, headers=headers)

    async def _call(self, method: str, path: str, timeout: float, **body: Any) -> Any:
        try:
            answer = await self.http.request(method, path, timeout=timeout, **body)
        except httpx2.TransportError as problem:
            raise Unavailable(f"{type(problem).__name__}: {problem}") from problem
        if not answer.is_success:
            raise _error(answer)
        if answer.status_code == 204 or not answer.content:
            return None if answer.status_code == 204 else {}
        try:
            return answer.json()
        except ValueError as problem:
            raise Unavailable(f"the answer to {method} {path} is no JSON") from problem


def _error(answer: httpx2.Response) -> ServiceError:  # noqa: PLR0911  # one line per status
    """Turn an HTTP answer into the error that says what to do."""
    data = _body(answer)
    error = data.get("error")
    said: dict[str, Any] = error if isinstance(error, dict) else {}
    code, text = str(said.get("code", "")), str(said.get("message", "")) or f"HTTP {answer.status_code}"
    match answer.status_code:
        case 401 | 403 | 426:
            return LeaseLost(text, code) if answer.status_code == 403 else Refused(text, code or "unauthorized")
        case 409:
            kinds = {"builder_in_use": Refused, "board_in_use": Refused, "drained": Drained}
            return kinds.get(code, LeaseLost)(text, code)
        case 404 | 410:
            return LeaseLost(text, code)
        case 412:
            return Incomplete(text, code)
        case 413 | 507:
            return LogFull(text, code, _size(data, said), LAST_WORDS if answer.status_code == 507 else 0)
        case 416:
            return LogGap(text, _size(data, said) or 0)
        case _:
            return Unavailable(f"{text} (HTTP {answer.status_code})", code, _retry_after(answer))


def _body(answer: httpx2.Response) -> dict[str, Any]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _size(data: dict[str, Any], said: dict[str, Any]) -> int | None:
    size = data.get("size", said.get("size"))
    return size if isinstance(size, int) and size >= 0 else None


def _retry_after(answer: httpx2.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), SPREAD_S) if text.isdigit() else None


async def persist(
    call: Callable[[], Awaitable[Answer]],
    *,
    for_s: float,
    first_s: float = 0.5,
    tell: Callable[[ServiceError, float], None] | None = None,
) -> Answer:
    """Repeat a call while the service is away, with growing and random pauses.

    Raises:
        Unavailable: it was away for `for_s` seconds.
        ServiceError: any other answer, at once.
    """
    until, pause = time.monotonic() + for_s, first_s
    while True:
        try:
            return await call()
        except Unavailable as problem:
            if time.monotonic() >= until:
                raise
            wait = max(problem.retry_after or 0.0, pause * random.uniform(0.5, 1.0))
            if tell is not None:
                tell(problem, wait)
            await asyncio.sleep(wait)
            pause = min(pause * 2, SPREAD_S)
