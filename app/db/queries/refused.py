"""Sign-ins that were refused, in the audit: one line for each minute, place and name, with how often.

Who guesses names from many places makes no more than `MOST` lines in a minute; the rest is counted in one more.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import origin, sight
from app.db.tables import audit

ACTION = "user.refused"
MOST = 30  # lines of one minute
SEVERAL = "several addresses"  # as the place of what is counted together
REST = "more than are written down one by one"
_minute = sa.func.date_trunc("minute", sa.func.now())


async def count(db: AsyncConnection, detail: str) -> None:
    """Count a refused sign-in of this request.

    Args:
        detail: by what, and as whom, in words of at most 200 characters.
    """
    with sight.everything():  # else who is not signed in would find no line, and write without end
        lines = await db.scalar(sa.select(sa.func.count()).where(audit.c.counted_in == _minute))
    where, what = (origin.where(), detail[:200]) if (lines or 0) < MOST else (SEVERAL, REST)
    line = insert(audit).values(action=ACTION, actor="", origin=where, detail=what, counted_in=_minute)
    again = line.on_conflict_do_update(
        index_elements=["counted_in", "origin", "detail"],
        index_where=audit.c.counted_in.is_not(None),
        set_={"times": audit.c.times + 1},
    )
    await db.execute(again)
