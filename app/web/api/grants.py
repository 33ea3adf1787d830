"""Roles of users in single repositories, beside the role in the whole service: granted here, or of a forge."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import audit, grants, repositories, users
from app.deps import Deps
from app.errors import NotFound
from app.rights import Right, Role
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import FullName, Name
from app.web.auth import Actor

Granted = Literal[Role.MAINTAINER, Role.COMMITTER, Role.REVIEWER, Role.OBSERVER]


class GrantFilter(Paged):
    """Which grants; every condition must hold."""

    user: Name | None = None
    repository: FullName | None = Field(default=None, description="full name")


class NewGrant(Given):
    """A role in one repository."""

    role: Granted = Field(description="an admin is one of the whole service")


class GrantTold(Told):
    """One role in one repository."""

    id: int = Field(description="of this entry of the list")
    user: str
    role: Role
    repository_id: int
    forge: str
    repository: str
    by: Literal["grant", "forge"] = Field(description="granted here, or of the rights on the forge")
    counts: bool = Field(description="false: of the forge, and what was granted counts in its place")
    granted_by: str = Field(description="the admin, or the name of the forge")
    granted_at: datetime = Field(description="of a forge: when it said so last")


@operation("GET", "/grants", right=Right.ADMINISTER, query=GrantFilter, answer=Page[GrantTold])
async def list_grants(deps: Deps, *, actor: Actor, query: GrantFilter) -> Page[GrantTold]:
    """List who has which role in which repository: granted here, or of the rights on a forge."""
    async with deps.begin() as db:
        repository_id = await repository_named(db, query.repository) if query.repository else None
        found = await grants.list_(
            db, user=query.user, repository_id=repository_id, after=query.cursor, limit=query.limit + 1
        )
    return page([GrantTold.model_validate(each) for each in found], limit=query.limit)


@operation("PUT", "/users/{name}/grants/{repository_id}", right=Right.ADMINISTER, body=NewGrant, answer=GrantTold)
async def grant(deps: Deps, *, actor: Actor, name: str, repository_id: int, body: NewGrant) -> GrantTold:
    """Give a user a role in one repository, in the place of an earlier grant there. It counts at once."""
    async with deps.begin() as db:
        user, repository = await _found(db, name, repository_id)
        await grants.set_(db, user["id"], repository_id, body.role, actor=actor.name)
        told = f"{name}, {body.role} in {repository['full_name']}"
        await audit.record(db, "grant.made", actor=actor.name, repository_id=repository_id, detail=told)
        both = await grants.list_(db, user_id=user["id"], repository_id=repository_id, limit=2)
    return next(GrantTold.model_validate(each) for each in both if each["by"] == grants.GRANT)


@operation("DELETE", "/users/{name}/grants/{repository_id}", right=Right.ADMINISTER)
async def revoke(deps: Deps, *, actor: Actor, name: str, repository_id: int) -> None:
    """Take back what was granted to a user in a repository. It counts at once; 404 if nothing was."""
    async with deps.begin() as db:
        user, repository = await _found(db, name, repository_id)
        if not await grants.remove(db, user["id"], repository_id):
            raise NotFound(f"{name} has no grant in {repository['full_name']}.")
        told = f"{name} in {repository['full_name']}"
        await audit.record(db, "grant.revoked", actor=actor.name, repository_id=repository_id, detail=told)


async def _found(db: AsyncConnection, name: str, repository_id: int) -> tuple[sa.RowMapping, sa.RowMapping]:
    user, repository = await users.by_name(db, name), await repositories.get(db, repository_id)
    if user is None:
        raise NotFound(f"There is no user {name}. `rigline admin create-user {name}` makes one.")
    if repository is None:
        raise NotFound(f"There is no repository {repository_id}.")
    return user, repository
