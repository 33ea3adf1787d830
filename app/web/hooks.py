"""Webhooks: bound the body, authenticate, store once, answer. All else is a task."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from secrets import token_hex
from typing import Any

import structlog
from prometheus_client import Counter
from quart import Blueprint, current_app, request

from app.db.queries import deliveries, secrets
from app.db.session import GONE
from app.deps import Deps
from app.errors import ApiError, NotFound, Unauthorized, Unavailable, WrongMediaType
from app.sealed import unseal
from app.web import intake
from app.web.intake import Intake
from integrations.forge import Forge, Malformed, NotGenuine, OwnSecrets

MAX_BODY = deliveries.MAX_BODY
TOO_LARGE = f"A delivery has at most {MAX_BODY} bytes."
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
    headers = _headers()
    _refuse_unread(forge, headers)
    taken_in: Intake = current_app.extensions["intake"]
    with taken_in.body(request.content_length, MAX_BODY) as taking:
        body = await taking.read(request.body)
        _authenticate(forge, headers, body, await _own_secrets(deps, forge, body))
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


def _refuse_unread(forge: Forge, headers: dict[str, str]) -> None:
    """Refuse what no body could make right, before any of it is read."""
    if request.mimetype != "application/json":
        raise WrongMediaType("Set the webhook's content type to application/json.")
    intake.check(request.content_length or 0, request.max_content_length or MAX_BODY)
    if not forge.is_signed(headers):
        raise _not_genuine(forge, "there is no signature or token")


async def _own_secrets(deps: Deps, forge: Forge, body: bytes) -> OwnSecrets | None:
    """Look up what counts for the repository or installation that a body speaks of; None: what counts for the forge.

    A secret is good for nothing else than it was made for, so that who knows one can speak for no other.
    """
    try:
        repository, installation = forge.repository_of(body), forge.installation_of(body)
    except Malformed:  # which is said only to whom it may be said
        return None
    if repository is None and installation is None:
        return None
    async with _intake(deps, forge) as connection:
        found = await secrets.of(connection, forge.name, repository, installation)
    if not found:
        return None
    key = deps.settings.secret_key.get_secret_value()
    # One that cannot be unsealed counts as one that nobody knows: it does not open the way to the others.
    known = [(kind, unseal(key, sealed) or token_hex()) for kind, sealed in found]
    return OwnSecrets(
        secrets=tuple(text for kind, text in known if kind == secrets.SECRET),
        signing_keys=tuple(text for kind, text in known if kind == secrets.SIGNING),
    )


def _authenticate(forge: Forge, headers: dict[str, str], body: bytes, own: OwnSecrets | None) -> None:
    try:
        forge.authenticate(headers, body, own)
    except NotGenuine as problem:
        raise _not_genuine(forge, str(problem)) from None


def _not_genuine(forge: Forge, why: str) -> Unauthorized:
    received.labels(forge.name, "refused").inc()
    log.info("delivery_refused", forge=forge.name, why=why)
    return Unauthorized(f"The delivery is not genuine: {why}.")


@asynccontextmanager
async def _intake(deps: Deps, forge: Forge) -> AsyncIterator[Any]:
    """Take a connection for a short while.

    Raises:
        Unavailable: the database does not answer; forges deliver again.
    """
    try:
        async with deps.intake.acquire(timeout=STORE_S) as connection:
            yield connection
    except (OSError, *GONE) as problem:
        log.warning("delivery_not_stored", forge=forge.name, error=str(problem)[:200])
        raise Unavailable("The database does not answer; deliver again later.") from None


async def _keep(deps: Deps, forge: Forge, headers: dict[str, str], body: bytes) -> deliveries.Kept:
    try:
        kind, key = forge.kind(headers), forge.delivery_key(headers, body)
        forge.repository_of(body)  # only to see that it is a JSON object
    except Malformed as problem:
        received.labels(forge.name, "malformed").inc()
        raise BadDelivery(f"The delivery cannot be read: {problem}.") from None
    async with _intake(deps, forge) as connection:
        kept = await deliveries.add(
            connection, forge=forge.name, key=key, kind=kind, headers=forge.kept_headers(headers), body=body
        )
    if not kept.same:
        log.error("delivery_conflict", forge=forge.name, key=key)
    return kept
