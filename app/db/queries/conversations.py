"""The outbox of our one comment per pull request, and what it speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import outbox
from app.db.tables import conversation, job, pipeline, pull_request, status
from app.states import JobState
from builders.protocol import Kind

UNWANTED = "somebody deleted the comment twice"
PIPELINES = 60  # of a pull request, the newest, that a comment considers
IN_THE_COMMENT = "comment"  # in a status's memory: the forge refuses the status, so the comment says it


@dataclass(frozen=True, kw_only=True)
class Claimed(outbox.Claimed):
    """A comment in the hands of one sender until a moment."""

    table: ClassVar[sa.Table] = conversation
    pull_request: int
    comment_id: int | None
    recreated: bool
    sent_sha256: bytes | None


@dataclass(frozen=True, kw_only=True)
class JobLine:
    """One job, not replaced, of a pipeline that a comment shows."""

    id: int
    pipeline_id: int
    board_type: str
    configuration: str
    state: JobState
    reason: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PipelineLine:
    """One pipeline of a pull request."""

    id: int
    commit: str
    kind: Kind
    trigger: str
    rule: str | None  # of the policy
    comment_style: str
    error: str | None  # why nothing could be planned
    is_command: bool
    is_refused: bool  # a status of it that the forge does not take


async def speak_of(db: AsyncConnection, repository_id: int, number: int, pipeline_id: int) -> None:
    """Let the comment of a pull request speak of a pipeline; whether one is written decides the sender."""
    new = insert(conversation).values(
        repository_id=repository_id, pull_request=number, pipeline_id=pipeline_id, recreated=False, error=""
    )
    undisturbed = sa.case((conversation.c.tries > 0, conversation.c.next_at), else_=sa.func.now())
    again = {
        "pipeline_id": sa.func.greatest(conversation.c.pipeline_id, new.excluded.pipeline_id),
        "version": conversation.c.version + 1,
        "next_at": undisturbed,
        "closed": sa.case((conversation.c.closed == UNWANTED, UNWANTED), else_=None),
    }
    await db.execute(new.on_conflict_do_update(index_elements=["repository_id", "pull_request"], set_=again))


async def touch(db: AsyncConnection, pipeline_id: int) -> None:
    """Note that a pipeline changed: the comment of its pull request, if it has one, is looked at anew."""
    await db.execute(touching(pipeline_id))


def touching(pipeline_id: Any) -> sa.Update:
    """Make the statement of `touch`, for use as a part of another one."""
    mine = (
        pipeline.c.id == pipeline_id,
        conversation.c.repository_id == pipeline.c.repository_id,
        conversation.c.pull_request == pipeline.c.pull_request,
    )
    return sa.update(conversation).where(*mine).values(version=conversation.c.version + 1)


async def touch_pull_request(db: AsyncConnection, repository_id: int, number: int) -> None:
    """Note that a pull request changed: its head may have moved, which makes the comment outdated."""
    mine = (conversation.c.repository_id == repository_id, conversation.c.pull_request == number)
    await db.execute(sa.update(conversation).where(*mine).values(version=conversation.c.version + 1))


async def claim_due(db: AsyncConnection, limit: int) -> list[Claimed]:
    """Take comments that wait to be written or edited; nobody else gets them for a while."""
    names = ("pull_request", "comment_id", "recreated", "sent_sha256")
    rows = await outbox.claim_due(db, conversation, limit, *(conversation.c[name] for name in names))
    return [Claimed(**row) for row in rows]


async def wrote(db: AsyncConnection, claimed: Claimed, comment_id: int | None, *, recreated: bool) -> None:
    """Note at once which comment is ours, so that a crash after it leads to no second one; None: none is left."""
    change = sa.update(conversation).where(conversation.c.id == claimed.id)
    await db.execute(change.values(comment_id=comment_id, recreated=recreated))


async def sent(db: AsyncConnection, claimed: Claimed, digest: bytes | None, rest_s: float) -> None:
    """Note that the comment says what the claimed version meant; it rests a while before the next edit."""
    later = sa.func.now() + outbox.seconds(rest_s)
    done = {"sent_version": claimed.version, "sent_sha256": digest}
    await outbox.release(db, claimed, **done, next_at=later, tries=0, error="")


async def head(db: AsyncConnection, repository_id: int, number: int) -> str | None:
    """Name the head that a pull request has now, as far as its deliveries told."""
    mine = (pull_request.c.repository_id == repository_id, pull_request.c.number == number)
    return await db.scalar(sa.select(pull_request.c.head).where(*mine))


async def pipelines_of(db: AsyncConnection, repository_id: int, number: int) -> list[PipelineLine]:
    """List the newest pipelines of a pull request, the newest first."""
    refused = sa.select(1).where(status.c.pipeline_id == pipeline.c.id, status.c.memory["via"].astext == IN_THE_COMMENT)
    columns = [pipeline.c[name] for name in ("id", "commit", "kind", "trigger", "rule", "comment_style", "error")]
    asked = (
        sa.select(*columns, (pipeline.c.trigger == "command").label("is_command"), refused.exists().label("is_refused"))
        .where(pipeline.c.repository_id == repository_id, pipeline.c.pull_request == number)
        .order_by(pipeline.c.id.desc())
        .limit(PIPELINES)
    )
    return [PipelineLine(**row) for row in (await db.execute(asked)).mappings()]


async def jobs_of(db: AsyncConnection, pipeline_ids: Sequence[int], limit: int) -> list[JobLine]:
    """List the jobs of some pipelines that no retry replaced, by pipeline and target."""
    names = ("id", "pipeline_id", "board_type", "configuration", "state", "reason", "started_at", "ended_at")
    asked = (
        sa.select(*(job.c[name] for name in names))
        .where(job.c.pipeline_id.in_(list(pipeline_ids)), job.c.replaced.is_(False))
        .order_by(job.c.pipeline_id.desc(), job.c.board_type, job.c.configuration, job.c.id)
        .limit(limit)
    )
    return [_line(row) for row in (await db.execute(asked)).mappings()]


def _line(row: sa.RowMapping) -> JobLine:
    return JobLine(**{**row, "state": JobState(row["state"])})
