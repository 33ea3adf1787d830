"""The outbox of commit statuses: what each context of a commit should show, and of what it is made."""

from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Status
from app.db.queries import outbox
from app.db.tables import job, status
from app.states import JobState

WAITS = "waits for "  # so begins the reason of a queued job that cannot start yet
FOR_BOARD = f"{WAITS}board "  # and of one whose board is away


async def open_for(
    db: AsyncConnection,
    *,
    repository_id: int,
    commit: str,
    context: str,
    pipeline_id: int,
    memory: dict[str, Any] | None = None,
) -> None:
    """Show a pipeline under a context of its commit from now on, and send it.

    Args:
        memory: what the forge's adapter should know beside the commit, as the branch of a fork.
    """
    new = insert(Status).values(
        repository_id=repository_id,
        commit=commit,
        context=context,
        pipeline_id=pipeline_id,
        memory=memory or {},
        error="",
        sent_description="",
    )
    again = {
        "pipeline_id": pipeline_id,
        "version": col(Status.version) + 1,
        "closed": None,
        "memory": new.excluded.memory.op("||")(col(Status.memory)),
    }
    await db.execute(new.on_conflict_do_update(index_elements=["repository_id", "commit", "context"], set_=again))


async def touch(db: AsyncConnection, pipeline_id: int) -> None:
    """Note that the pipeline changed: its statuses are looked at anew, in the same transaction's fate.

    One that waits after a failure, or for a forge that asked for silence, goes on waiting.
    """
    await db.execute(touching(pipeline_id))


def touching(pipeline_id: Any) -> sa.Update:
    """Make the statement of `touch`, for use as a part of another one."""
    undisturbed = sa.case((col(Status.tries) > 0, col(Status.next_at)), else_=sa.func.now())
    change = sa.update(Status).where(col(Status.pipeline_id) == pipeline_id)
    return change.values(version=col(Status.version) + 1, next_at=undisturbed)


@dataclass(frozen=True, kw_only=True)
class Claimed(outbox.Claimed):
    """A status in the hands of one sender until a moment."""

    table: ClassVar[sa.Table] = status
    context: str
    commit: str
    sent_state: str | None
    sent_description: str
    quiet_s: float | None  # since it was last sent; None: never
    memory: dict[str, Any]  # what the forge's adapter told, and what is shown


async def claim_due(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take statuses that wait to be sent; nobody else gets them for a while."""
    quiet = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp() - status.c.sent_at), sa.Double).label("quiet_s")
    names = ("context", "commit", "sent_state", "sent_description", "memory")
    rows = await outbox.claim_due(db, status, limit, *(status.c[name] for name in names), quiet)
    return [Claimed(**row) for row in rows]


async def sent(db: AsyncConnection, claimed: Claimed, state: str, description: str, memory: dict[str, Any]) -> None:
    """Note that the forge shows what the claimed version said; not sent again unless it changes."""
    done = {"sent_version": claimed.version, "sent_state": state, "sent_description": description[:255]}
    now = sa.func.now()
    await outbox.release(db, claimed, **done, sent_at=now, next_at=now, tries=0, error="", memory=memory)


async def of_pipeline(db: AsyncConnection, pipeline_id: int) -> list[sa.RowMapping]:
    """List the statuses of a pipeline with how far each got."""
    asked = sa.select(status).where(status.c.pipeline_id == pipeline_id).order_by(status.c.id)
    return list((await db.execute(asked)).mappings())


async def job_of_target(
    db: AsyncConnection, pipeline_id: int, board_type: str, configuration: str
) -> sa.RowMapping | None:
    """Read the job that stands for a target of a pipeline: the one that no retry replaced."""
    asked = sa.select(job.c.id, job.c.state, job.c.reason).where(
        job.c.pipeline_id == pipeline_id,
        job.c.board_type == board_type,
        job.c.configuration == configuration,
        job.c.replaced.is_(False),
    )
    return (await db.execute(asked.order_by(job.c.id.desc()).limit(1))).mappings().one_or_none()


async def waits(db: AsyncConnection, pipeline_id: int) -> str:
    """Say for what the first of a pipeline's queued jobs waits, if its board is away; else nothing."""
    asked = sa.select(job.c.reason).where(
        job.c.pipeline_id == pipeline_id, job.c.state == JobState.QUEUED, job.c.reason.startswith(FOR_BOARD)
    )
    return str(await db.scalar(asked.order_by(job.c.id).limit(1)) or "")


async def next_due(db: AsyncConnection) -> float | None:
    """Tell in how many seconds the next status is due; None if none waits."""
    soonest = sa.select(
        sa.func.min(
            sa.func.greatest(col(Status.next_at), sa.func.coalesce(col(Status.claimed_until), col(Status.next_at)))
        )
    ).where(col(Status.sent_version) < col(Status.version), col(Status.closed).is_(None))
    left = sa.func.extract("epoch", soonest.scalar_subquery() - sa.func.clock_timestamp())
    found = await db.scalar(sa.select(left))
    return None if found is None else float(found)
