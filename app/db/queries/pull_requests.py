"""What is newest of each pull request, whatever order its deliveries came in."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import PullRequest
from app.db.queries import conversations
from integrations.events import PullRequestAction, PullRequestChanged

_TABLE: sa.Table = PullRequest.__table__  # type: ignore[attr-defined]


async def note(db: AsyncConnection, repository_id: int, delivery_id: int, event: PullRequestChanged) -> sa.RowMapping:
    """Take over what the event says, unless something newer is known; give what is known then.

    The row stays locked until the transaction ends, so the events of one pull request go one by one.
    """
    brought = _brought(event)
    new = insert(PullRequest).values(repository_id=repository_id, number=event.number)
    new = new.values(**_values(delivery_id, event), **brought)
    mine = (col(PullRequest.repository_id) == repository_id, col(PullRequest.number) == event.number)
    if await db.scalar(new.on_conflict_do_nothing().returning(col(PullRequest.number))) is None:
        known = (await db.execute(sa.select(_TABLE).where(*mine).with_for_update())).mappings().one()
        learned = _learned(delivery_id, event, known)
        if learned:
            await db.execute(sa.update(PullRequest).where(*mine).values(**learned))
            await conversations.touch_pull_request(db, repository_id, event.number)
    return (await db.execute(sa.select(_TABLE).where(*mine))).mappings().one()


def _learned(delivery_id: int, event: PullRequestChanged, known: sa.RowMapping) -> dict[str, Any]:
    """Say what an event changes in what is known. Who brought a head is told by one of its events alone."""
    same, brought = event.commit == known["head"], _brought(event)
    if is_older(event, delivery_id, known):
        return brought if same and known["head_by_id"] is None else {}
    if not brought and not same:
        brought = {"head_by": "", "head_by_id": None}
    return {**_values(delivery_id, event), **brought}


def _brought(event: PullRequestChanged) -> dict[str, Any]:
    if event.action not in (PullRequestAction.OPENED, PullRequestAction.SYNCHRONISED):
        return {}
    return {"head_by": event.sender.name, "head_by_id": event.sender.id}


def is_older(event: PullRequestChanged, delivery_id: int, known: sa.RowMapping) -> bool:
    """Tell whether what is known came after the event: by the forge's clock, by the heads' chain, or as received."""
    if event.changed_at and known["changed_at"] and event.changed_at != known["changed_at"]:
        return bool(event.changed_at < known["changed_at"])
    if event.before and event.before == known["head"]:
        return False
    if known["before"] and known["before"] == event.commit:
        return True
    return delivery_id < int(known["delivery_id"])


async def get(db: AsyncConnection, repository_id: int, number: int) -> sa.RowMapping | None:
    """Read a pull request."""
    asked = sa.select(_TABLE).where(col(PullRequest.repository_id) == repository_id, col(PullRequest.number) == number)
    return (await db.execute(asked)).mappings().one_or_none()


def _values(delivery_id: int, event: PullRequestChanged) -> dict[str, Any]:
    return {
        "head": event.commit,
        "before": event.before,
        "base_branch": event.base_branch,
        "title": event.title,
        "author": event.author.name,
        "from_fork": event.from_fork,
        "draft": event.draft,
        "open": event.action is not PullRequestAction.CLOSED,
        "changed_at": event.changed_at,
        "delivery_id": delivery_id,
    }
