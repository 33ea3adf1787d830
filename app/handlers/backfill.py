"""Measure commits of an alert's range that nobody measured: its range becomes narrower by itself."""

from app.db.models import Priority, Trigger
from app.db.queries import audit, measurements, shifts
from app.deps import Deps
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.errors import Conflict, NotFound
from app.handlers import commit_range
from app.history.bisection import spread
from builders.protocol import Kind

MOST = 20  # commits of one wish


async def fill(deps: Deps, shift_id: int, *, most: int, actor: str) -> list[int]:
    """Run commits of the range on the alert's targets, as points of its branch; return their pipelines.

    They are spread evenly over those that were not measured, run when nothing more urgent waits, and are queued once.

    Raises:
        NotFound: there is no such alert.
        Conflict: all commits of its range are measured.
        Invalid, Unavailable: as `commit_range.between`.
    """
    async with deps.autocommit() as db:
        shift = await shifts.get(db, shift_id)
        points = await shifts.change_points(db, shift_id, limit=100)
    if shift is None:
        raise NotFound(f"There is no alert {shift_id}.")
    inside = (await commit_range.between(deps, shift.repository_id, shift.after, shift.until))[:-1]
    async with deps.autocommit() as db:
        known = await measurements.measured(db, [each.series_id for each in points], inside)
    missing = [commit for commit in inside if commit not in known]
    if not missing:
        raise Conflict("All commits of this alert's range are measured; a bisection tells them apart.")
    targets = sorted({(each.board_type, each.configuration) for each in points})
    chosen = [missing[place] for place in spread(len(missing), most)]
    made = [await _run(deps, shift, commit, target, actor) for commit in chosen for target in targets]
    async with deps.begin() as db:
        await audit.record(db, "alert.backfilled", actor=actor, detail=f"alert {shift_id}: {len(chosen)} commits")
    return made


async def _run(deps: Deps, shift: shifts.ShiftView, commit: str, target: tuple[str, str], actor: str) -> int:
    board_type, configuration = target
    planned = await open_pipeline(
        deps,
        PipelineRequest(
            repository_id=shift.repository_id,
            commit=commit,
            kind=Kind.RUN,
            trigger=Trigger.DISPATCH,
            dedupe_key=f"backfill:{commit}:{board_type}:{configuration}"[:200],
            branch=shift.branch,
            trust=f"on {shift.branch}; back-fill asked for by {actor}"[:200],
            requested_by=actor,
            title=f"Back-fill for alert {shift.id}",
            boards=[board_type],
            configurations=[configuration],
            priority=Priority.NIGHTLY,
        ),
    )
    return planned.pipeline_id
