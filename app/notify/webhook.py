"""Send news to a web server: signed, to exactly the address that was judged, without following it elsewhere."""

import asyncio
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx2

from app.notify import reach, signing
from app.notify.problems import Gone, Later, Refused

LIMIT_S = 10.0  # seconds for all of it
TEMPORARY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
LONGEST_WAIT_S = 3600.0  # that another side may ask for


async def send(
    url: str,
    said: Mapping[str, Any],
    *,
    delivery: str,
    secret: str,
    allowed: Sequence[str] = (),
    trust: ssl.SSLContext | None = None,
) -> None:
    """Send one piece of news. The body of the answer is not read.

    Raises:
        Later: the other side is away, busy, or slower than ten seconds.
        Refused: it says no, or leads elsewhere, or must not be reached.
        Gone: it says 410.
    """
    try:
        async with asyncio.timeout(LIMIT_S):
            target = await reach.target(url, allowed)
            status, wait_s = await _post(target, said, delivery=delivery, secret=secret, trust=trust)
    except reach.NotAllowed as problem:
        raise Refused(str(problem)) from None
    except reach.NotFound as problem:
        raise Later(str(problem)) from None
    except (TimeoutError, httpx2.TimeoutException):
        raise Later(f"no answer within {LIMIT_S:.0f} seconds") from None
    except (httpx2.TransportError, httpx2.InvalidURL) as problem:
        raise Later(f"cannot be reached: {type(problem).__name__}") from None
    _judge(status, wait_s)


async def _post(
    target: reach.Target, said: Mapping[str, Any], *, delivery: str, secret: str, trust: ssl.SSLContext | None
) -> tuple[int, float | None]:
    body = json.dumps({"delivery": delivery, **said}, ensure_ascii=False).encode()
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "Rigline",
        "Accept-Encoding": "identity",
        "Rigline-Event": str(said["event"]),
        **signing.headers(secret, delivery, int(time.time()), body),
    }
    certificate_of = {"sni_hostname": target.host}  # the address holds a number; the certificate names the host
    async with (
        httpx2.AsyncClient(verify=trust or True, trust_env=False, follow_redirects=False, timeout=LIMIT_S) as client,
        client.stream("POST", target.url, content=body, headers=headers, extensions=certificate_of) as answer,
    ):
        return answer.status_code, _seconds(answer.headers.get("Retry-After", ""))


def _judge(status: int, wait_s: float | None) -> None:
    if HTTPStatus(200) <= status < 300:
        return
    if status == HTTPStatus.GONE:
        raise Gone("it answers 410: it wants nothing any more")
    if status >= 500 or status in TEMPORARY:
        raise Later(f"it answers {status}", wait_s)
    elsewhere = ", and where that leads is not followed" if 300 <= status < 400 else ""
    raise Refused(f"it answers {status}{elsewhere}")


def _seconds(given: str) -> float | None:
    """Read Retry-After in seconds; a date is as if nothing was said."""
    return min(float(given), LONGEST_WAIT_S) if given.isascii() and given.isdigit() and len(given) < 10 else None
