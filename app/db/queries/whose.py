"""Which repository a thing belongs to: where a right is asked for that may be granted in a single one."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import annotation, bisection, comparison, job, mute, pipeline, repository, schedule, series, shift

_OWN: dict[str, sa.Table] = {
    "pipeline_id": pipeline,
    "series_id": series,
    "shift_id": shift,
    "comparison_id": comparison,
    "bisection_id": bisection,
    "annotation_id": annotation,
    "mute_id": mute,
    "schedule_id": schedule,
}
THINGS: Mapping[str, sa.Select[tuple[int]]] = {  # name of an id → what finds the repository by it
    "repository_id": sa.select(repository.c.id).where(repository.c.id == sa.bindparam("id_")),
    "job_id": sa.select(pipeline.c.repository_id).join(job).where(job.c.id == sa.bindparam("id_")),
    **{name: sa.select(of.c.repository_id).where(of.c.id == sa.bindparam("id_")) for name, of in _OWN.items()},
}


async def repository_of(db: AsyncConnection, name: str, number: int) -> int | None:
    """Find the repository of the thing that an id names, such as `job_id`; None if nothing of it can be seen."""
    found: int | None = await db.scalar(THINGS[name], {"id_": number})
    return found
