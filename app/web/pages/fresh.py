"""Parts of a page that is open: which are asked for anew, and one answer for all who see the same.

An open page fetches its own address with the header `Rigline-Parts`, which names the regions that it wants, and
`Rigline-At`, the last change that it heard of. The same view and template answer, without the frame of the page.
"""

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quart import Response, current_app, g, request

from app.deps import Deps
from app.remembered import Remembered
from app.web.changes import START, Changes, Position

PARTS, AT = "Rigline-Parts", "Rigline-At"
SHARED = 64  # answers that are kept
SHARED_S = 2.0  # for so long: what only the clock changes is as old at most
LONGEST = 1 << 20  # bytes of one
ALL = "*"


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """An answer for everybody who is nobody in particular."""

    at: Position  # all changes up to here are in it
    made: float  # by the monotonic clock
    body: "asyncio.Future[bytes]"


def changes() -> Changes:
    """Give what this process knows of changes."""
    found: Changes | None = current_app.extensions.get("changes")
    if found is None:
        deps: Deps = current_app.extensions["deps"]
        found = current_app.extensions["changes"] = Changes(deps)
    return found


async def note_position() -> None:
    """Note, before a page reads any row, up to which change it is current."""
    if request.method == "GET" and request.endpoint != "pages.events":
        g.position = await changes().position()


def position() -> str:
    """Write where the page's line has to go on; empty: nobody knows, so that it fetches everything once it stands."""
    found: Position | None = g.get("position")
    return "" if found is None else str(found)


def is_partial() -> bool:
    """Tell whether only parts of the page are asked for."""
    return PARTS in request.headers


def wants(part: str) -> bool:
    """Tell whether a part of the page is to be shown: all are, unless a page that is open asks for some.

    A program that asks for the data gets all.
    """
    asked = request.headers.get(PARTS, ALL)
    return asked == ALL or part in asked.split() or request.path.endswith(".json")


async def together(make: Callable[[], Awaitable[Response]]) -> Response:
    """Answer those who ask at once for the same parts, as nobody in particular, with one rendering.

    An answer is good for whoever has heard of no later change than it holds.
    """
    at: Position | None = g.get("position")
    if at is None or not is_partial() or _is_somebody():
        return await make()
    kept = _kept()
    key = (request.full_path, request.headers[PARTS])
    asked = Position.read(request.headers.get(AT, "")) or START
    if key not in kept or not _is_good(kept[key], asked):
        kept[key] = _Shared(at=at, made=time.monotonic(), body=asyncio.get_running_loop().create_future())
        return await _made(kept[key], make)
    body = await asyncio.shield(kept[key].body)
    return _packed(body) if body else await make()


def _is_somebody() -> bool:
    local = request.scope.get("rigline.local") is True  # type: ignore[attr-defined, unused-ignore]
    return local or bool(request.cookies) or "Authorization" in request.headers


def _kept() -> Remembered[tuple[str, str], _Shared]:
    found: Remembered[tuple[str, str], _Shared] = current_app.extensions.setdefault("parts", Remembered(SHARED))
    return found


def _is_good(shared: _Shared, asked: Position) -> bool:
    return shared.at >= asked and time.monotonic() - shared.made < SHARED_S


async def _made(shared: _Shared, make: Callable[[], Awaitable[Response]]) -> Response:
    body = b""
    try:
        response = await make()
        data: bytes = await response.get_data(as_text=False)
        if response.status_code == 200 and len(data) <= LONGEST:
            body = gzip.compress(data, 1, mtime=0)
        return response
    finally:
        shared.body.set_result(body)


def _packed(body: bytes) -> Response:
    """Send what was compressed once; to those who cannot read that, as it was."""
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(body if packed else gzip.decompress(body), content_type="text/html; charset=utf-8")
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
