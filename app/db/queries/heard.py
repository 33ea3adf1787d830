"""Comments that held commands: each is carried out once and answered once. An outbox of reactions and replies."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Heard, Repository

CLAIM_S = 15.0  # a sender that died holds an answer for so long
WAITS = "waits for the forge"  # verdict while the forge does not say who may do what, and the reply says so
WAITED = "waits for the forge; the reply says so"
MOST_REPLY = 60_000  # characters; forges take a little more
_LOCK = 0x7269_6705  # with the repository: the counts of two comments of one person are not read at once

now = sa.func.now()


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """How far a comment got."""

    id: int
    commit: str | None  # the head as it was read for it
    carried_out: int  # commands, from the first on
    is_done: bool


async def hear(db: AsyncConnection, **values: Any) -> Hearing:
    """Take a comment in, with its first reaction owed, or find how far it got before."""
    new = insert(Heard).values(verdict="", **values).on_conflict_do_nothing(index_elements=["repository_id", "key"])
    await db.execute(new)
    columns = (Heard.id, Heard.commit, Heard.carried_out, Heard.done_at)
    asked = sa.select(*(col(each) for each in columns)).where(
        col(Heard.repository_id) == values["repository_id"], col(Heard.key) == values["key"]
    )
    row = (await db.execute(asked)).one()
    return Hearing(id=row.id, commit=row.commit, carried_out=row.carried_out, is_done=row.done_at is not None)


async def keep_head(db: AsyncConnection, heard_id: int, commit: str) -> str:
    """Store the head that all commands of the comment mean, unless one is stored; return that one."""
    change = sa.update(Heard).where(col(Heard.id) == heard_id)
    kept = change.values(commit=sa.func.coalesce(col(Heard.commit), commit)).returning(col(Heard.commit))
    return str((await db.execute(kept)).scalar_one())


async def progress(db: AsyncConnection, heard_id: int, carried_out: int, note: str) -> bool:
    """Count a command as carried out and keep what is to be said of it in the end; False if that was done before.

    Whoever comes second waits here for the end of the first one's transaction.
    """
    before = sa.case((col(Heard.verdict) == WAITS, None), else_=col(Heard.reply))
    told = sa.func.nullif(sa.func.concat_ws("\n\n", before, note or None), "")
    change = sa.update(Heard).where(col(Heard.id) == heard_id, col(Heard.carried_out) < carried_out)
    counted = change.values(carried_out=carried_out, reply=told, verdict="").returning(col(Heard.id))
    return await db.scalar(counted) is not None


async def finish(
    db: AsyncConnection, heard_id: int, verdict: str, *, reply: str | None = None, reaction: str | None = None
) -> None:
    """End a comment: nothing more of it is carried out. What is to be said is owed now.

    Args:
        reply: None: what the commands left to say; empty: nothing.
    """
    kept = sa.case((col(Heard.verdict) == WAITS, None), else_=col(Heard.reply))
    values = {
        "done_at": now,
        "next_at": now,
        "tries": 0,
        "verdict": verdict[:500],
        "reply": kept if reply is None else reply[:MOST_REPLY] or None,
        "reaction": sa.func.coalesce(sa.cast(reaction, sa.String), col(Heard.reaction)),
    }
    mine = sa.update(Heard).where(col(Heard.id) == heard_id, col(Heard.done_at).is_(None))
    await db.execute(mine.values(values))


async def tell_to_wait(db: AsyncConnection, heard_id: int, reply: str) -> None:
    """Owe a reply that the forge does not answer: once, and only while nothing was carried out."""
    mine = sa.update(Heard).where(
        col(Heard.id) == heard_id, col(Heard.done_at).is_(None), col(Heard.carried_out) == 0, col(Heard.verdict) == ""
    )
    await db.execute(mine.values(reply=reply, verdict=WAITS, next_at=now))


async def lock_actor(db: AsyncConnection, actor_id: int) -> None:
    """Let the comments of one person go one by one until the transaction ends."""
    await db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashint8(actor_id))))


async def used(db: AsyncConnection, repository_id: int, actor_id: int, seconds: float) -> int:
    """Count the commands that somebody gave in a repository in the last seconds; a comment counts as one at least."""
    each = sa.func.greatest(sa.func.cardinality(col(Heard.verbs)), 1)
    asked = sa.select(sa.func.coalesce(sa.func.sum(each), 0)).where(
        col(Heard.repository_id) == repository_id, col(Heard.actor_id) == actor_id, col(Heard.heard_at) > _ago(seconds)
    )
    return int(await db.scalar(asked) or 0)


async def was_told(
    db: AsyncConnection,
    repository_id: int,
    verdict: str,
    *,
    actor_id: int | None = None,
    pull_request: int | None = None,
    seconds: float | None = None,
) -> bool:
    """Tell whether a comment ended with words that begin so, by a person, on a pull request, in the last seconds."""
    asked = sa.select(sa.literal(1)).where(
        col(Heard.repository_id) == repository_id, col(Heard.verdict).startswith(verdict, autoescape=True)
    )
    conditions = (
        (actor_id, col(Heard.actor_id) == actor_id),
        (pull_request, col(Heard.pull_request) == pull_request),
        (seconds, col(Heard.heard_at) > _ago(seconds or 0)),
    )
    for given, condition in conditions:
        if given is not None:
            asked = asked.where(condition)
    return await db.scalar(asked.limit(1)) is not None


async def shown_lately(
    db: AsyncConnection, repository_id: int, pull_request: int, verb: str, *, seconds: float, but: int
) -> bool:
    """Tell whether a verb was carried out for anybody on a pull request in the last seconds, but for one comment."""
    asked = sa.select(sa.literal(1)).where(
        col(Heard.repository_id) == repository_id,
        col(Heard.pull_request) == pull_request,
        sa.literal(verb) == sa.any_(col(Heard.verbs)),
        col(Heard.carried_out) > 0,
        col(Heard.id) != but,
        col(Heard.heard_at) > _ago(seconds),
    )
    return await db.scalar(asked.limit(1)) is not None


@dataclass(frozen=True, kw_only=True)
class Owed:
    """An answer in the hands of one sender."""

    id: int
    key: str
    pull_request: int
    reaction: str | None
    reply: str | None
    tries: int  # with this one
    next_at: datetime  # the claim: who finds another one here has lost it
    repository_id: int


async def claim_due(db: AsyncConnection, limit: int) -> list[Owed]:
    """Take answers that are owed; nobody else gets them for `CLAIM_S` seconds. A reply only once all is done."""
    return [Owed(**row) for row in (await db.execute(_claim_due(limit))).mappings()]


@lru_cache(maxsize=4)
def _claim_due(limit: int) -> sa.UpdateBase:
    may_reply = (col(Heard.done_at).is_not(None)) | (col(Heard.verdict) == WAITS)
    clock = sa.func.clock_timestamp()
    due = (
        sa.select(col(Heard.id))
        .where(col(Heard.answered_at).is_(None), col(Heard.next_at) <= clock)
        .where(col(Heard.reaction).is_not(None) | may_reply)
        .where(col(Heard.done_at).is_not(None) | col(Heard.reaction).is_not(None) | col(Heard.reply).is_not(None))
        .order_by(col(Heard.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    held = clock + sa.func.make_interval(0, 0, 0, 0, 0, 0, CLAIM_S)
    columns = (Heard.id, Heard.key, Heard.pull_request, Heard.reaction, Heard.tries, Heard.next_at, Heard.repository_id)
    reply = sa.case((may_reply, col(Heard.reply))).label("reply")
    change = sa.update(Heard).where(col(Heard.id).in_(due)).values(next_at=held, tries=col(Heard.tries) + 1)
    return change.returning(*(col(each) for each in columns), reply)


async def repository(db: AsyncConnection, repository_id: int) -> sa.RowMapping:
    """Read the repository that an answer is for."""
    table: sa.Table = Repository.__table__  # type: ignore[attr-defined]
    return (await db.execute(sa.select(table).where(col(Repository.id) == repository_id))).mappings().one()


async def reacted(db: AsyncConnection, owed: Owed) -> None:
    """Note that a reaction is there; another one may be owed since."""
    mine = sa.update(Heard).where(col(Heard.id) == owed.id, col(Heard.reaction) == owed.reaction)
    await db.execute(mine.values(reaction=None))


async def replied(db: AsyncConnection, owed: Owed) -> None:
    """Note that the reply is there."""
    verdict = sa.case((col(Heard.verdict) == WAITS, WAITED), else_=col(Heard.verdict))
    mine = sa.update(Heard).where(col(Heard.id) == owed.id, col(Heard.reply) == owed.reply)
    await db.execute(mine.values(reply=None, verdict=verdict))


async def settle(db: AsyncConnection, owed: Owed) -> None:
    """Close what is done and owes nothing more; what is not done is looked at again when it owes something."""
    nothing = (col(Heard.reaction).is_(None), col(Heard.reply).is_(None), col(Heard.done_at).is_not(None))
    await db.execute(sa.update(Heard).where(col(Heard.id) == owed.id, *nothing).values(answered_at=now))
    more = sa.update(Heard).where(col(Heard.id) == owed.id, col(Heard.answered_at).is_(None))
    await db.execute(more.where(col(Heard.next_at) == owed.next_at).values(next_at=now, tries=0))


async def postpone(db: AsyncConnection, owed: Owed, wait_s: float) -> None:
    """Try again after a wait."""
    later = now + sa.func.make_interval(0, 0, 0, 0, 0, 0, wait_s)
    await db.execute(sa.update(Heard).where(col(Heard.id) == owed.id).values(next_at=later))


async def give_up(db: AsyncConnection, owed: Owed) -> None:
    """Answer no more: the forge refuses it for good."""
    await db.execute(sa.update(Heard).where(col(Heard.id) == owed.id).values(answered_at=now))


def _ago(seconds: float) -> sa.ColumnElement[datetime]:
    return now - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
