"""The connection of a repository with its forge: the webhook that we make there, and whether each reaches the other."""

import asyncio
import secrets as random
from datetime import datetime
from http import HTTPStatus
from typing import Any

from pydantic import Field

from app import sealed
from app.db.queries import audit, repositories, secrets
from app.deps import Deps
from app.errors import Invalid, NotFound, Unavailable
from app.handlers.occasion import facts_of
from app.rights import Right
from app.web.api.operations import Told, operation
from app.web.api.repositories import ForgeRefuses
from app.web.auth import Actor
from integrations.forge import Forge, ForgeError, RepositoryFacts, Transient

ASKED_S = 10.0  # for all that one check asks a forge
KEPT = 2  # secrets of our own webhook: the new one, and the one before while deliveries with it are on their way


class WebhookTold(Told):
    """The webhook of a repository that leads here."""

    id: int = Field(description="the forge's number of it")
    url: str


class ConnectionTold(Told):
    """Whether a forge reaches us, and we it."""

    forge: str
    full_name: str
    url: str = Field(description="where the forge has to send its deliveries")
    account: str | None = Field(description="as whom we call the forge; null: as nobody, or it does not tell")
    shows_repository: bool = Field(description="whether the forge shows us the repository now")
    problem: str | None = Field(description="why it does not")
    hook_id: int | None = Field(description="the webhook that we made; null: somebody made it by hand, or nobody did")
    secrets: int = Field(description="webhook secrets of this repository alone; 0: those of the settings count")
    heard_at: datetime | None = Field(description="when a delivery last spoke of it")
    lost: int | None = Field(description="recent deliveries that did not reach us; null: the forge does not tell")


@operation(
    "POST",
    "/repositories/{repository_id}/webhook",
    right=Right.ADMINISTER,
    answer=WebhookTold,
    status=HTTPStatus.CREATED,
)
async def create_webhook(deps: Deps, *, actor: Actor, repository_id: int) -> WebhookTold:
    """Make the repository's webhook on its forge, with a new secret for it alone. Again: give it another secret.

    `forge_refuses` if it may not.
    """
    repository, forge = await _served(deps, repository_id)
    url, secret = webhook_url(deps, forge.name), random.token_urlsafe(32)
    added = await _keep(deps, repository_id, secret)  # first: the forge tries the webhook at once
    try:
        hook_id = await forge.create_webhook(facts_of(repository), url, secret)
    except ForgeError as problem:
        async with deps.begin() as db:
            await secrets.remove(db, added, repository_id=repository_id)
        raise _refusal(forge, problem) from None
    async with deps.begin() as db:
        await repositories.change(db, repository_id, hook_id=hook_id)
        for old in (await secrets.list_(db, repository_id=repository_id))[:-KEPT]:
            await secrets.remove(db, old.id, repository_id=repository_id)
        await audit.record(db, "webhook.made", actor=actor.name, detail=f"{forge.name} {repository['full_name']}")
    return WebhookTold(id=hook_id, url=url)


@operation("GET", "/repositories/{repository_id}/connection", right=Right.READ, answer=ConnectionTold)
async def show_connection(deps: Deps, *, actor: Actor, repository_id: int) -> ConnectionTold:
    """Ask the forge whether it shows us the repository, and tell when it last reached us."""
    repository, forge = await _served(deps, repository_id)
    async with deps.begin() as db:
        own = await secrets.list_(db, repository_id=repository_id)
    asked = await _asked(forge, facts_of(repository), repository["hook_id"])
    return ConnectionTold(
        forge=forge.name,
        full_name=repository["full_name"],
        url=webhook_url(deps, forge.name),
        hook_id=repository["hook_id"],
        heard_at=repository["heard_at"],
        secrets=len(own),
        **asked,
    )


def webhook_url(deps: Deps, forge: str) -> str:
    """Say where a forge has to send its deliveries."""
    return f"{deps.settings.public_url}/webhooks/{forge}"


async def _asked(forge: Forge, facts: RepositoryFacts, hook: int | None) -> dict[str, Any]:
    """Ask in the order of what is needed most; the first refusal ends it."""
    told: dict[str, Any] = {"account": None, "shows_repository": False, "problem": None, "lost": None}
    try:
        async with asyncio.timeout(ASKED_S):
            found = await forge.repository(facts.full_name)
            told["shows_repository"] = found.id == facts.id
            if found.id != facts.id:
                told["problem"] = f"{facts.full_name} has the id {found.id} there now, and had {facts.id}"
            me = await forge.whoami()
            told["account"] = me.name if me else None
            told["lost"] = len(await forge.failed_deliveries(facts, hook))
    except TimeoutError:
        told["problem"] = f"{forge.name} does not answer within {ASKED_S:.0f} seconds"
    except ForgeError as problem:
        told["problem"] = str(problem)
    return told


async def _served(deps: Deps, repository_id: int) -> tuple[Any, Forge]:
    async with deps.begin() as db:
        repository = await repositories.get(db, repository_id)
    if repository is None or repository["removed_at"] is not None:
        raise NotFound(f"There is no repository {repository_id}.")
    forge = deps.forges.get(repository["forge"])
    if forge is None:
        raise Invalid(f"Repository {repository_id} is a plain remote, on no forge.")
    return repository, forge


async def _keep(deps: Deps, repository_id: int, secret: str) -> int:
    closed = sealed.seal(deps.settings.secret_key.get_secret_value(), secret)
    async with deps.begin() as db:
        added = await secrets.add(db, secrets.SECRET, closed, repository_id=repository_id)
    if added is None:
        raise Invalid("The repository has as many webhook secrets as it may have; `rigline repo secret remove` one.")
    return added


def _refusal(forge: Forge, problem: ForgeError) -> Exception:
    if isinstance(problem, Transient):
        return Unavailable(f"{forge.name} does not answer: {problem}")
    return ForgeRefuses(
        f"{forge.name} makes no webhook: {problem}. The token needs the right to administer the repository's webhooks."
    )
