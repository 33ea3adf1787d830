"""Note when another board begins to measure for a type: a level that moves there may be the board's and no commit's."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import AnnotationKind
from app.db.queries import annotations, shifting, swaps
from app.db.queries.analysing import Claimed
from app.db.queries.annotations import Remark
from app.db.queries.shifting import BY_ITSELF
from app.deps import Deps
from app.results.lines import Line


async def note(deps: Deps, claimed: Sequence[Claimed], read: Mapping[int, Line]) -> None:
    """Compare the boards of the two newest points, for each type; a board is noted once, where it first measured."""
    # One series of each type will do: a job measures all of them.
    places = {(each.repository_id, each.board_type, read[each.series_id].newest): each for each in claimed}
    attempts = {at for _, _, newest in places for at in newest if at is not None}
    if not attempts:
        return
    async with deps.begin() as db:
        boards = await swaps.boards_of(db, attempts)
        for (_, _, (before, now)), each in places.items():
            old, new = boards.get(before or 0), boards.get(now or 0)
            if now is not None and old is not None and new is not None and old.board_id != new.board_id:
                told = f"{new.name} begins to measure; before it was {old.name}"
                await _note(db, each, read[each.series_id], new.board_id, attempt_id=now, told=told)


async def _note(db: AsyncConnection, series: Claimed, line: Line, board_id: int, *, attempt_id: int, told: str) -> None:
    if await swaps.measured_before(
        db, board_id, attempt_id, repository_id=series.repository_id, board_type=series.board_type
    ):
        return
    remark = Remark(kind=AnnotationKind.BOARD, text=told[:500], board_type=series.board_type)
    commit_id = line.commits[-1]
    await shifting.lock(db, series.repository_id)  # several workers, one remark
    if not await annotations.is_there(db, series.repository_id, commit_id, remark):
        await annotations.add(db, series.repository_id, commit_id, remark, said_by=BY_ITSELF)
