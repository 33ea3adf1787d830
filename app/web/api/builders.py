"""Builders: the machines of the lab, from the side of their owners."""

from datetime import datetime
from http import HTTPStatus

from pydantic import Field

from app.db.models import BuilderState, Health
from app.db.queries import lab
from app.deps import Deps
from app.handlers import builders
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.words import Name
from app.web.auth import Actor
from builders.protocol import DISK_FLOOR


class NewBuilder(Given):
    """A builder to be."""

    name: Name


class BuilderToken(Told):
    """What the agent needs, shown this once."""

    id: int
    name: str
    token: str


class BuilderRow(Told):
    """A builder."""

    id: int
    name: str
    state: BuilderState
    version: str
    isolation: str
    facts: dict[str, str]
    created_at: datetime
    seen_at: datetime | None = Field(description="last sign of life, to ten seconds")
    disk_free: int | None = Field(description=f"bytes for work trees; with less than {DISK_FLOOR} it gets no jobs")
    problem: str = Field(description="what its agent says is wrong, such as a configuration that cannot be used")


class BuilderSummary(BuilderRow):
    """A builder in a list."""

    boards: int = Field(description="boards that it offers")
    busy: int = Field(description="boards with a job")


class ConfigurationTold(Told):
    """One way to build and run on a board."""

    name: str
    tags: list[str]
    limit_s: float | None


class BoardTold(Told):
    """A board that a builder offers."""

    id: int
    name: str
    type: str
    builder: str
    description: str
    owner: str = Field(description="the mailbox that is told when it is out; empty: nobody's")
    tags: list[str]
    health: Health
    health_reason: str
    health_at: datetime | None = Field(description="since when its health is so")
    fail_streak: int = Field(description="troubles in a row; two take it out")
    checked_at: datetime | None = Field(description="when a check of it ended last")
    check_every_s: float | None = Field(description="how often it is checked; null: its builder has no check for it")
    power: bool = Field(description="its builder can switch it")
    devices: list[str] = Field(description="names that no other device has")
    held_until: datetime | None = Field(description="a person keeps it until then")
    held_by: str
    hold_on_failure_s: float | None = Field(description="a person keeps it for so long once a job on it goes wrong")
    configurations: list[str]
    is_busy: bool = Field(description="a job holds it, also one that the caller may not see")
    job_id: int | None = Field(description="the job it runs now")
    beside: str | None = Field(description="the board that job is for, if this one is a further one that it needs")


class BuilderTold(BuilderRow):
    """A builder with its boards."""

    boards: list[BoardTold]


@operation("GET", "/builders", query=Paged, answer=Page[BuilderSummary])
async def list_builders(deps: Deps, *, query: Paged) -> Page[BuilderSummary]:
    """List the builders that are not retired."""
    async with deps.begin() as db:
        found = await lab.builders(db, after=query.cursor, limit=query.limit + 1)
    return page([BuilderSummary(**builder) for builder in found], limit=query.limit)


@operation("POST", "/builders", right=Right.LAB, body=NewBuilder, answer=BuilderToken, status=HTTPStatus.CREATED)
async def create_builder(deps: Deps, *, actor: Actor, body: NewBuilder) -> BuilderToken:
    """Make a builder. The answer holds its token, this once. 409 if the name is taken."""
    return BuilderToken.model_validate(await builders.create(deps, body.name, actor=actor.name))


@operation("GET", "/builders/{name}", answer=BuilderTold)
async def show_builder(deps: Deps, *, name: str) -> BuilderTold:
    """Read one builder with the boards it offers."""
    async with deps.begin() as db:
        builder = await builders.find(db, name)
        boards = await lab.boards(db, builder_id=builder["id"])
    return BuilderTold(**builder, boards=[BoardTold(**board) for board in boards])


@operation("POST", "/builders/{name}/pause", right=Right.LAB, answer=BuilderTold)
async def pause_builder(deps: Deps, *, actor: Actor, name: str) -> BuilderTold:
    """Give it no new jobs; running ones go on. 409 once it is retired."""
    return await _set_state(deps, actor, name, BuilderState.PAUSED)


@operation("POST", "/builders/{name}/resume", right=Right.LAB, answer=BuilderTold)
async def resume_builder(deps: Deps, *, actor: Actor, name: str) -> BuilderTold:
    """Give it jobs again. 409 once it is retired."""
    return await _set_state(deps, actor, name, BuilderState.ACTIVE)


@operation("POST", "/builders/{name}/drain", right=Right.LAB, answer=BuilderTold)
async def drain_builder(deps: Deps, *, actor: Actor, name: str) -> BuilderTold:
    """Give it no new jobs, because it is going away once the running ones have ended. 409 once it is retired."""
    return await _set_state(deps, actor, name, BuilderState.DRAINING)


@operation("POST", "/builders/{name}/rotate-token", right=Right.LAB, answer=BuilderToken)
async def rotate_builder_token(deps: Deps, *, actor: Actor, name: str) -> BuilderToken:
    """Make a new token; the old one is refused from now on. 409 once it is retired."""
    return BuilderToken.model_validate(await builders.rotate_token(deps, name, actor=actor.name))


@operation("POST", "/builders/{name}/revoke-token", right=Right.LAB, answer=BuilderTold)
async def revoke_builder_token(deps: Deps, *, actor: Actor, name: str) -> BuilderTold:
    """Refuse its token from now on, because somebody else may have it.

    Its jobs end and are tried elsewhere; its boards get none until somebody says that they are good. 409 once it is
    retired.
    """
    await builders.revoke_token(deps, name, actor=actor.name)
    return await show_builder(deps, name=name)


@operation("DELETE", "/builders/{name}", right=Right.LAB)
async def delete_builder(deps: Deps, *, actor: Actor, name: str) -> None:
    """Delete a builder that never had a job; one with history is retired: its token is refused, its history stays.

    409 while it holds a job.
    """
    await builders.delete(deps, name, actor=actor.name)


async def _set_state(deps: Deps, actor: Actor, name: str, state: BuilderState) -> BuilderTold:
    await builders.set_state(deps, name, state, actor=actor.name)
    return await show_builder(deps, name=name)
