"""Where a job's infrastructure was lost: the next try goes elsewhere, and a job that is lost everywhere is suspect."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import board, builder, job

SUSPECT = 3  # different builders that a job was lost on


async def note(db: AsyncConnection, job_id: int, board_id: int) -> list[str]:
    """Note that a job was lost on a board; return the names of all builders that it was lost on so far."""
    more = sa.func.array_append(job.c.lost_on, board_id)
    await db.execute(sa.update(job).where(job.c.id == job_id).values(lost_on=more))
    lost_on = sa.select(sa.func.unnest(job.c.lost_on)).where(job.c.id == job_id).scalar_subquery()
    names = sa.select(builder.c.name).join_from(builder, board).where(board.c.id.in_(lost_on))
    return sorted(set(await db.scalars(names)))


def suspicion(builders: list[str]) -> str | None:
    """Say that it is the job that ends its builders, if it was lost on so many that this is likelier than chance."""
    if len(builders) < SUSPECT:
        return None
    return (
        f"infra:suspect: lost on {len(builders)} different builders ({', '.join(builders)}); it may be what ends them"
    )
