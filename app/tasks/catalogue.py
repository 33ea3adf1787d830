"""The tasks by name. Each may run again, at once with itself, and for a row that is gone."""

from collections.abc import Awaitable, Callable, Mapping

from app.db.queries import compared
from app.deps import Deps
from app.dispatch import sweep
from app.handlers import delivery
from app.reporting import announce
from app.results import apart, comparing, ingest

Task = Callable[[int, Deps], Awaitable[None]]


async def send_statuses(_row_id: int, deps: Deps) -> None:
    """Wake the senders of the outbox, which run beside the tasks: a slow forge holds up no delivery."""
    await deps.notices.publish("status")


async def ingest_result(attempt_id: int, deps: Deps) -> None:
    """Read the results of an attempt into measurements; a status may have waited for what they say."""
    await ingest.ingest(deps, attempt_id)
    await comparing.conclude(deps, attempt_id)
    others = await apart.hold(deps, attempt_id)
    async with deps.begin() as db:
        pipeline_id = await compared.pipeline_of(db, attempt_id)
        for each in sorted({*others, *([] if pipeline_id is None else [pipeline_id])}):
            await announce.judged(db, each)
    await deps.notices.publish("result", pipeline=pipeline_id)


async def hold_pipeline(pipeline_id: int, deps: Deps) -> None:
    """Hold what a pipeline has measured against a base that was named only afterwards."""
    await apart.hold_pipeline(deps, pipeline_id)
    async with deps.begin() as db:
        await announce.judged(db, pipeline_id)


async def sweep_once(_row_id: int, deps: Deps) -> None:
    """Put right what no event puts right; also done every few seconds beside the tasks."""
    await sweep.sweep(deps)


ABOUT: Mapping[str, str] = {  # what the id is that a task is given, as logs name it
    "handle_delivery": "delivery",
    "ingest_result": "attempt",
    "hold_pipeline": "pipeline",
}
TASKS: Mapping[str, Task] = {
    "handle_delivery": delivery.handle,
    "send_statuses": send_statuses,
    "ingest_result": ingest_result,
    "hold_pipeline": hold_pipeline,
    "sweep": sweep_once,
}
