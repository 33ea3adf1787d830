"""One delivery: its headers, what we read in it, what it led to, and a button to handle it once more."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from quart import Response

from app.db.queries import deliveries
from app.rights import Right
from app.web import admission
from app.web.pages.answer import answer, button, deps, found, go_to, page
from app.web.replaying import replay
from integrations.forge import Malformed

READ_UP_TO = 256 << 10  # bytes, packed: a larger body is not read for a page
ADDRESS = f"/deliveries/<int(max={2**63 - 1}):delivery_id>"
_FACTS = ("action", "fate", "number", "ref", "base_branch", "commit", "label", "external_id")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A pipeline that the delivery opened."""

    id: int
    forge: str
    full_name: str
    commit: str
    rule: str | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    """`/deliveries/{id}`."""

    id: int
    forge: str
    key: str
    kind: str
    received_at: datetime
    handled_at: datetime | None
    verdict: str | None
    tries: int
    stored_bytes: int
    headers: dict[str, str]
    event: str | None  # in our words; None: it leads to nothing, or cannot be read
    facts: dict[str, str]
    pipelines: list[Opened]


@page(ADDRESS)
async def delivery(delivery_id: int) -> Response:
    """Show one delivery. Its body is not shown: it may speak of what is private."""
    await admission.insist(Right.ADMINISTER)
    async with deps().begin() as db:
        row = found(await deliveries.whole(db, delivery_id), f"delivery {delivery_id}")
        opened = [Opened(**each) for each in await deliveries.led_to(db, delivery_id)]
    event, facts = _read(row)
    shown = {name: value for name, value in row.items() if name != "body"}
    return await answer("delivery.html", DeliveryPage(**shown, event=event, facts=facts, pipelines=opened))


@button(f"{ADDRESS}/replay", delivery)
async def replay_from_page(delivery_id: int) -> Response:
    """Handle a delivery once more, for an admin."""
    actor, _ = await admission.pressed(Right.ADMINISTER)
    await replay(deps(), delivery_id, actor)
    return go_to(f"/deliveries/{delivery_id}", "replayed")


def _read(row: sa.RowMapping) -> tuple[str | None, dict[str, str]]:
    """Say what the delivery is in our words, without any text that somebody wrote."""
    forge = deps().forges.get(row["forge"])
    if forge is None or not 0 < row["stored_bytes"] <= READ_UP_TO:
        return None, {}
    try:
        event = forge.parse(row["kind"], deliveries.unpack(row["body"]))
    except Malformed:
        return None, {}
    if event is None:
        return None, {}
    said = {name: getattr(event, name, None) for name in _FACTS}
    return type(event).__name__, {name: str(value) for name, value in said.items() if value is not None}
