"""What a request sees, and from where it comes: said once, before anything is read for it.

A route that is not of the kinds below sees what is public. So a new one cannot show what is private by mistake.
"""

from quart import current_app, request

from app.db import origin, sight
from app.db.origin import SOCKET, Origin
from app.db.sight import Sight
from app.deps import Deps
from app.web.auth import Actor

SERVICES = frozenset({"hooks", "leases", "health", "metrics"})  # of forges, builders and machines: these see all


def is_for_people() -> bool:
    """Tell whether this request is of somebody who may see less than all."""
    return request.endpoint not in (None, "static") and request.blueprint not in SERVICES


def see_as(actor: Actor | None) -> None:
    """Let the rest of this request see what this actor may, and say in the audit from where it comes."""
    deps: Deps = current_app.extensions["deps"]
    public = deps.settings.public
    sight.narrow(Sight(public=public) if actor is None else actor.sight(public=public))
    is_local = request.scope.get("rigline.local") is True  # type: ignore[attr-defined, unused-ignore]
    where = SOCKET if is_local else request.remote_addr or "unknown"
    origin.say(Origin(where=where, means=actor.means if actor else ""))
