"""Why queued jobs wait: by the very conditions that a claim obeys, asked one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import sight
from app.db.queries.caps import NO_CAPS
from app.db.queries.placing import (
    FURTHER_FREE,
    FURTHER_THERE,
    GATES,
    OF_JOB,
    PLACE,
    Lack,
    is_queued,
    meets,
    missing,
    places,
)
from app.db.tables import board, job, pipeline

NEXT = "next"  # no condition is in the way
_TOLD = ("board_type", "board", "configuration", "tags", "facts", "needs")


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What keeps a queued job from a board."""

    job_id: int
    name: str  # of the gate or the place's condition, or `next`
    text: str  # a sentence for people
    lack: Lack | None  # None: it is not for want of a board

    @property
    def is_hopeless(self) -> bool:
        """Say that no registered board could ever run it."""
        return self.lack is Lack.NEVER


def _funnel() -> Any:
    """Count the boards that meet the first condition, the first two, and so on."""
    met = [each.holds(OF_JOB) for each in PLACE]
    counts = [
        sa.func.count(sa.distinct(board.c.id)).filter(sa.and_(*met[: number + 1])).label(f"place_{each.name}")
        for number, each in enumerate(PLACE)
    ]
    here = sa.select(*counts).select_from(places).where(board.c.type == job.c.board_type)
    return here.correlate(job, pipeline).lateral("funnel")


def _missing(*which: sa.ColumnElement[bool]) -> Any:
    """Name the further boards that are not so at the places where the job could run."""
    name = missing(*which).lateral("missing")
    names = sa.select(sa.func.array_agg(sa.distinct(name.c.name))).select_from(places.join(name, sa.true()))
    names = names.where(board.c.type == job.c.board_type, meets(OF_JOB, Lack.NEVER))
    return names.correlate(job, pipeline).scalar_subquery()


_places = _funnel()
_ahead = job.alias("ahead")
_queue = (
    sa.select(sa.func.count())
    .where(_ahead.c.state == sa.literal_column("'queued'"), _ahead.c.board_type == job.c.board_type)
    .correlate(job)
    .scalar_subquery()
)
_asked = (
    sa.select(
        job.c.id,
        *(job.c[name] for name in _TOLD),
        pipeline.c.isolation,
        *(gate.holds.label(f"gate_{gate.name}") for gate in GATES),
        *_places.c,
        _queue.label("in_queue"),
        _missing(*FURTHER_THERE).label("further_away"),
        _missing(*FURTHER_FREE).label("further_busy"),
    )
    .select_from(job.join(pipeline).join(_places, sa.true()))
    .where(is_queued, job.c.id == sa.func.any(sa.bindparam("job_ids", type_=sa.ARRAY(sa.Integer))))
)


async def waits(db: AsyncConnection, job_ids: Sequence[int], caps: Mapping[str, int] = NO_CAPS) -> dict[int, Waits]:
    """Say of each of these jobs that is queued what it waits for."""
    if not job_ids:
        return {}
    with sight.everything():  # a board may be busy with what the asker does not see
        rows = await db.execute(_asked, {"job_ids": list(job_ids), **caps})
    return {row["id"]: explain(row) for row in rows.mappings()}


def explain(row: Mapping[Any, Any]) -> Waits:
    """Name the first thing that is in the way: a gate of the job, then what no board is any more."""
    told = {name: row[name] for name in (*_TOLD, "isolation")} | {"name": row["board"] or row["board_type"]}
    told |= {name: " or ".join(map(repr, row[name] or ())) for name in ("further_away", "further_busy")}
    gate = next((each for each in GATES if not row[f"gate_{each.name}"]), None)
    if gate is not None:
        return Waits(job_id=row["id"], name=gate.name, text=gate.otherwise.format(**told), lack=None)
    left = 0
    for each in PLACE:
        before, left = left, row[f"place_{each.name}"]
        if not left:
            text = each.otherwise.format(**told)
            if each.lack is Lack.BUSY and before > 1:
                text = f"none of {before} boards of type {row['board_type']!r} is free; the last one: {text}"
            return Waits(job_id=row["id"], name=each.name, text=_with_queue(text, row, each.lack), lack=each.lack)
    text = f"its turn comes next where {told['name']!r} is free"
    return Waits(job_id=row["id"], name=NEXT, text=_with_queue(text, row, None), lack=None)


def _with_queue(text: str, row: Mapping[Any, Any], lack: Lack | None) -> str:
    others = row["in_queue"] - 1
    if others <= 0 or lack in (Lack.NEVER, Lack.AWAY):
        return text
    return f"{text}; {others} more {'jobs wait' if others > 1 else 'job waits'} for this type"
