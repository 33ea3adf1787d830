"""The forges: as whom we call them, what they show of us, and what went wrong with it."""

from datetime import datetime

from pydantic import Field

from app.db.queries import alerts, told_forges
from app.deps import Deps
from app.rights import Right
from app.web.api.operations import INT4, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.series import repository
from app.web.api.words import Commit, Word
from app.web.auth import Actor


class Sent(Told):
    """Something that a forge is to show, and how far that got."""

    id: int
    forge: str
    repository: str
    pipeline_id: int | None
    waits: bool = Field(description="the forge does not show yet what is true")
    tries: int = Field(description="that failed since it last worked")
    next_at: datetime = Field(description="when it is tried again, if it waits")
    error: str = Field(description="of the last try; empty: it worked")
    closed: str | None = Field(description="why it was given up")


class StatusTold(Sent):
    """A status of a commit."""

    commit: str
    context: str
    sent_state: str | None = Field(description="what the forge shows; null: nothing yet")
    sent_description: str
    sent_at: datetime | None


class ConversationTold(Sent):
    """Our comment on a pull request."""

    pull_request: int
    comment_id: int | None = Field(description="on the forge; null: not written yet")


class StatusFilter(Paged):
    """Which statuses; every condition must hold."""

    repository: Word | None = Field(default=None, description="full name")
    commit: Commit | None = None
    pipeline: int | None = Field(default=None, ge=1, le=INT4)


class ConversationFilter(Paged):
    """Which conversations."""

    repository: Word | None = Field(default=None, description="full name")


class AlertTold(Told):
    """Something of the service that a person has to look at."""

    id: int
    kind: str = Field(description="stable: status_refused, delivery_conflict, …")
    subject: str
    text: str
    repository: str | None
    forge: str | None
    raised_at: datetime
    times: int = Field(description="how often it was said")
    resolved_at: datetime | None


class AlertFilter(Paged):
    """Which alerts."""

    resolved: bool = Field(default=False, description="with those that are over")


class ForgeTold(Told):
    """One forge."""

    name: str
    webhooks: str = Field(description="the address that its webhooks have to lead to")
    connected: bool = Field(description="the settings hold what it takes to call it, or a repository of it is served")


class Forges(Told):
    """The forges this service knows; never so many that they are paged."""

    items: list[ForgeTold]
    next: None = None


@operation("GET", "/forges", right=Right.READ, finds_place=True, answer=Forges)
async def list_forges(deps: Deps, *, actor: Actor) -> Forges:
    """List the forges, without asking them; `GET /repositories/{repository_id}/connection` asks one."""
    told = [
        ForgeTold(
            name=name,
            webhooks=f"{deps.settings.public_url}/webhooks/{name}",
            connected=deps.settings.is_connected(name),
        )
        for name in deps.forges
    ]
    return Forges(items=told)


@operation("GET", "/statuses", right=Right.READ, finds_place=True, query=StatusFilter, answer=Page[StatusTold])
async def list_statuses(deps: Deps, *, actor: Actor, query: StatusFilter) -> Page[StatusTold]:
    """List what forges show, or are to show, on commits: the newest first."""
    async with deps.begin() as db:
        found = await told_forges.statuses(
            db,
            repository_id=await repository(db, query.repository) if query.repository else None,
            commit=query.commit,
            pipeline_id=query.pipeline,
            before=query.cursor or None,
            limit=query.limit + 1,
        )
    return page([StatusTold(**row) for row in found], limit=query.limit)


@operation(
    "GET", "/conversations", right=Right.READ, finds_place=True, query=ConversationFilter, answer=Page[ConversationTold]
)
async def list_conversations(deps: Deps, *, actor: Actor, query: ConversationFilter) -> Page[ConversationTold]:
    """List our comments on pull requests, those begun last first."""
    async with deps.begin() as db:
        repository_id = await repository(db, query.repository) if query.repository else None
        found = await told_forges.conversations(
            db, repository_id=repository_id, before=query.cursor or None, limit=query.limit + 1
        )
    return page([ConversationTold(**row) for row in found], limit=query.limit)


@operation("GET", "/alerts", right=Right.READ, finds_place=True, query=AlertFilter, answer=Page[AlertTold])
async def list_alerts(deps: Deps, *, actor: Actor, query: AlertFilter) -> Page[AlertTold]:
    """List what somebody has to look at, the newest first: refusals of a forge, conflicts, things that are gone."""
    async with deps.begin() as db:
        found = await alerts.list_(db, resolved=query.resolved, before=query.cursor or None, limit=query.limit + 1)
    return page([AlertTold.model_validate(each) for each in found], limit=query.limit)
