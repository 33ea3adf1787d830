"""Which series the detector has to look at again. Whoever adds a point, or cuts a series by hand, says so here."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import analysis, series

_DUE = sa.func.clock_timestamp()


async def mark_due(db: AsyncConnection, series_ids: Iterable[int]) -> None:
    """Let these series be analysed as soon as a worker is free; one that is being analysed is so once more."""
    wanted = sorted(set(series_ids))  # always in one order: two of these never wait for each other
    if wanted:
        given = sa.select(sa.func.unnest(sa.cast(wanted, sa.ARRAY(sa.Integer))), _DUE)
        new = insert(analysis).from_select(["series_id", "due_at"], given)
        await db.execute(new.on_conflict_do_update(index_elements=["series_id"], set_={"due_at": _DUE}))


async def mark_cut(
    db: AsyncConnection, repository_id: int, *, board_type: str | None, configuration: str | None
) -> None:
    """Let all series that an annotation is about be analysed from their beginning."""
    about = [series.c.repository_id == repository_id]
    for column, value in ((series.c.board_type, board_type), (series.c.configuration, configuration)):
        if value is not None:
            about.append(column == value)
    theirs = sa.select(analysis.c.series_id).where(analysis.c.series_id.in_(sa.select(series.c.id).where(*about)))
    in_order = theirs.order_by(analysis.c.series_id).with_for_update()  # as everybody: nobody waits in a circle
    change = sa.update(analysis).where(analysis.c.series_id.in_(in_order))
    await db.execute(change.values(due_at=_DUE, points=0))
