"""The outbox of commit statuses: what each context of a commit should show, and of what it is made."""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.fixed import fixed
from app.db.models import Status
from app.db.queries import alerts, conversations, outbox
from app.db.tables import job, status
from app.states import JobState

WAITS = "waits for "  # so begins the reason of a queued job that cannot start yet
FOR_BOARD = f"{WAITS}board "  # and of one whose board is away
FOR_BUILDER = f"{WAITS}a builder "  # and of one whose board is there, where nothing keeps a stranger's code apart


_new = insert(status)
_open_for = _new.on_conflict_do_update(
    index_elements=["repository_id", "commit", "context"],
    set_={
        "pipeline_id": _new.excluded.pipeline_id,
        "version": status.c.version + 1,
        "closed": None,
        "memory": _new.excluded.memory.op("||")(status.c.memory),
    },
)


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
    told = {"repository_id": repository_id, "commit": commit, "context": context, "pipeline_id": pipeline_id}
    await db.execute(_open_for, told | {"memory": memory or {}, "error": "", "sent_description": ""})


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


_quiet_s = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp() - status.c.sent_at), sa.Double).label("quiet_s")
_OWN = (*(status.c[name] for name in ("context", "commit", "sent_state", "sent_description", "memory")), _quiet_s)


async def claim_due(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take statuses that wait to be sent; nobody else gets them for a while."""
    rows = await outbox.claim_due(db, status, limit, *_OWN)
    return [Claimed(**row) for row in rows]


async def sent(
    db: AsyncConnection,
    claimed: Claimed,
    state: str,
    description: str,
    memory: dict[str, Any],
    *,
    is_taken: bool = False,
) -> None:
    """Note that the forge shows what the claimed version said; the comment of the pull request follows.

    Args:
        is_taken: the forge took it just now, so that it is no longer one that refuses.
    """
    told = {"sent_version": claimed.version, "sent_state": state, "sent_description": description[:255]}
    about = {"pipeline_id_": claimed.pipeline_id, "subject_": alerts.subject_of(claimed.full_name)}
    given = {f"{name}_": value for name, value in (told | {"memory": memory, "is_taken": is_taken}).items()}
    await db.execute(_sent(), {**outbox.of(claimed), **about, **given, "kind_": alerts.STATUS_REFUSED})


@cache
def _sent() -> sa.Select[Any]:
    names = ("sent_version", "sent_state", "sent_description", "memory")
    told: dict[str, Any] = {name: sa.bindparam(f"{name}_", type_=status.c[name].type) for name in names}
    done = told | {"sent_at": sa.func.now(), "next_at": sa.func.now(), "tries": 0, "error": ""}
    released = outbox.releasing(status, done).returning(status.c.id).cte("released")
    follows = conversations.touching(sa.bindparam("pipeline_id_", type_=sa.Integer)).cte("follows")
    resolved = alerts.resolving.where(sa.bindparam("is_taken_", type_=sa.Boolean)).cte("resolved")
    return fixed(sa.select(released.c.id).add_cte(follows, resolved))


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


def says_away(reason: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Say that a queued job's reason is that nobody can take it now."""
    return sa.or_(reason.startswith(FOR_BOARD), reason.startswith(FOR_BUILDER))


async def waits(db: AsyncConnection, pipeline_id: int) -> str:
    """Say for what the first of a pipeline's queued jobs waits, if no place can have it; else nothing."""
    asked = sa.select(job.c.reason).where(
        job.c.pipeline_id == pipeline_id, job.c.state == JobState.QUEUED, says_away(job.c.reason)
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
