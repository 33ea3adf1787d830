"""A job's log and result files: bytes from a builder, so never anything that a browser would run."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus

from pydantic import Field
from quart import Response, request
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import job_views, logs, results
from app.deps import Deps
from app.errors import ApiError, NotFound, Removed
from app.web.api.operations import INT4, Given, operation
from app.web.api.plain import without_escapes

TEXT, BYTES = "text/plain", "application/octet-stream"
PIECE = 1 << 20  # bytes of log in memory at a time
ATTEMPT = "Rigline-Attempt"  # says whose log it is: another attempt starts a new one


class NoSuchRange(ApiError):
    """Nothing of the log is in the range."""

    status, code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "no_such_range"


class WhichLog(Given):
    """Which log, and how."""

    attempt: int | None = Field(default=None, ge=1, le=INT4, description="none: the latest one")
    strip: bool = Field(default=False, description="without colours and other escape sequences; takes no range")


class WhichResult(Given):
    """Which result file."""

    number: int = Field(default=0, ge=0, le=INT4, description="of the run phase: 0 … repeat - 1")
    attempt: int | None = Field(default=None, ge=1, le=INT4, description="none: the latest one")


@operation("GET", "/jobs/{job_id}/log", query=WhichLog, media=(TEXT,))
async def read_log(deps: Deps, *, job_id: int, query: WhichLog) -> Response:
    """Read a log as far as it is now; `Range: bytes=START-` reads on. The header Rigline-Attempt names the attempt.

    410 once it was removed; `no_such_range` while nothing is behind START.
    """
    async with deps.begin() as db:
        attempt_id = await attempt_of(db, job_id, query.attempt)
        size = await logs.size(db, attempt_id) if attempt_id else 0
        removed_at = await logs.removed_at(db, attempt_id) if attempt_id else None
    if removed_at is not None and size:
        raise Removed(
            f"The log was removed on {removed_at:%Y-%m-%d}: logs are kept {deps.settings.keep_logs_days} days."
        )
    headers = {ATTEMPT: str(attempt_id or 0), "Cache-Control": "no-store"}
    if query.strip:
        return Response(
            without_escapes(_pieces(deps, attempt_id, 0, size)), content_type=f"{TEXT}; charset=utf-8", headers=headers
        )
    start, end, is_part = _asked_range(request.headers.get("Range", ""), size)
    headers |= {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK
    body = _pieces(deps, attempt_id, start, end)
    return Response(body, status=status, content_type=f"{TEXT}; charset=utf-8", headers=headers)


@operation("GET", "/jobs/{job_id}/result", query=WhichResult, media=(BYTES, TEXT))
async def read_result(deps: Deps, *, job_id: int, query: WhichResult) -> Response:
    """Read a result file verbatim, as a download: text/plain if it is text, else application/octet-stream.

    A file that was kept long enough is gone: `removed`.
    """
    async with deps.begin() as db:
        attempt_id = await attempt_of(db, job_id, query.attempt)
        data = await results.file(db, attempt_id, query.number) if attempt_id else None
    if data is None:
        raise NotFound(f"Job {job_id} has no result file {query.number}.")
    headers = {"Content-Disposition": f'attachment; filename="job-{job_id}-result-{query.number}"'}
    return Response(data, content_type=f"{TEXT}; charset=utf-8" if _is_text(data) else BYTES, headers=headers)


async def attempt_of(db: AsyncConnection, job_id: int, chosen: int | None) -> int | None:
    """Find an attempt of a job: the chosen one, else the latest; None before the first.

    Raises:
        NotFound: there is no such job, or it has no such attempt.
    """
    attempt_id = await job_views.attempt_id(db, job_id, chosen)
    if attempt_id is None and (chosen is not None or await job_views.get(db, job_id) is None):
        raise NotFound(f"There is no job {job_id}." if chosen is None else f"Job {job_id} has no attempt {chosen}.")
    return attempt_id


async def _pieces(deps: Deps, attempt_id: int | None, start: int, end: int) -> AsyncIterator[bytes]:
    """Read the log piece by piece, each in a short transaction: a slow reader holds no connection."""
    while attempt_id is not None and start < end:
        async with deps.begin() as db:
            piece = await logs.read(db, attempt_id, start, min(PIECE, end - start))
        if not piece:
            return  # deleted meanwhile
        start += len(piece)
        yield piece


def _asked_range(header: str, size: int) -> tuple[int, int, bool]:
    """Read a `Range` header: start, end (exclusive), and whether it is a part.

    Source:
        RFC 9110, 14.2: a form that we do not serve, such as several ranges, is ignored.
    """
    found = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.strip())
    if found is None or found[0] == "bytes=-":
        return 0, size, False
    first, last = found[1], found[2]
    if first and last and int(last) < int(first):
        return 0, size, False
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise NoSuchRange(f"The log has {size} bytes now.", headers={"Content-Range": f"bytes */{size}"}, size=size)
    return start, end, True


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
