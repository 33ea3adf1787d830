"""Deliveries: what the forges sent. For admins: a body may speak of a private repository."""

from datetime import datetime

from pydantic import Field

from app.db.queries import deliveries
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Word
from app.web.auth import Actor
from app.web.replaying import replay


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


class OpenedRow(Told):
    """A pipeline that a delivery opened."""

    id: int
    forge: str
    full_name: str
    commit: str
    rule: str | None
    error: str | None = Field(description="why nothing could be planned")


class DeliveryTold(DeliveryRow):
    """A delivery with its headers and what it led to, without its body."""

    headers: dict[str, str] = Field(description="those that were kept: never a secret or signature")
    pipelines: list[OpenedRow] = Field(description="that it opened; one that it joined is in the verdict")


@operation("GET", "/deliveries", right=Right.ADMINISTER, query=DeliveryFilter, answer=Page[DeliveryRow])
async def list_deliveries(deps: Deps, *, actor: Actor, query: DeliveryFilter) -> Page[DeliveryRow]:
    """List deliveries, the newest first."""
    before = query.cursor or None
    async with deps.begin() as db:
        found = await deliveries.list_(db, forge=query.forge, before=before, limit=query.limit + 1)
    return page([DeliveryRow(**delivery) for delivery in found], limit=query.limit)


@operation("GET", "/deliveries/{delivery_id}", right=Right.ADMINISTER, answer=DeliveryTold)
async def show_delivery(deps: Deps, *, actor: Actor, delivery_id: int) -> DeliveryTold:
    """Read one delivery with what it led to, without its body."""
    async with deps.begin() as db:
        found = await deliveries.whole(db, delivery_id)
        opened = await deliveries.led_to(db, delivery_id)
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return DeliveryTold(**found, pipelines=[OpenedRow(**each) for each in opened])


@operation("POST", "/deliveries/{delivery_id}/replay", right=Right.ADMINISTER, answer=DeliveryTold)
async def replay_delivery(deps: Deps, *, actor: Actor, delivery_id: int) -> DeliveryTold:
    """Handle a delivery once more, as if it had just come. What it led to before is found, not doubled.

    Without its body, which is kept for some time only, that is not possible: `removed`.
    """
    await replay(deps, delivery_id, actor)
    return await show_delivery(deps, actor=actor, delivery_id=delivery_id)
