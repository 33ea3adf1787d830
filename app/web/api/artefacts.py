"""Artefacts of a job: names and bytes of strangers, so always a download and never a page."""

from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import quote

from pydantic import Field
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import artefacts
from app.deps import Deps
from app.errors import NotFound, Removed
from app.web.api.job_files import BYTES, attempt_of
from app.web.api.operations import INT4, Given, Told, operation

# Whatever a browser makes of it in spite of all, it gets no origin, no script and no form.
SANDBOX = "sandbox; default-src 'none'"


class WhichAttempt(Given):
    """Of which attempt."""

    attempt: int | None = Field(default=None, ge=1, le=INT4, description="none: the latest one")


class ArtefactTold(Told):
    """One artefact."""

    number: int
    name: str = Field(description="its path below the work tree")
    size: int = Field(description="bytes")
    sha256: str
    stored_at: datetime


class ArtefactList(Told):
    """The artefacts of one attempt: never so many that they are paged."""

    items: list[ArtefactTold]
    next: str | None = None
    removed_at: datetime | None = Field(description="when they were removed: the settings say how long they are kept")


@operation("GET", "/jobs/{job_id}/artefacts", query=WhichAttempt, answer=ArtefactList)
async def list_artefacts(deps: Deps, *, job_id: int, query: WhichAttempt) -> ArtefactList:
    """List the artefacts of a job's attempt."""
    async with deps.begin() as db:
        attempt_id = await attempt_of(db, job_id, query.attempt)
        found = await artefacts.of_attempt(db, attempt_id) if attempt_id else []
        removed_at = await artefacts.removed_at(db, attempt_id) if attempt_id else None
    return ArtefactList(items=[ArtefactTold.model_validate(dict(each)) for each in found], removed_at=removed_at)


@operation("GET", "/jobs/{job_id}/artefacts/{number}", query=WhichAttempt, media=(BYTES,))
async def read_artefact(deps: Deps, *, job_id: int, number: int, query: WhichAttempt) -> Response:
    """Read an artefact byte by byte, as a download. 410 once it was removed."""
    async with deps.begin() as db:
        attempt_id = await attempt_of(db, job_id, query.attempt)
        found = await artefacts.get(db, attempt_id, number) if attempt_id else None
        if attempt_id is None or found is None:
            raise NotFound(f"Job {job_id} has no artefact {number}.")
        await _insist(db, attempt_id)
    headers = {
        "Content-Disposition": _attachment(found["name"]),
        "Content-Length": str(found["size"]),
        "Content-Security-Policy": SANDBOX,
        "Cache-Control": "no-store",
    }
    return Response(_pieces(deps, attempt_id, number), content_type=BYTES, headers=headers)


async def _insist(db: AsyncConnection, attempt_id: int) -> None:
    removed_at = await artefacts.removed_at(db, attempt_id)
    if removed_at is not None:
        raise Removed(f"The artefacts were removed on {removed_at:%Y-%m-%d}: they are kept for a time only.")


async def _pieces(deps: Deps, attempt_id: int, number: int) -> AsyncIterator[bytes]:
    """Read it piece by piece, each in a short transaction: a slow reader holds no connection."""
    at = 0
    while True:
        async with deps.begin() as db:
            data = await artefacts.piece(db, attempt_id, number, at)
        if data is None:
            return
        at += 1
        yield data


def _attachment(name: str) -> str:
    """Say under which name to save it: the last part of its path.

    Source:
        RFC 6266, 4.3 and appendix D: a plain name for old readers, and the real one in UTF-8.
    """
    last = name.rpartition("/")[2]
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in last)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(last, safe='')}"
