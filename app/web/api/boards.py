"""Boards that builders offer now."""

from app.db.queries import lab
from app.deps import Deps
from app.web.api.builders import BoardTold
from app.web.api.operations import operation
from app.web.api.paging import Page, Paged, page


@operation("GET", "/boards", query=Paged, answer=Page[BoardTold])
async def list_boards(deps: Deps, *, query: Paged) -> Page[BoardTold]:
    """List the boards that builders offer, with the configurations on them and the job they run."""
    async with deps.begin() as db:
        found = await lab.boards(db, after=query.cursor, limit=query.limit + 1)
    return page([BoardTold(**board) for board in found], limit=query.limit)
