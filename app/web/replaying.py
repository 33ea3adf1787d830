"""Handle a kept delivery once more, for the API and for the page alike."""

from app.db.queries import audit, deliveries
from app.deps import Deps
from app.errors import NotFound, Removed
from app.web.auth import Actor


async def replay(deps: Deps, delivery_id: int, actor: Actor) -> None:
    """Make a delivery unhandled and hand it out; handlers find what they did before.

    Raises:
        NotFound: there is no such delivery.
        Removed: its body is not kept any more.
    """
    async with deps.begin() as db:
        if not await deliveries.reopen(db, delivery_id):
            if await deliveries.get(db, delivery_id) is None:
                raise NotFound(f"There is no delivery {delivery_id}.")
            raise Removed(f"The body of delivery {delivery_id} was kept for as long as the settings say.")
        await audit.record(db, "delivery.replayed", actor=actor.name, detail=str(delivery_id))
    await deps.tasks.put("handle_delivery", delivery_id)
