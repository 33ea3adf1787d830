"""The repositories that are served, and a form that adds one."""

from dataclasses import dataclass
from datetime import datetime

from quart import Response

from app.db.queries import repositories as queries
from app.rights import Right
from app.web import admission
from app.web.api import repositories as api
from app.web.api.operations import read_form
from app.web.api.repositories import NewRepository
from app.web.pages.answer import PAGE, answer, button, deps, go_to, number, page


@dataclass(frozen=True, kw_only=True)
class ServedRow:
    """One repository."""

    id: int
    forge: str
    full_name: str
    default_branch: str
    private: bool
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class ServedView:
    """`/repositories`."""

    forges: list[str]
    items: list[ServedRow]
    next: int | None
    first: bool


@page("/repositories")
async def served() -> Response:
    """List the repositories that are served."""
    visitor, after = await admission.visitor(), number("after")
    async with deps().begin() as db:
        rows = await queries.list_(db, after=after or 0, limit=PAGE + 1)
    is_shown = {row["id"] for row in rows if not row["private"] or (visitor and visitor.may(Right.READ, row["id"]))}
    items = [
        ServedRow(**{name: row[name] for name in ServedRow.__dataclass_fields__})
        for row in rows[:PAGE]
        if row["id"] in is_shown
    ]
    following = rows[PAGE - 1]["id"] if len(rows) > PAGE else None
    view = ServedView(forges=sorted(deps().forges), items=items, next=following, first=after is None)
    return await answer("repositories.html", view, visitor=visitor)


@button("/repositories", served)
async def add() -> Response:
    """Serve a repository, and lead to its page."""
    actor, form = await admission.pressed(Right.ADMINISTER)
    made = await api.add_repository(deps(), actor=actor, body=read_form(NewRepository, form))
    return go_to(f"/{made.forge}/{made.full_name}", "served")
