"""What the forges sent, and what each delivery led to; for admins, as in the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quart import Response

from app.db.queries import lab
from app.rights import Right
from app.web import admission
from app.web.pages.answer import PAGE, answer, deps, number, page, text


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """One delivery, without its body."""

    id: int
    forge: str
    key: str
    kind: str
    received_at: datetime
    handled_at: datetime | None
    verdict: str | None
    tries: int
    stored_bytes: int


@dataclass(frozen=True, kw_only=True)
class DeliveriesView:
    """`/deliveries`."""

    filters: dict[str, str]  # those that were given
    items: list[DeliveryRow]
    next: int | None
    first: bool


@page("/deliveries")
async def deliveries() -> Response:
    """List deliveries, the newest first."""
    await admission.insist(Right.ADMINISTER)
    before = number("before", largest=2**63 - 1)
    given = {name: value for name in ("forge", "kind", "handled") if (value := text(name))}
    handled = {"yes": True, "no": False}.get(given.get("handled", ""))
    asked: dict[str, Any] = {"forge": given.get("forge"), "kind": given.get("kind"), "handled": handled}
    async with deps().begin() as db:
        rows = await lab.deliveries(db, **asked, before=before, limit=PAGE + 1)
    items = [DeliveryRow(**each) for each in rows[:PAGE]]
    following = items[-1].id if len(rows) > PAGE else None
    view = DeliveriesView(filters=given, items=items, next=following, first=before is None)
    return await answer("deliveries.html", view, forges=sorted(deps().forges))
