"""Queued jobs whose board nobody can use now: the reason is written to the job, and is no blame."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries.placing import OF_JOB, Lack, keeps_apart, meets, places
from app.db.queries.statuses import FOR_BOARD, FOR_BUILDER, says_away
from app.db.tables import job, pipeline
from app.states import JobState

PATIENCE_S = 10.0  # a job that was queued a moment ago is no news
AT_ONCE = 500  # jobs that one pass takes on

_now = sa.func.now()
_place = sa.select(1).select_from(places).correlate(job, pipeline)
_usable = _place.where(meets(OF_JOB, Lack.AWAY)).exists()
_kept_apart = _place.where(meets(OF_JOB, Lack.NEVER), keeps_apart(OF_JOB)).exists()
_name = sa.func.coalesce(job.c.board, job.c.board_type)
_wanted = sa.case(
    (_kept_apart, sa.func.concat(FOR_BOARD, _name, ", which is away")),
    else_=sa.func.concat(FOR_BUILDER, "of ", _name, " with isolation ", pipeline.c.isolation),
)
_says_so = says_away(job.c.reason)
_waited_s = sa.extract("epoch", _now - job.c.queued_at)


async def note(db: AsyncConnection) -> list[int]:
    """Say of queued jobs that their board is away, or no builder good enough, and take it back once that is over.

    Returns:
        The pipelines whose words changed.
    """
    untold = sa.or_(job.c.reason == "", sa.and_(_says_so, job.c.reason != _wanted))
    found = await _change(db, sa.and_(sa.not_(_usable), untold, _waited_s > PATIENCE_S), _wanted)
    found |= await _change(db, sa.and_(_usable, _says_so), sa.literal(""))
    return sorted(found)


async def _change(db: AsyncConnection, which: sa.ColumnElement[bool], reason: sa.ColumnElement[str]) -> set[int]:
    """Set the reason of some queued jobs; a job that somebody else holds in hand is looked at another time."""
    some = sa.select(job.c.id, reason.label("reason")).select_from(job.join(pipeline))
    some = some.where(job.c.state == JobState.QUEUED, which).order_by(job.c.id).limit(AT_ONCE)
    chosen = some.with_for_update(of=job, skip_locked=True).cte("chosen")
    change = sa.update(job).where(job.c.id == chosen.c.id).values(reason=chosen.c.reason)
    return set(await db.scalars(change.returning(job.c.pipeline_id)))
