"""Writes that may be sent again: with an `Idempotency-Key` the second request gets the first one's answer.

The key counts for one actor, method and path, for 24 hours, over restarts and for all web processes. What is kept is
sealed under the service's key, since an answer may hold a token; of what was asked for there is only a digest.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from quart import Response, request

from app import sealed
from app.db.queries import kept_answers
from app.deps import Deps
from app.errors import ApiError, InProgress, Invalid, KeyReused, OutcomeUnknown
from app.web import errors
from app.web.auth import Actor

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
KEY = re.compile(r"[!-~]{1,255}")
LOST_S = 120.0  # a request that has no answer for so long has lost its process: whether it acted nobody knows
RETRY_S = 1  # seconds until the same may be asked again while the first request is at work
UNKNOWN = b""

Act = Callable[[], Awaitable[Response]]
_at_work: set["asyncio.Task[Response]"] = set()  # the loop itself holds tasks only weakly


async def once(deps: Deps, actor: Actor, what: bytes, act: Act) -> Response:
    """Act, unless this key was here before: then give the answer of that time.

    The work goes on when the caller hangs up: its answer waits for the next try.

    Args:
        what: query and body, which must be the same under the same key.
    Raises:
        KeyReused, InProgress, OutcomeUnknown, Invalid.
    """
    key = request.headers.get(HEADER, "")
    if not KEY.fullmatch(key):
        raise Invalid(f"{HEADER}: expected 1 to 255 printable ASCII characters without spaces, such as a UUID.")
    whose = f"user {actor.user_id}" if actor.user_id is not None else actor.name
    asked = hashlib.sha256("\0".join((whose, request.method, request.path, key)).encode()).digest()
    digest = hmac.digest(_secret(deps), what, "sha256")  # keyed: a body may hold a password
    async with deps.begin() as db:
        is_new = await kept_answers.begin(db, asked, digest)
        known = None if is_new else await kept_answers.get(db, asked)
    if not is_new:
        return _again(deps, known, digest)
    task = asyncio.create_task(_act(deps, asked, act))
    _at_work.add(task)
    task.add_done_callback(_at_work.discard)
    return await asyncio.shield(task)


def _again(deps: Deps, known: kept_answers.Kept | None, digest: bytes) -> Response:
    if known is not None and not hmac.compare_digest(known.what, digest):
        raise KeyReused(f"This {HEADER} came with another query or body before. Take a new key for a new request.")
    if known is None or (known.answer is None and known.age_s < LOST_S):
        wait = {"Retry-After": str(RETRY_S)}
        raise InProgress("The first request with this key is at work. Ask again in a second.", headers=wait)
    response = _unsealed(deps, known.answer) if known.answer else None
    if response is None:
        raise OutcomeUnknown(
            "The first request with this key was cut off, and nobody knows whether it acted. Look, and then send a "
            "new key if it did not."
        )
    return response


async def _act(deps: Deps, asked: bytes, act: Act) -> Response:
    try:
        response = await act()
    except ApiError as refusal:
        if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR or refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
            async with deps.begin() as db:
                await kept_answers.give_back(db, asked)
            raise
        response = await errors.answer(refusal)
    except Exception:
        async with deps.begin() as db:
            await kept_answers.end(db, asked, UNKNOWN)
        raise
    told = await _sealed(deps, response)
    async with deps.begin() as db:
        await kept_answers.end(db, asked, told)
    return response


async def _sealed(deps: Deps, response: Response) -> bytes:
    body: bytes = await response.get_data(as_text=False)
    told = {
        "status": response.status_code,
        "type": response.content_type,
        "tag": response.headers.get("ETag"),
        "body": base64.b64encode(zlib.compress(body)).decode(),
    }
    return sealed.seal(deps.settings.secret_key.get_secret_value(), json.dumps(told))


def _unsealed(deps: Deps, kept: bytes) -> Response | None:
    """Make the answer anew; None if it was sealed under another secret key."""
    text = sealed.unseal(deps.settings.secret_key.get_secret_value(), kept)
    if text is None:
        return None
    told = json.loads(text)
    body = zlib.decompress(base64.b64decode(told["body"]))
    headers = {REPLAYED: "true"} | ({"ETag": told["tag"]} if told["tag"] else {})
    return Response(body, status=told["status"], content_type=told["type"], headers=headers)


def _secret(deps: Deps) -> bytes:
    return b"rigline idempotency " + deps.settings.secret_key.get_secret_value().encode()
