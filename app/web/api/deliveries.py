"""Deliveries: what the forges sent. For admins: a body may speak of a private repository."""

from datetime import datetime

from pydantic import Field

from app.db.queries import audit, deliveries
from app.db.queries.users import Role
from app.deps import Deps
from app.errors import NotFound
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Word
from app.web.auth import Actor


class DeliveryFilter(Paged):
    """Which deliveries."""

    forge: Word | None = None


class DeliveryRow(Told):
    """A delivery without its body."""

    id: int
    forge: str
    key: str = Field(description="the forge's delivery id")
    kind: str = Field(description="the forge's own event name")
    received_at: datetime
    handled_at: datetime | None
    verdict: str | None = Field(description="what it led to, or why to nothing")
    tries: int


@operation("GET", "/deliveries", role=Role.ADMIN, query=DeliveryFilter, answer=Page[DeliveryRow])
async def list_deliveries(deps: Deps, *, actor: Actor, query: DeliveryFilter) -> Page[DeliveryRow]:
    """List deliveries, the newest first."""
    before = query.cursor or None
    async with deps.begin() as db:
        found = await deliveries.list_(db, forge=query.forge, before=before, limit=query.limit + 1)
    return page([DeliveryRow(**delivery) for delivery in found], limit=query.limit)


@operation("GET", "/deliveries/{delivery_id}", role=Role.ADMIN, answer=DeliveryRow)
async def show_delivery(deps: Deps, *, actor: Actor, delivery_id: int) -> DeliveryRow:
    """Read one delivery without its body."""
    async with deps.begin() as db:
        found = await deliveries.get(db, delivery_id)
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return DeliveryRow(**found)


@operation("POST", "/deliveries/{delivery_id}/replay", role=Role.ADMIN, answer=DeliveryRow)
async def replay_delivery(deps: Deps, *, actor: Actor, delivery_id: int) -> DeliveryRow:
    """Handle a delivery once more, as if it had just come. What it led to before is found, not doubled."""
    async with deps.begin() as db:
        if not await deliveries.reopen(db, delivery_id):
            raise NotFound(f"There is no delivery {delivery_id}.")
        await audit.record(db, "delivery.replayed", actor=actor.name, detail=str(delivery_id))
    await deps.tasks.put("handle_delivery", delivery_id)
    return await show_delivery(deps, actor=actor, delivery_id=delivery_id)
