"""Webhook secrets of one repository, or of the App installation it belongs to. They go in, and never come out."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

import sqlalchemy as sa
from pydantic import AfterValidator, Field

from app.db.queries import audit, repositories, secrets
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound
from app.rights import Right
from app.sealed import seal
from app.web.api.operations import Given, Told, operation
from app.web.auth import Actor
from integrations.gitlab.signature import signing_key

_PLAIN = re.compile(r"[\x21-\x7e]{16,256}", re.ASCII)
Whose = Literal["repository", "installation"]


def _plain(given: str) -> str:
    if not _PLAIN.fullmatch(given):
        raise ValueError("give 16 to 256 visible ASCII characters without spaces")
    return given


class NewSecret(Given):
    """A secret that the forge was given too."""

    text: Annotated[str, AfterValidator(_plain)] = Field(
        description="the secret; it cannot be read back", examples=["one-that-nobody-can-guess"]
    )
    kind: Literal["secret", "signing"] = Field(
        "secret", description="signing: GitLab's `whsec_…`; where there is one, a plain secret proves nothing"
    )
    whose: Whose = Field("repository", description="installation: of all repositories that our App has from it")


class SecretTold(Told):
    """That there is a secret."""

    id: int
    kind: str
    whose: Whose
    added_at: datetime


class SecretsTold(Told):
    """The secrets that count for a repository's deliveries; none: those of the settings count."""

    items: list[SecretTold]
    next: None = None


@operation("GET", "/repositories/{repository_id}/secrets", right=Right.ADMINISTER, answer=SecretsTold)
async def list_secrets(deps: Deps, *, actor: Actor, repository_id: int) -> SecretsTold:
    """List the webhook secrets of a repository and of its installation, without the secrets themselves."""
    await _served(deps, repository_id)
    async with deps.begin() as db:
        own = await secrets.list_(db, repository_id=repository_id)
        installation_id = await secrets.installation_of(db, repository_id)
        shared = await secrets.list_(db, installation_id=installation_id) if installation_id else []
    told = [SecretTold(id=each.id, kind=each.kind, whose="repository", added_at=each.added_at) for each in own]
    told += [SecretTold(id=each.id, kind=each.kind, whose="installation", added_at=each.added_at) for each in shared]
    return SecretsTold(items=told)


@operation(
    "POST",
    "/repositories/{repository_id}/secrets",
    right=Right.ADMINISTER,
    body=NewSecret,
    answer=SecretTold,
    status=HTTPStatus.CREATED,
)
async def add_secret(deps: Deps, *, actor: Actor, repository_id: int, body: NewSecret) -> SecretTold:
    """Take one more secret. From the first on, those of the settings count no more for this repository.

    To change a secret: add the new one, give it to the forge, remove the old one. 409 if there are too many, or there
    is no installation that it could be of.
    """
    repository = await _served(deps, repository_id)
    if body.kind == secrets.SIGNING:
        _check_signing_key(repository["forge"], body.text)
    sealed = seal(deps.settings.secret_key.get_secret_value(), body.text)
    async with deps.begin() as db:
        whose = {"repository_id": repository_id}
        if body.whose == "installation":
            installation_id = await secrets.installation_of(db, repository_id)
            if installation_id is None:
                raise Conflict("whose: the repository belongs to no installation of our App that we have heard of.")
            whose = {"installation_id": installation_id}
        added = await secrets.add(db, body.kind, sealed, **whose)
        if added is None:
            raise Conflict(f"There are {secrets.MOST} secrets already; remove one that is no longer used.")
        await audit.record(db, "secret.added", actor=actor.name, detail=f"{repository['full_name']}: {body.whose}")
        told = next(each for each in await secrets.list_(db, **whose) if each.id == added)
    return SecretTold(id=added, kind=told.kind, whose=body.whose, added_at=told.added_at)


@operation("DELETE", "/repositories/{repository_id}/secrets/{secret_id}", right=Right.ADMINISTER)
async def remove_secret(deps: Deps, *, actor: Actor, repository_id: int, secret_id: int) -> None:
    """Forget a secret: a delivery that is signed with it is refused from now on."""
    repository = await _served(deps, repository_id)
    async with deps.begin() as db:
        gone = await secrets.remove(db, secret_id, repository_id=repository_id)
        installation_id = None if gone else await secrets.installation_of(db, repository_id)
        if installation_id is not None:
            gone = await secrets.remove(db, secret_id, installation_id=installation_id)
        if not gone:
            raise NotFound(f"{repository['full_name']} has no webhook secret {secret_id}.")
        await audit.record(db, "secret.removed", actor=actor.name, detail=f"{repository['full_name']}: {secret_id}")


async def _served(deps: Deps, repository_id: int) -> sa.RowMapping:
    async with deps.begin() as db:
        row = await repositories.get(db, repository_id)
    if row is None or row["removed_at"] is not None or row["forge_id"] is None:
        raise NotFound(f"There is no repository {repository_id} on a forge.")
    return row


def _check_signing_key(forge: str, text: str) -> None:
    if forge != "gitlab":
        raise Invalid("kind: only GitLab signs with such a key; GitHub signs with the secret itself.")
    try:
        signing_key(text)
    except ValueError as problem:
        raise Invalid(f"text: {problem}") from None
