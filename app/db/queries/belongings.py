"""What belongs to one repository, by the list of `app.db.belonging`: counted, hidden, silenced and deleted."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import tables
from app.db.belonging import ALL, BY_TABLE
from app.db.tables import (
    approval,
    conversation,
    delivery,
    heard,
    job,
    pipeline,
    repository,
    schedule,
    status,
    subscription,
)

ERASED = "erased:"  # the address of a repository whose data goes
CLOSED = "its repository is being erased"
AT_ONCE = 2000  # rows of one transaction


def of_repository(name: str, repository_id: int) -> sa.ColumnElement[bool]:
    """Say by a condition which rows of a table belong to a repository."""
    table = tables.named(name)
    if name == "repository":
        return table.c.id == repository_id
    own = BY_TABLE[name]
    if own.through == "repository":
        return table.c[own.column] == repository_id
    parent = tables.named(own.through)
    return table.c[own.column].in_(sa.select(parent.c.id).where(of_repository(own.through, repository_id)))


async def count(db: AsyncConnection, repository_id: int) -> dict[str, int]:
    """Count the rows of each table that belong to a repository; tables without any are left out."""
    counted = {}
    for each in ALL:
        asked = sa.select(sa.func.count()).select_from(tables.named(each.table))
        counted[each.table] = int(await db.scalar(asked.where(of_repository(each.table, repository_id))) or 0)
    return {name: rows for name, rows in counted.items() if rows}


async def hide(db: AsyncConnection, repository_id: int) -> None:
    """Let nobody find a repository any more: its name, its id on the forge and its address are free for another."""
    gone = f"{ERASED}{repository_id}"
    nowhere = {"forge": "git", "forge_id": None, "clone_url": gone, "full_name": gone, "private": True}
    unbound = dict.fromkeys(("hook_id", "installation_id", "policy", "policy_commit"))
    change = sa.update(repository).where(repository.c.id == repository_id)
    await db.execute(change.values(nowhere | unbound | {"removed_at": sa.func.now()}))
    names = tables.named("repository_name")
    await db.execute(sa.delete(names).where(names.c.repository_id == repository_id))


async def silence(db: AsyncConnection, repository_id: int) -> None:
    """Let nothing of a repository go out any more, and nothing begin by the clock."""
    for table, over in ((status, status.c.closed), (conversation, conversation.c.closed)):
        mine = sa.update(table).where(table.c.repository_id == repository_id, over.is_(None))
        await db.execute(mine.values(closed=CLOSED))
    unheard = sa.update(heard).where(heard.c.repository_id == repository_id, heard.c.answered_at.is_(None))
    await db.execute(
        unheard.values(answered_at=sa.func.now(), done_at=sa.func.coalesce(heard.c.done_at, sa.func.now()))
    )
    told = sa.update(subscription).where(subscription.c.repository_id == repository_id)
    await db.execute(told.where(subscription.c.ended_at.is_(None)).values(ended_at=sa.func.now(), ended_why=CLOSED))
    await db.execute(sa.delete(schedule).where(schedule.c.repository_id == repository_id))


async def empty_deliveries(db: AsyncConnection, repository_id: int) -> None:
    """Forget what the deliveries said that led to something of a repository; of no other is it known whose it is."""
    known = sa.union(
        *(
            sa.select(table.c.delivery_id).where(
                table.c.repository_id == repository_id, table.c.delivery_id.is_not(None)
            )
            for table in (pipeline, heard, approval)
        )
    )
    bodies = sa.update(delivery).where(delivery.c.id.in_(known))
    await db.execute(bodies.values(body=b"", headers={}, removed_at=sa.func.now()))


async def erasing(db: AsyncConnection) -> list[int]:
    """List the repositories whose data goes."""
    asked = sa.select(repository.c.id).where(repository.c.forge == "git", repository.c.clone_url.startswith(ERASED))
    return list(await db.scalars(asked.order_by(repository.c.id)))


async def open_jobs(db: AsyncConnection, repository_id: int, *, limit: int) -> list[int]:
    """List jobs of a repository that nobody has cancelled or ended yet."""
    asked = sa.select(job.c.id).join(pipeline, pipeline.c.id == job.c.pipeline_id)
    mine = (pipeline.c.repository_id == repository_id, job.c.ended_at.is_(None), job.c.cancel_requested_at.is_(None))
    return list(await db.scalars(asked.where(*mine).order_by(job.c.id).limit(limit)))


async def pipelines(db: AsyncConnection, repository_id: int, *, after: int, limit: int) -> list[int]:
    """List the next pipelines of a repository, by id."""
    asked = sa.select(pipeline.c.id).where(pipeline.c.repository_id == repository_id, pipeline.c.id > after)
    return list(await db.scalars(asked.order_by(pipeline.c.id).limit(limit)))


async def erase_some(db: AsyncConnection, repository_id: int) -> bool:
    """Delete some rows of a repository without pipelines, children first; at the end itself. False: it is gone."""
    for each in reversed(ALL):
        for chosen in _rows_of(each.table, repository_id):
            gone = await db.execute(chosen)
            if gone.rowcount:
                return True
    await db.execute(sa.delete(repository).where(repository.c.id == repository_id))
    return False


def _rows_of(name: str, repository_id: int) -> Iterator[sa.Delete]:
    yield _delete(name, repository_id)
    if name == "notification":  # of those who hear of all repositories
        for parent in ("shift", "pipeline"):
            table, of = tables.named(name), tables.named(parent)
            mine = sa.select(of.c.id).where(of.c.repository_id == repository_id)
            yield sa.delete(table).where(table.c[f"{parent}_id"].in_(mine))


def _delete(name: str, repository_id: int) -> sa.Delete:
    """Delete at most some rows of a table."""
    table = tables.named(name)
    row: sa.ColumnElement[str] = sa.literal_column(f'"{name}".ctid')
    some = sa.select(row).select_from(table).where(of_repository(name, repository_id)).limit(AT_ONCE)
    return sa.delete(table).where(row.in_(some.correlate(None)))
