"""Rules that go by the clock, as two pages list them: with the last pipelines that each opened."""

from dataclasses import dataclass

from app.db.queries import pipelines, schedules
from app.db.queries.pipelines import PipelineView
from app.deps import Deps
from app.web.api.schedules import ScheduleRow


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A schedule and what it opened last."""

    of: ScheduleRow
    runs: list[PipelineView]  # the newest first


async def planned(deps: Deps, repository_id: int | None, *, after: int = 0, limit: int) -> list[Planned]:
    """List the schedules of one repository, or of all that are served."""
    async with deps.begin() as db:
        rows = await schedules.list_(db, repository_id=repository_id, after=after, limit=limit)
        runs = await schedules.runs(db, [row["id"] for row in rows])
        ids = sorted({each for some in runs.values() for each in some})
        opened = {each.id: each for each in await pipelines.of(db, ids)}
    return [
        Planned(of=ScheduleRow(**row), runs=[opened[each] for each in runs.get(row["id"], []) if each in opened])
        for row in rows
    ]
