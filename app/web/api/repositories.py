"""Repositories that are served: their webhooks become pipelines."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from app.db.queries import audit, repositories
from app.deps import Deps
from app.dispatch import remotes
from app.errors import ApiError, Invalid, NotFound, Unavailable
from app.rights import Right
from app.web.api.operations import INT8, Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Address, FullName, Word
from app.web.auth import Actor
from integrations.forge import Forge, Permanent, RepositoryFacts, Transient


class NewRepository(Given):
    """A repository to serve: looked up at its forge, or described whole."""

    forge: Word
    full_name: FullName
    id: int | None = Field(default=None, ge=1, le=INT8, description="the forge's numeric id; none: the forge is asked")
    clone_url: Address | None = Field(default=None, description="with id only; none: follows from forge and name")
    default_branch: Word = "main"
    private: bool = False


class RepositoryTold(Told):
    """A repository that is served."""

    id: int
    forge: str
    forge_id: int | None = Field(description="the forge's numeric id; null for a plain remote")
    full_name: str
    clone_url: str
    default_branch: str
    private: bool
    added_at: datetime


class ForgeRefuses(ApiError):
    """The forge does not show the repository."""

    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "forge_refuses"


@operation("GET", "/repositories", query=Paged, answer=Page[RepositoryTold])
async def list_repositories(deps: Deps, *, query: Paged) -> Page[RepositoryTold]:
    """List the repositories that are served, and the remotes that dispatches named."""
    async with deps.begin() as db:
        found = await repositories.list_(db, after=query.cursor, limit=query.limit + 1)
    return page([RepositoryTold(**repository) for repository in found], limit=query.limit)


@operation("GET", "/repositories/{repository_id}", answer=RepositoryTold)
async def show_repository(deps: Deps, *, repository_id: int) -> RepositoryTold:
    """Read one repository."""
    async with deps.begin() as db:
        found = await repositories.get(db, repository_id)
    if found is None or found["removed_at"] is not None:
        raise NotFound(f"There is no repository {repository_id}.")
    return RepositoryTold(**found)


@operation(
    "POST",
    "/repositories",
    right=Right.ADMINISTER,
    body=NewRepository,
    answer=RepositoryTold,
    status=HTTPStatus.CREATED,
)
async def add_repository(deps: Deps, *, actor: Actor, body: NewRepository) -> RepositoryTold:
    """Serve a repository. With `id` the forge is not asked; else it is looked up by its name. May be repeated.

    `forge_refuses` if the forge does not show it.
    """
    forge = deps.forges.get(body.forge)
    if forge is None:
        raise Invalid(f"forge: there is no {body.forge}; configured are {', '.join(deps.forges) or 'none'}")
    facts = await _looked_up(forge, body.full_name) if body.id is None else _described(deps, body, body.id)
    async with deps.begin() as db:
        repository_id = await repositories.add(db, body.forge, facts)
        await audit.record(db, "repository.added", actor=actor.name, detail=f"{body.forge} {facts.full_name}")
    return await show_repository(deps, repository_id=repository_id)


@operation("DELETE", "/repositories/{repository_id}", right=Right.ADMINISTER)
async def remove_repository(deps: Deps, *, actor: Actor, repository_id: int) -> None:
    """Stop serving a repository; its history stays."""
    async with deps.begin() as db:
        if not await repositories.remove(db, repository_id):
            raise NotFound(f"There is no repository {repository_id}.")
        await audit.record(db, "repository.removed", actor=actor.name, detail=str(repository_id))


async def _looked_up(forge: Forge, full_name: str) -> RepositoryFacts:
    try:
        return await forge.repository(full_name)
    except Transient as problem:
        raise Unavailable(f"{forge.name} does not answer: {problem}") from None
    except Permanent as problem:
        raise ForgeRefuses(
            f"{forge.name} does not show {full_name}: {problem}. Check the name and the token's rights, or give the id."
        ) from None


def _described(deps: Deps, body: NewRepository, forge_id: int) -> RepositoryFacts:
    clone_url = body.clone_url or f"{remotes.web_address(body.forge, deps.settings)}/{body.full_name}.git"
    return RepositoryFacts(
        id=forge_id,
        full_name=body.full_name,
        clone_url=remotes.checked(clone_url, deps.settings, name="clone_url"),
        default_branch=body.default_branch,
        private=body.private,
    )
