"""What somebody has to look at: refusals of a forge, conflicts, things that are gone."""

from dataclasses import dataclass

from quart import Response

from app.db.queries import alerts as queries
from app.db.queries.alerts import AlertView
from app.web.pages.answer import PAGE, answer, deps, number, page, text


@dataclass(frozen=True, kw_only=True)
class AlertsView:
    """`/alerts`."""

    items: list[AlertView]
    resolved: bool  # whether those that are over are listed too
    next: int | None
    first: bool


@page("/alerts")
async def alerts() -> Response:
    """List alerts, the newest first; `?resolved=yes` lists those that are over too."""
    before, resolved = number("before"), text("resolved") == "yes"
    async with deps().begin() as db:
        rows = await queries.list_(db, resolved=resolved, before=before, limit=PAGE + 1)
    following = rows[PAGE - 1].id if len(rows) > PAGE else None
    view = AlertsView(items=rows[:PAGE], resolved=resolved, next=following, first=before is None)
    return await answer("alerts.html", view)
