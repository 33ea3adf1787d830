"""What forges are shown: statuses of commits and comments on pull requests, and how far each got. For programs."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import conversation, notification, repository, status

_OF_STATUS = (
    *("id", "commit", "context", "pipeline_id", "sent_state", "sent_description", "sent_at", "next_at", "tries"),
    *("error", "closed"),
)
_OF_CONVERSATION = ("id", "pull_request", "pipeline_id", "comment_id", "next_at", "tries", "error", "closed")
_OF_NOTIFICATION = (
    *("id", "delivery", "event", "shift_id", "pipeline_id", "created_at", "next_at", "tries", "error", "sent_at"),
    "closed",
)


async def statuses(
    db: AsyncConnection,
    *,
    repository_id: int | None = None,
    commit: str | None = None,
    pipeline_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[sa.RowMapping]:
    """List statuses, the newest first; `waits`: the forge does not show yet what is true."""
    asked = _of(status, _OF_STATUS)
    conditions = {
        status.c.repository_id: repository_id,
        status.c.commit: commit,
        status.c.pipeline_id: pipeline_id,
    }
    for column, wanted in conditions.items():
        if wanted is not None:
            asked = asked.where(column == wanted)
    return await _page(db, asked, status, before, limit)


async def conversations(
    db: AsyncConnection, *, repository_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[sa.RowMapping]:
    """List our comments on pull requests, those begun last first."""
    asked = _of(conversation, _OF_CONVERSATION)
    if repository_id is not None:
        asked = asked.where(conversation.c.repository_id == repository_id)
    return await _page(db, asked, conversation, before, limit)


async def notifications(
    db: AsyncConnection, subscription_id: int, *, before: int | None = None, limit: int = 50
) -> list[sa.RowMapping]:
    """List what a subscriber was told, or is to be told, the newest first; never what it says."""
    asked = sa.select(*(notification.c[name] for name in _OF_NOTIFICATION))
    asked = asked.where(notification.c.subscription_id == subscription_id)
    return await _page(db, asked, notification, before, limit)


def _of(table: sa.Table, names: tuple[str, ...]) -> sa.Select[tuple[object, ...]]:
    waits = sa.and_(table.c.sent_version < table.c.version, table.c.closed.is_(None)).label("waits")
    return sa.select(
        *(table.c[name] for name in names),
        waits,
        repository.c.id.label("repository_id"),
        repository.c.forge,
        repository.c.full_name.label("repository"),
    ).join_from(table, repository, repository.c.id == table.c.repository_id)


async def _page(
    db: AsyncConnection, asked: sa.Select[tuple[object, ...]], table: sa.Table, before: int | None, limit: int
) -> list[sa.RowMapping]:
    if before is not None:
        asked = asked.where(table.c.id < before)
    return list((await db.execute(asked.order_by(table.c.id.desc()).limit(limit))).mappings())
