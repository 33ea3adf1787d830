"""The first answers to writes that came with a key: whoever asks again gets that answer, and nothing is done twice."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import kept_answer

KEPT = timedelta(hours=24)
now = sa.func.now()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is known of an earlier request with the same key."""

    what: bytes  # digest of what it asked for
    answer: bytes | None  # sealed; None: it has not ended; empty: nobody knows how it ended
    age_s: float


async def begin(db: AsyncConnection, asked: bytes, what: bytes) -> bool:
    """Take a key on; False if it was taken within the last 24 hours."""
    new = insert(kept_answer).values(asked=asked, what=what)
    renewed = new.on_conflict_do_update(
        index_elements=["asked"],
        set_={"what": what, "answer": None, "begun_at": now},
        where=kept_answer.c.begun_at < now - KEPT,
    )
    return await db.scalar(renewed.returning(kept_answer.c.asked)) is not None


async def get(db: AsyncConnection, asked: bytes) -> Kept | None:
    """Read what is kept under a key."""
    age_s = sa.extract("epoch", now - kept_answer.c.begun_at).label("age_s")
    wanted = sa.select(kept_answer.c.what, kept_answer.c.answer, age_s).where(kept_answer.c.asked == asked)
    row = (await db.execute(wanted)).mappings().one_or_none()
    return None if row is None else Kept(what=row["what"], answer=row["answer"], age_s=float(row["age_s"]))


async def end(db: AsyncConnection, asked: bytes, answer: bytes) -> None:
    """Keep the answer."""
    await db.execute(sa.update(kept_answer).where(kept_answer.c.asked == asked).values(answer=answer))


async def give_back(db: AsyncConnection, asked: bytes) -> None:
    """Free a key under which nothing was done."""
    await db.execute(sa.delete(kept_answer).where(kept_answer.c.asked == asked))


async def forget_old(db: AsyncConnection, most: int) -> int:
    """Delete some of the answers that count no more; return how many."""
    old = sa.select(kept_answer.c.asked).where(kept_answer.c.begun_at < now - KEPT).limit(most)
    gone = await db.execute(sa.delete(kept_answer).where(kept_answer.c.asked.in_(old)))
    return int(gone.rowcount)
