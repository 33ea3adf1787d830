"""The part of a log that a job's page holds, and the ways to other parts: by line, by search, from error to error."""

from dataclasses import dataclass, replace
from datetime import datetime

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import log_lines
from app.db.queries.log_lines import Window
from app.web import log_search, log_text
from app.web.api.job_files import attempt_of
from app.web.log_search import Found
from app.web.log_text import EXCERPT, MOST_LINES, Line, Section
from app.web.pages.answer import ID, deps, go_to, number, page, text

CONTEXT = 30  # lines shown before the one that is asked for
NO_ERROR = "no error"  # of `answer.DONE`


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a log is asked for."""

    attempt: int | None  # None: the latest one
    line: int | None  # None: the end
    before: int | None  # an offset where the window ends
    q: str | None
    errors: bool
    times: bool

    @property
    def is_end(self) -> bool:
        """Say whether the end is asked for, which a running job goes on with."""
        return self.line is None and self.before is None and self.attempt is None


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """Some lines of an attempt's log."""

    attempt_id: int
    size: int  # bytes of the whole log
    start: int  # offsets of what is shown
    end: int
    resume: int  # where the live log goes on: the end, or the beginning of a last line that has not ended
    first_line: int
    last_line: int
    began_at: datetime | None  # when the first line came
    text: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An excerpt as the template draws it."""

    excerpt: Excerpt
    sections: list[Section]
    errors: int  # lines that look like one, of those shown


def wanted() -> Wanted:
    """Read the query string; what makes no sense is as if not given."""
    return Wanted(
        attempt=number("attempt"),
        line=number("line"),
        before=number("before", largest=2**62),
        q=(text("q") or "")[: log_search.LONGEST] or None,
        errors=text("errors") is not None,
        times=text("times") is not None,
    )


async def shown(db: AsyncConnection, attempt_id: int, size: int, asked: Wanted) -> Shown:
    """Read the part of a log that is asked for."""
    if asked.line is not None:
        line = min(asked.line, await log_lines.lines(db, attempt_id) + 1)
        start = await log_lines.offset_of(db, attempt_id, max(1, line - CONTEXT))
        window = await log_lines.window(db, attempt_id, start, EXCERPT)
        lines = _lines(_without_last_part(window, size))[:MOST_LINES]
    else:
        end = size if asked.before is None else min(size, asked.before)
        start = max(0, end - EXCERPT)
        window = await log_lines.window(db, attempt_id, start, end - start)
        window = _without_first_part(window) if start else window
        lines = _lines(window)[-MOST_LINES:]
    return _shown(attempt_id, size, window, lines)


def _shown(attempt_id: int, size: int, window: Window, lines: list[Line]) -> Shown:
    raw = window.data.split(b"\n")
    first = lines[0].number if lines else window.first_line
    skipped, kept = first - window.first_line, first - window.first_line + len(lines)
    start = window.start + sum(len(each) + 1 for each in raw[:skipped])
    data = b"\n".join(raw[skipped:kept]) + (b"\n" if kept < len(raw) and lines else b"")
    excerpt = Excerpt(
        attempt_id=attempt_id,
        size=size,
        start=start,
        end=start + len(data),
        resume=start + data.rfind(b"\n") + 1,
        first_line=first,
        last_line=lines[-1].number if lines else first,
        began_at=lines[0].at if lines else None,
        text=data.decode("utf-8", "replace").replace("\r\n", "\n"),
    )
    return Shown(excerpt=excerpt, sections=log_text.sections(lines), errors=sum(each.is_error for each in lines))


def _lines(window: Window) -> list[Line]:
    return log_text.lines(window.data, first=window.first_line, times=window.times, start=window.start)


def _without_first_part(window: Window) -> Window:
    """Drop what is left of a line that began earlier; a window that is one line only is kept."""
    at = window.data.find(b"\n") + 1
    if not 0 < at < len(window.data):
        return window
    return replace(window, start=window.start + at, data=window.data[at:], first_line=window.first_line + 1)


def _without_last_part(window: Window, size: int) -> Window:
    """Drop the beginning of a line that goes on behind the window."""
    at = window.data.rfind(b"\n") + 1
    is_whole = window.start + len(window.data) >= size or not at
    return window if is_whole else replace(window, data=window.data[:at])


async def found(attempt_id: int, asked: Wanted) -> Found | None:
    """Search the whole log, if that is asked for."""
    if asked.q is not None:
        return await log_search.search(deps(), attempt_id, log_search.saying(asked.q))
    if asked.errors:
        return await log_search.search(deps(), attempt_id, log_search.failing)
    return None


@page(f"/jobs/<{ID}:job_id>/error")
async def next_error(job_id: int) -> Response:
    """Lead to the first line behind `after` that looks like an error."""
    asked, after = wanted(), number("after") or 0
    async with deps().begin() as db:
        attempt_id = await attempt_of(db, job_id, asked.attempt)
    hits = [] if attempt_id is None else await _errors(attempt_id, after)
    if not hits:
        return go_to(f"/jobs/{job_id}", NO_ERROR)
    of = f"&attempt={asked.attempt}" if asked.attempt else ""
    return Response(status=303, headers={"Location": f"/jobs/{job_id}?line={hits[0].line}{of}#L{hits[0].line}"})


async def _errors(attempt_id: int, after: int) -> list[log_search.Hit]:
    return (await log_search.search(deps(), attempt_id, log_search.failing, after=after, most=1)).hits
