"""Answers with a tag: who has one already is not sent it again, and who changes a setting may say what it saw."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import sqlalchemy as sa
from pydantic import BaseModel
from quart import Response, request

from app.deps import Deps
from app.errors import ChangedMeanwhile

PRIVATE = "private, no-cache"  # what one caller may see is not for a cache that others share
_one_by_one = asyncio.Lock()  # of this process: a change holds one more connection than it works with


def kept(body: str, content_type: str) -> Response:
    """Answer with a text and its tag, or with 304 if `If-None-Match` names that tag.

    Source:
        RFC 9110, 13.1.2: the comparison is weak, since a proxy that compresses makes a tag weak.
    """
    headers = {"ETag": tag(body), "Cache-Control": PRIVATE}
    if _is_named(headers["ETag"], request.headers.get("If-None-Match", "")):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, content_type=content_type, headers=headers)


def tag(body: str) -> str:
    """Name a text."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'


@asynccontextmanager
async def unchanged(deps: Deps, read: Callable[[], Awaitable[BaseModel | None]]) -> AsyncIterator[None]:
    """Go on only while what `read` gives is what `If-Match` names; all who ask so for one address do it in turns.

    Raises:
        ChangedMeanwhile: somebody else was faster.
    """
    named = request.headers.get("If-Match")
    if named is None:
        yield
        return
    lock = int.from_bytes(hashlib.sha256(f"rigline if-match {request.path}".encode()).digest()[:8], signed=True)
    async with _one_by_one, deps.begin() as db:
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
        found = await read()
        if found is None or not _is_named(tag(found.model_dump_json()), named):
            raise ChangedMeanwhile("It is not any more what If-Match names. Read it again, and then change it.")
        yield


def _is_named(known: str, header: str) -> bool:
    named = [each.strip().removeprefix("W/") for each in header.split(",")]
    return known in named or named == ["*"]
