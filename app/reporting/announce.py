"""Begin to report a pipeline: open its statuses under their names, and let the pull request's comment speak of it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import conversations, statuses
from app.db.tables import job
from app.reporting import checks, wording

PER_TARGET = "per_target"
NAME_LIMIT = 100  # characters of a status's name


async def announce(
    db: AsyncConnection,
    found: Mapping[str, Any],
    memory: dict[str, Any],
    context: str | None = None,
    *,
    is_told: bool = True,
) -> None:
    """Show a pipeline on its commit from now on, and in the comment of its pull request. Again changes nothing.

    Args:
        found: the pipeline's columns, or at least id, repository_id, commit, kind, status_style and pull_request.
        context: of its status, if it is not to be named by its kind alone.
        memory: what the forge's adapter should know beside the commit, as the branch of a fork.
        is_told: in the comment too.
    """
    for name, about in await _names(db, found, context):
        await statuses.open_for(
            db,
            repository_id=found["repository_id"],
            commit=found["commit"],
            context=name,
            pipeline_id=found["id"],
            memory={**memory, **about},
        )
    if found["pull_request"] is not None and is_told:
        await conversations.speak_of(db, found["repository_id"], found["pull_request"], found["id"])


async def judged(db: AsyncConnection, pipeline_id: int) -> None:
    """Note that what a pipeline's comparisons say has changed: its statuses and the comment are looked at anew."""
    await statuses.touch(db, pipeline_id)
    await conversations.touch(db, pipeline_id)


async def _names(
    db: AsyncConnection, found: Mapping[str, Any], context: str | None
) -> list[tuple[str, dict[str, Any]]]:
    """Name the statuses: one for all, or one for each target once there are any."""
    name, style = context or wording.context(str(found["kind"].value)), found["status_style"]
    if style in (PER_TARGET, checks.STYLE):
        targets = await _targets(db, found["id"])
        if targets:
            await statuses.touch(db, found["id"])  # one for all may have been shown before there were targets
            return [(clipped(wording.context_of(name, *each)), {"target": each, "style": style}) for each in targets]
    return [(clipped(name), {"style": style})]


async def _targets(db: AsyncConnection, pipeline_id: int) -> list[tuple[str, str]]:
    asked = sa.select(job.c.board_type, job.c.configuration).where(job.c.pipeline_id == pipeline_id).distinct()
    return [(row[0], row[1]) for row in await db.execute(asked.order_by(job.c.board_type, job.c.configuration))]


def clipped(name: str) -> str:
    """Shorten a status's name so that two long ones stay two."""
    if len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: NAME_LIMIT - 9]}…{digest}"[:NAME_LIMIT]
