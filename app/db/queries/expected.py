"""What tells how far a job is: when its phases began, and how long those of jobs like it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import attempt, job, pipeline
from app.states import JobState
from builders.protocol import Kind, Phase

PIPELINES = 60  # the newest of the repository and kind, among which jobs like this one are looked for
JOBS = 10  # the newest of those


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a job is."""

    kind: Kind
    state: JobState
    again: bool  # its run phase comes more than once
    phase: Phase | None
    phases: list[Mapping[str, Any]]  # as its builder reported them in the end
    began: Mapping[Phase, float]  # seconds ago
    alike: list[list[Mapping[str, Any]]]  # the phases of jobs like it that passed


_mine = job.c.id == sa.bindparam("job_id_")
_own = sa.select(
    *(pipeline.c[name].label(f"own_{name}") for name in ("id", "repository_id", "kind", "repeat", "interleaved")),
    *(job.c[name].label(f"own_{name}") for name in ("board_type", "configuration")),
).select_from(job.join(pipeline, pipeline.c.id == job.c.pipeline_id)).where(_mine).cte("own")  # fmt: skip
_newest = (
    sa.select(pipeline.c.id)
    .where(
        pipeline.c.repository_id == sa.select(_own.c.own_repository_id).scalar_subquery(),
        pipeline.c.kind == sa.select(_own.c.own_kind).scalar_subquery(),
        pipeline.c.repeat == sa.select(_own.c.own_repeat).scalar_subquery(),
        pipeline.c.interleaved == sa.select(_own.c.own_interleaved).scalar_subquery(),
    )
    .order_by(pipeline.c.id.desc())
    .limit(PIPELINES)
    .subquery("newest")
)
_alike = (
    sa.select(attempt.c.phases)
    .select_from(
        _newest.join(job, job.c.pipeline_id == _newest.c.id)
        .join(_own, sa.and_(job.c.board_type == _own.c.own_board_type, job.c.configuration == _own.c.own_configuration))
        .join(attempt, sa.and_(attempt.c.job_id == job.c.id, attempt.c.epoch == job.c.epoch))
    )
    .where(job.c.state == JobState.PASSED, job.c.id != sa.bindparam("job_id_"))
    .order_by(job.c.id.desc())
    .limit(JOBS)
)
_tries = attempt.alias("tries")
_newest_try = sa.select(sa.func.max(_tries.c.epoch)).where(_tries.c.job_id == job.c.id).scalar_subquery()
_latest = (
    sa.select(
        pipeline.c.kind,
        job.c.state,
        sa.or_(pipeline.c.repeat > 1, pipeline.c.interleaved).label("again"),
        attempt.c.phase,
        attempt.c.phases,
        attempt.c.began,
        attempt.c.opened_at,
        sa.func.now().label("now"),
    )
    .select_from(
        job.join(pipeline, pipeline.c.id == job.c.pipeline_id).outerjoin(
            attempt, sa.and_(attempt.c.job_id == job.c.id, attempt.c.epoch == _newest_try)
        )
    )
    .where(_mine)
)


async def standing(db: AsyncConnection, job_id: int) -> Standing | None:
    """Read where a job is; None if there is none of this id."""
    row = (await db.execute(_latest, {"job_id_": job_id})).one_or_none()
    if row is None:
        return None
    alike = [list(each) for each in await db.scalars(_alike, {"job_id_": job_id})]
    return Standing(
        kind=row.kind,
        state=row.state,
        again=row.again,
        phase=row.phase,
        phases=row.phases or [],
        began=_ago(row),
        alike=alike,
    )


def _ago(row: sa.Row[Any]) -> dict[Phase, float]:
    """Say how many seconds ago each phase began: the first one with the attempt, each other with its first beat."""
    if row.opened_at is None:
        return {}
    began = {Phase(name): at for name, at in row.began.items()}
    known = {phase: (row.now - datetime.fromisoformat(at)).total_seconds() for phase, at in began.items()}
    first = Phase.RUN if row.kind is Kind.HEALTH else Phase.FETCH
    return {**known, first: (row.now - row.opened_at).total_seconds()}
