"""Queued jobs whose board nobody can use now: the reason is written to the job, and is no blame."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.placing import OF_JOB, Lack, meets, places
from app.db.queries.statuses import FOR_BOARD
from app.db.tables import job, pipeline
from app.states import JobState

PATIENCE_S = 10.0  # a job that was queued a moment ago is no news
AT_ONCE = 500  # jobs that one pass takes on

_now = sa.func.now()
_usable = sa.select(1).select_from(places).where(meets(OF_JOB, Lack.AWAY)).correlate(job, pipeline).exists()
_says_so = job.c.reason.startswith(FOR_BOARD)
_waited_s = sa.extract("epoch", _now - job.c.queued_at)


async def note(db: AsyncConnection) -> list[int]:
    """Say of queued jobs that their board is away, and take it back of those whose board is there again.

    Returns:
        The pipelines whose words changed.
    """
    name = sa.func.coalesce(job.c.board, job.c.board_type)
    away = sa.and_(sa.not_(_usable), job.c.reason == "", _waited_s > PATIENCE_S)
    found = await _change(db, away, sa.func.concat(FOR_BOARD, name, ", which is away"))
    found |= await _change(db, sa.and_(_usable, _says_so), "")
    return sorted(found)


async def _change(db: AsyncConnection, which: sa.ColumnElement[bool], reason: sa.ColumnElement[str] | str) -> set[int]:
    """Set the reason of some queued jobs; a job that somebody else holds in hand is looked at another time."""
    some = sa.select(job.c.id).select_from(job.join(pipeline)).where(job.c.state == JobState.QUEUED, which)
    chosen = some.order_by(job.c.id).limit(AT_ONCE).with_for_update(of=job, skip_locked=True)
    change = sa.update(job).where(job.c.id.in_(chosen)).values(reason=reason)
    return set(await db.scalars(change.returning(job.c.pipeline_id)))
