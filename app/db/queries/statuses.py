"""The outbox of commit statuses: what is due, who sends it, how far it got."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Repository, Status
from app.db.tables import status

CLAIM_S = 15.0  # a sender that died holds a status for so long; a call to a forge is given up sooner


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
    given = {"repository_id": repository_id, "commit": commit, "context": context, "pipeline_id": pipeline_id}
    await db.execute(_open_for(), given | {"memory": memory or {}})


@cache
def _open_for() -> sa.Insert:
    new = insert(status).values(error="", sent_description="")
    new = new.values({name: sa.bindparam(name) for name in ("repository_id", "commit", "context", "pipeline_id")})
    new = new.values(memory=sa.bindparam("memory", type_=status.c.memory.type))
    again = {
        "pipeline_id": new.excluded.pipeline_id,
        "version": status.c.version + 1,
        "closed": None,
        "memory": new.excluded.memory.op("||")(status.c.memory),
    }
    return new.on_conflict_do_update(index_elements=["repository_id", "commit", "context"], set_=again)


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
class Claimed:
    """A status in the hands of one sender until a moment."""

    id: int
    pipeline_id: int
    version: int  # as it was when the state was read, or older
    context: str
    commit: str
    claimed_until: datetime
    tries: int
    sent_state: str | None
    sent_description: str
    quiet_s: float | None  # since it was last sent; None: never
    memory: dict[str, Any]
    forge: str
    forge_id: int
    full_name: str


async def claim_due(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take statuses that wait to be sent; nobody else gets them for `CLAIM_S` seconds."""
    rows = (await db.execute(_claim_due(), {"limit_": limit})).mappings()
    return [Claimed(**row) for row in rows]


@cache
def _claim_due() -> sa.UpdateBase:
    """Make the statement once: making it costs more than running it when nothing is due."""
    now = sa.func.clock_timestamp()
    due = (
        sa.select(col(Status.id))
        .where(col(Status.sent_version) < col(Status.version), col(Status.closed).is_(None))
        .where(col(Status.next_at) <= now)
        .where(col(Status.claimed_until).is_(None) | (col(Status.claimed_until) < now))
        .order_by(col(Status.next_at))
        .limit(sa.bindparam("limit_", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )
    held = sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, CLAIM_S)
    change = sa.update(Status).where(col(Status.id).in_(due)).values(claimed_until=held)
    columns = (
        Status.id,
        Status.pipeline_id,
        Status.version,
        Status.context,
        Status.commit,
        Status.claimed_until,
        Status.tries,
        Status.sent_state,
        Status.sent_description,
        Status.memory,
        Repository.forge,
        Repository.forge_id,
        Repository.full_name,
    )
    change = change.where(col(Repository.id) == col(Status.repository_id))
    quiet = sa.cast(sa.func.extract("epoch", now - col(Status.sent_at)), sa.Double).label("quiet_s")
    return change.returning(*(col(each) for each in columns), quiet)


async def sent(db: AsyncConnection, claimed: Claimed, state: str, description: str, memory: dict[str, Any]) -> None:
    """Note that the forge shows what the claimed version said; not sent again unless it changes."""
    done = {"sent_version": claimed.version, "sent_state": state, "sent_description": description[:255]}
    await _release(db, claimed, 0, **done, tries=0, error="", memory=memory)


async def postpone(db: AsyncConnection, claimed: Claimed, wait_s: float, error: str) -> None:
    """Try again after a wait."""
    await _release(db, claimed, wait_s, tries=claimed.tries + 1, error=error[:500])


async def rest(db: AsyncConnection, claimed: Claimed, wait_s: float) -> None:
    """Look again after a wait, or at the pipeline's next change: there is nothing urgent to say."""
    await _release(db, claimed, wait_s)


async def give_up(db: AsyncConnection, claimed: Claimed, reason: str) -> None:
    """Send nothing more under this context, until a new pipeline opens it again."""
    await _release(db, claimed, 0, closed=reason[:500], error=reason[:500])


async def _release(db: AsyncConnection, claimed: Claimed, wait_s: float, **values: Any) -> None:
    """End a claim. If it had run out, others may have sent before or after us: forget all, and send once more."""
    mine = {"id_": claimed.id, "until_": claimed.claimed_until, "wait_s_": wait_s}
    given = {f"{name}_": value for name, value in values.items()}
    if await db.scalar(_releasing(tuple(values)), mine | given) is None:
        again = {"version": col(Status.version) + 1, "sent_state": None, "claimed_until": None}
        await db.execute(sa.update(Status).where(col(Status.id) == claimed.id).values(again))


@cache
def _releasing(names: tuple[str, ...]) -> sa.UpdateBase:
    """Make the statement of a release once for each set of columns. What was sent says when."""
    values: dict[str, Any] = {name: sa.bindparam(f"{name}_", type_=status.c[name].type) for name in names}
    wait_s = sa.bindparam("wait_s_", type_=sa.Double)
    values["next_at"] = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, wait_s)
    if "sent_version" in names:
        values["sent_at"] = sa.func.now()
    mine = (status.c.id == sa.bindparam("id_"), status.c.claimed_until == sa.bindparam("until_"))
    return sa.update(status).where(*mine).values(claimed_until=None, **values).returning(status.c.id)


async def hold_forge(db: AsyncConnection, forge: str, wait_s: float) -> None:
    """Send nothing to a forge for a while: it asked for that. Other forges go on."""
    later = sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, wait_s)
    ours = sa.select(col(Repository.id)).where(col(Repository.forge) == forge)
    change = sa.update(Status).where(
        col(Status.repository_id).in_(ours), col(Status.sent_version) < col(Status.version)
    )
    waiting = {"next_at": sa.func.greatest(col(Status.next_at), later), "tries": sa.func.greatest(col(Status.tries), 1)}
    await db.execute(change.values(waiting))


async def of_pipeline(db: AsyncConnection, pipeline_id: int) -> list[sa.RowMapping]:
    """List the statuses of a pipeline with how far each got."""
    table: sa.Table = Status.__table__  # type: ignore[attr-defined]
    asked = sa.select(table).where(col(Status.pipeline_id) == pipeline_id).order_by(col(Status.id))
    return list((await db.execute(asked)).mappings())


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
