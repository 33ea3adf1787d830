"""The queue: what waits for a board and why, since when and until when, and what holds one."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import lab, line, why
from app.db.queries import pages as queries
from app.db.queries.placing import Lack
from app.db.queries.why import Waits
from app.states import HELD, JobState
from app.web import progress
from app.web.pages.answer import answer, deps, page, text
from app.web.pages.reasons import ReasonRow, counted, words
from app.web.pages.rows import BoardRow, JobRow, board_row, job_row

QUEUE_LIMIT = 200
KINDS = 20  # of jobs that wait, and jobs that run, of which it is asked how long they take
READY = ("free", "busy", "to be checked")  # boards that jobs can wait for


@dataclass(frozen=True, kw_only=True)
class QueueRow(JobRow):
    """A job that waits, or runs."""

    position: int | None = None  # in the line of its board type, 1 first; shares take turns, so that it may move
    why: str = ""  # it waits, in a few words
    starts_at: datetime | None = None  # about; None: nobody can say
    share: float | None = None  # of what runs: how far it is
    left_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class QueueView:
    """`/queue`: what waits and what runs, per board type."""

    waiting: dict[str, list[QueueRow]]
    awaiting_approval: list[QueueRow]
    held: list[QueueRow]
    offered: list[str]  # board types that some builder offers
    reasons: list[ReasonRow]
    reason: str | None  # only jobs that wait for it
    shown: int  # at most so many of each are listed


Kind = tuple[str, str, str, str]  # of jobs that take alike: forge, repository, board type, configuration


@page("/queue")
async def queue() -> Response:
    """Show what waits for a board, and what holds one."""
    reason = text("reason")
    async with deps().begin() as db:
        queued, approval, held = [
            await queries.jobs_in(db, states, limit=QUEUE_LIMIT)
            for states in (frozenset({JobState.QUEUED}), frozenset({JobState.AWAITING_APPROVAL}), HELD)
        ]
        waits = await why.waits(db, [each["id"] for each in queued], deps().settings.caps)
        running = [await _running(db, each, asks=at < KINDS) for at, each in enumerate(held)]
        waiting = await _waiting(db, queued, waits, running)
        offered = await queries.board_types(db)
    chosen = [each for each in waiting if reason is None or each.why == reason]
    view = QueueView(
        waiting={kind: [each for each in chosen if each.board_type == kind] for kind in _types(chosen)},
        awaiting_approval=[] if reason else [QueueRow(**vars(job_row(each))) for each in approval],
        held=[] if reason else running,
        offered=offered,
        reasons=counted(waits.values()),
        reason=reason,
        shown=QUEUE_LIMIT,
    )
    return await answer("queue.html", view)


def _types(jobs: Sequence[JobRow]) -> list[str]:
    return sorted({each.board_type for each in jobs})


async def _running(db: AsyncConnection, row: sa.RowMapping, *, asks: bool) -> QueueRow:
    far = await progress.of_job(db, row["id"]) if asks else None
    return QueueRow(**vars(job_row(row)), share=far.share if far else None, left_s=far.left_s if far else None)


async def _waiting(
    db: AsyncConnection, queued: Sequence[sa.RowMapping], waits: Mapping[int, Waits], running: Sequence[QueueRow]
) -> list[QueueRow]:
    """List what waits, in the order of its line."""
    places = await line.places(db, [each["id"] for each in queued])
    rows = sorted((job_row(each, waits.get(each["id"])) for each in queued), key=lambda row: places.get(row.id, 0))
    boards = [board_row(each) for each in await lab.boards(db)] if rows else []
    begin = starts(
        [row for row in rows if row.id in waits and _is_ready(waits[row.id])],
        await _lengths(db, rows),
        {kind: _frees(kind, boards, running) for kind in _types(rows)},
    )
    now = datetime.now(UTC)
    return [
        QueueRow(
            **vars(row),
            position=places.get(row.id),
            why=words(waits[row.id]) if row.id in waits else "",
            starts_at=now + timedelta(seconds=begin[row.id]) if row.id in begin else None,
        )
        for row in rows
    ]


def _is_ready(waits: Waits) -> bool:
    """Tell whether only a board is missing that will be free: nobody knows when anything else comes."""
    return waits.name == why.NEXT or waits.lack is Lack.BUSY


def _kind(row: JobRow) -> Kind:
    return (row.forge, row.full_name, row.board_type, row.configuration)


async def _lengths(db: AsyncConnection, rows: Sequence[JobRow]) -> dict[Kind, float]:
    """Find out how many seconds jobs of each kind usually take; those of which nothing is known are left out."""
    first = {_kind(row): row.id for row in reversed(rows)}
    found = {kind: await progress.of_job(db, first[kind]) for kind in list(first)[:KINDS]}
    return {kind: far.expected_s for kind, far in found.items() if far is not None and far.expected_s is not None}


def _frees(kind: str, boards: Sequence[BoardRow], running: Sequence[QueueRow]) -> list[float | None]:
    """Say in how many seconds each board of a type is free; None: nobody can say."""
    left = {each.id: each.left_s for each in running}
    ready = [each for each in boards if each.type == kind and each.availability in READY]
    return [0.0 if each.job_id is None else left.get(each.job_id) for each in ready]


def starts(
    rows: Sequence[JobRow], lengths: Mapping[Kind, float], frees: Mapping[str, Sequence[float | None]]
) -> dict[int, float]:
    """Say in how many seconds each job starts, if every board takes the first that waits for its type.

    Behind one of which nobody can say how long it takes, or for boards of which nobody can say when they are free,
    nothing is said.

    Args:
        rows: in the order of their lines.
        lengths: seconds that each kind of job takes.
        frees: board type → for each board in how many seconds it is free.
    """
    found: dict[int, float] = {}
    for kind in _types(rows):
        known = [each for each in frees.get(kind, ()) if each is not None]
        if not known or len(known) < len(frees[kind]):
            continue
        heapq.heapify(known)
        for row in (each for each in rows if each.board_type == kind):
            at = heapq.heappop(known)
            found[row.id] = at
            if (length := lengths.get(_kind(row))) is None:
                break
            heapq.heappush(known, at + length)
    return found
