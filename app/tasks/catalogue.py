"""The tasks by name. Each may run again, at once with itself, and for a row that is gone."""

from collections.abc import Awaitable, Callable, Mapping

from app.db.queries import compared
from app.deps import Deps
from app.dispatch import sweep
from app.handlers import delivery
from app.reporting import announce
from app.results import comparing, ingest

Task = Callable[[int, Deps], Awaitable[None]]


async def send_statuses(_row_id: int, deps: Deps) -> None:
    """Wake the senders of the outbox, which run beside the tasks: a slow forge holds up no delivery."""
    await deps.notices.publish("status")


async def ingest_result(attempt_id: int, deps: Deps) -> None:
    """Read the results of an attempt into measurements; a status may have waited for what they say."""
    await ingest.ingest(deps, attempt_id)
    await comparing.conclude(deps, attempt_id)
    async with deps.begin() as db:
        pipeline_id = await compared.pipeline_of(db, attempt_id)
        if pipeline_id is not None:
            await announce.judged(db, pipeline_id)


async def sweep_once(_row_id: int, deps: Deps) -> None:
    """Put right what no event puts right; also done every few seconds beside the tasks."""
    await sweep.sweep(deps)


TASKS: Mapping[str, Task] = {
    "handle_delivery": delivery.handle,
    "send_statuses": send_statuses,
    "ingest_result": ingest_result,
    "sweep": sweep_once,
}
