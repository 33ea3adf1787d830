"""Webhooks: bound the body, authenticate, store once, answer. All else is a task."""

from http import HTTPStatus

import asyncpg
import structlog
from prometheus_client import Counter
from quart import Blueprint, current_app, request

from app.db.queries import deliveries
from app.deps import Deps
from app.errors import ApiError, NotFound, TooLarge, Unauthorized, Unavailable, WrongMediaType
from integrations.forge import Forge, Malformed, NotGenuine

MAX_BODY = deliveries.MAX_BODY
DATABASE_AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError)
STORE_S = 5.0  # seconds to wait for the database: forges give up after 10

hooks = Blueprint("hooks", __name__)
received = Counter("rigline_deliveries", "Deliveries by what became of them", ("forge", "outcome"))
log = structlog.get_logger()


class BadDelivery(ApiError):
    """A genuine delivery that is not what its headers say."""

    code = "bad_delivery"


@hooks.post("/webhooks/<forge_name>")
async def receive(forge_name: str) -> tuple[dict[str, str], HTTPStatus]:
    """Store an authentic delivery once, and answer; forges give up after 10 s."""
    deps: Deps = current_app.extensions["deps"]
    forge = deps.forges.get(forge_name)
    if forge is None:
        raise NotFound("There is no such forge; the addresses are /webhooks/github and /webhooks/gitlab.")
    headers, body = _headers(), await _body()
    _authenticate(forge, headers, body)
    kept = await _keep(deps, forge, headers, body)
    if kept.id is None:
        received.labels(forge_name, "repeated" if kept.same else "conflict").inc()
        return {"status": "already received"}, HTTPStatus.OK
    received.labels(forge_name, "accepted").inc()
    await deps.tasks.put("handle_delivery", kept.id)  # lost? the sweep finds the row
    return {"status": "accepted", "delivery": str(kept.id)}, HTTPStatus.ACCEPTED


def _headers() -> dict[str, str]:
    """Give the headers by lower-case name; what was sent twice becomes one value that no check accepts."""
    found: dict[str, str] = {}
    for given, value in request.headers.items():
        name = given.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _body() -> bytes:
    if request.mimetype != "application/json":
        raise WrongMediaType("Set the webhook's content type to application/json.")
    body: bytes = await request.get_data(cache=False, as_text=False)  # type: ignore[assignment]
    if len(body) > MAX_BODY:  # a little more is read and then refused; much more Quart refuses unread
        raise TooLarge(f"A delivery has at most {MAX_BODY} bytes.")
    return body


def _authenticate(forge: Forge, headers: dict[str, str], body: bytes) -> None:
    try:
        forge.authenticate(headers, body)
    except NotGenuine as problem:
        received.labels(forge.name, "refused").inc()
        log.info("delivery_refused", forge=forge.name, why=str(problem))
        raise Unauthorized(f"The delivery is not genuine: {problem}.") from None


async def _keep(deps: Deps, forge: Forge, headers: dict[str, str], body: bytes) -> deliveries.Kept:
    try:
        kind, key = forge.kind(headers), forge.delivery_key(headers, body)
        forge.repository_of(body)  # only to see that it is a JSON object
    except Malformed as problem:
        received.labels(forge.name, "malformed").inc()
        raise BadDelivery(f"The delivery cannot be read: {problem}.") from None
    try:
        async with deps.intake.acquire(timeout=STORE_S) as connection:
            kept = await deliveries.add(
                connection, forge=forge.name, key=key, kind=kind, headers=forge.kept_headers(headers), body=body
            )
    except DATABASE_AWAY as problem:
        log.warning("delivery_not_stored", forge=forge.name, key=key, error=str(problem)[:200])
        raise Unavailable("The database does not answer; deliver again later.") from None
    if not kept.same:
        log.error("delivery_conflict", forge=forge.name, key=key)
    return kept
