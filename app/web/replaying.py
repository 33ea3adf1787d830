"""Handle a kept delivery once more, for the API and for the page alike."""

from app.db.queries import audit, deliveries
from app.deps import Deps
from app.errors import NotFound
from app.web.auth import Actor


async def replay(deps: Deps, delivery_id: int, actor: Actor) -> None:
    """Make a delivery unhandled and hand it out; handlers find what they did before.

    Raises:
        NotFound: there is no such delivery.
    """
    async with deps.begin() as db:
        if not await deliveries.reopen(db, delivery_id):
            raise NotFound(f"There is no delivery {delivery_id}.")
        await audit.record(db, "delivery.replayed", actor=actor.name, detail=str(delivery_id))
    await deps.tasks.put("handle_delivery", delivery_id)
