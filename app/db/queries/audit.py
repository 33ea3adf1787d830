"""The audit trail: who did what, written in the transaction that did it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import origin
from app.db.tables import audit

ACTOR_LIMIT = 200  # characters
DETAIL_LIMIT = 1000


_where = sa.bindparam("origin_", type_=sa.Text, callable_=origin.where_of_people)  # as it is when the statement is sent
_means = sa.bindparam("means_", type_=sa.Text, callable_=origin.means)


async def record(
    db: AsyncConnection,
    action: str,
    *,
    actor: str = "service",
    job_id: int | None = None,
    pipeline_id: int | None = None,
    attempt_id: int | None = None,
    board_id: int | None = None,
    repository_id: int | None = None,
    detail: str = "",
) -> None:
    """Write one line of the trail; it stands or falls with the caller's transaction."""
    await db.execute(
        sa.insert(audit),
        {
            "action": action,
            "actor": actor[:ACTOR_LIMIT],
            "job_id": job_id,
            "pipeline_id": pipeline_id,
            "attempt_id": attempt_id,
            "board_id": board_id,
            "repository_id": repository_id,
            "origin": origin.where(),
            "means": origin.means(),
            "detail": detail[:DETAIL_LIMIT],
        },
    )


def line(action: str, *, job_id: Any, pipeline_id: Any) -> sa.Insert:
    """Make the part of a statement that writes a line for each row of another part, whose columns the ids are.

    It asks for the parameters `actor_` and `detail_`, cut to their limits.
    """
    actor, detail = sa.bindparam("actor_", type_=sa.Text), sa.bindparam("detail_", type_=sa.Text)
    told = sa.select(sa.literal(action), actor, job_id, pipeline_id, detail, _where, _means)
    names = ["action", "actor", "job_id", "pipeline_id", "detail", "origin", "means"]
    return sa.insert(audit).from_select(names, told)


async def of_job(db: AsyncConnection, job_id: int, limit: int = 200) -> list[sa.Row[Any]]:
    """List what happened to a job, the oldest first."""
    lines = sa.select(audit).where(audit.c.job_id == job_id).order_by(audit.c.id).limit(limit)
    return list(await db.execute(lines))


async def of_board(db: AsyncConnection, board_id: int, limit: int = 20) -> list[sa.RowMapping]:
    """List what happened to a board, the newest first: at, actor, action, detail."""
    columns = (audit.c.at, audit.c.actor, audit.c.action, audit.c.detail)
    lines = sa.select(*columns).where(audit.c.board_id == board_id).order_by(audit.c.id.desc()).limit(limit)
    return list((await db.execute(lines)).mappings())
