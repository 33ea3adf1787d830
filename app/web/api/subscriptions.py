"""Subscriptions: who is told of alerts, failed pipelines and boards, by mail or webhook."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Channel, News
from app.db.queries import subscriptions, told_forges
from app.db.queries.subscriptions import SubscriptionView
from app.deps import Deps
from app.errors import NotFound
from app.handlers import subscriptions as deciding
from app.rights import Right
from app.web.api.operations import Given, Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.shifts import repository_named
from app.web.api.words import Address, FullName
from app.web.auth import Actor


class SubscriptionFilter(Paged):
    """Which subscriptions."""

    ended: bool = Field(default=False, description="also those that have ended")


class NewSubscription(Given):
    """Whom to tell of what."""

    channel: Channel = Field(strict=False)
    address: Address = Field(description="a mailbox, or an https: address")
    repository: FullName | None = Field(default=None, description="full name; none: of all repositories, and of boards")
    events: list[News] = Field(
        default_factory=lambda: list(deciding.USUAL), min_length=1, max_length=len(News), strict=False
    )


class SubscriptionTold(Told):
    """A subscription. Of a webhook's address only the server is told: the rest may hold a secret."""

    id: int
    channel: Channel
    address: str
    repository: str | None = Field(description="null: of all repositories")
    of_owner: bool = Field(description="only of boards that name the address as their owner in builder.toml")
    events: list[News]
    said_by: str
    said_at: datetime
    ended_at: datetime | None
    ended_why: str
    sent_at: datetime | None = Field(description="the last time something arrived")
    waiting: int = Field(description="pieces of news on their way")
    error: str = Field(description="of the last try of what is on its way")


class SubscriptionMade(SubscriptionTold):
    """A new subscription with what its webhooks are signed with."""

    secret: str | None = Field(description="told this once; null for mail")


class NotificationTold(Told):
    """One piece of news on its way to a subscriber."""

    id: int
    delivery: str = Field(description="the id under which it is told, however often")
    event: News
    shift_id: int | None
    pipeline_id: int | None
    created_at: datetime
    next_at: datetime = Field(description="when it is tried, if it was neither sent nor given up")
    tries: int
    error: str = Field(description="of the last try; empty: it worked, or is to come")
    sent_at: datetime | None
    closed: str | None = Field(description="why it was given up")


class Tried(Told):
    """What came of a test."""

    arrived: bool
    error: str


@operation("GET", "/subscriptions", right=Right.ADMINISTER, query=SubscriptionFilter, answer=Page[SubscriptionTold])
async def list_subscriptions(deps: Deps, *, actor: Actor, query: SubscriptionFilter) -> Page[SubscriptionTold]:
    """List who is told of what."""
    async with deps.begin() as db:
        found = await subscriptions.list_(db, ended=query.ended, after=query.cursor, limit=query.limit + 1)
    return page([SubscriptionTold(**_told(each)) for each in found], limit=query.limit)


@operation(
    "POST",
    "/subscriptions",
    right=Right.ADMINISTER,
    body=NewSubscription,
    answer=SubscriptionMade,
    status=HTTPStatus.CREATED,
)
async def subscribe(deps: Deps, *, actor: Actor, body: NewSubscription) -> SubscriptionMade:
    """Tell an address of alerts, failed pipelines or boards that are out. A webhook's secret is told this once.

    409 for mail where no mail server is configured.
    """
    async with deps.begin() as db:
        repository_id = await repository_named(db, body.repository) if body.repository else None
    made = await deciding.add(
        deps, body.channel, body.address, repository_id=repository_id, events=body.events, actor=actor.name
    )
    async with deps.begin() as db:
        found = await _found(db, made.id)
    return SubscriptionMade(**_told(found), secret=made.secret)


@operation("GET", "/subscriptions/{subscription_id}", right=Right.ADMINISTER, answer=SubscriptionTold)
async def show_subscription(deps: Deps, *, actor: Actor, subscription_id: int) -> SubscriptionTold:
    """Read one subscription, also one that has ended."""
    async with deps.begin() as db:
        return SubscriptionTold(**_told(await _found(db, subscription_id)))


@operation(
    "GET",
    "/subscriptions/{subscription_id}/notifications",
    right=Right.ADMINISTER,
    query=Paged,
    answer=Page[NotificationTold],
)
async def list_notifications(deps: Deps, *, actor: Actor, subscription_id: int, query: Paged) -> Page[NotificationTold]:
    """List what a subscriber was told, or is to be told, the newest first, with the tries it took."""
    before = query.cursor or None
    async with deps.begin() as db:
        await _found(db, subscription_id)
        found = await told_forges.notifications(db, subscription_id, before=before, limit=query.limit + 1)
    return page([NotificationTold(**{**row, "delivery": str(row["delivery"])}) for row in found], limit=query.limit)


@operation("POST", "/subscriptions/{subscription_id}/test", right=Right.ADMINISTER, answer=Tried)
async def try_subscription(deps: Deps, *, actor: Actor, subscription_id: int) -> Tried:
    """Send a test now, once, and say whether it arrived."""
    problem = await deciding.try_out(deps, subscription_id)
    return Tried(arrived=not problem, error=problem)


@operation("POST", "/subscriptions/{subscription_id}/resume", right=Right.ADMINISTER, answer=SubscriptionTold)
async def resume_subscription(deps: Deps, *, actor: Actor, subscription_id: int) -> SubscriptionTold:
    """Let a subscription go on that has ended, as one that was given up; what happened meanwhile is not told."""
    await deciding.begin_again(deps, subscription_id, actor=actor.name)
    return await show_subscription(deps, actor=actor, subscription_id=subscription_id)


@operation("DELETE", "/subscriptions/{subscription_id}", right=Right.ADMINISTER)
async def unsubscribe(deps: Deps, *, actor: Actor, subscription_id: int) -> None:
    """End a subscription; what is on its way is not sent any more."""
    await deciding.end(deps, subscription_id, actor=actor.name)


async def _found(db: AsyncConnection, subscription_id: int) -> SubscriptionView:
    found = await subscriptions.get(db, subscription_id)
    if found is None:
        raise NotFound(f"There is no subscription {subscription_id}.")
    return found


def shown(row: SubscriptionView) -> SubscriptionTold:
    """Tell a subscription, for a page of ours too."""
    return SubscriptionTold(**_told(row))


def _told(row: SubscriptionView) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in SubscriptionTold.model_fields}
    if row.channel is Channel.WEBHOOK:
        parts = urlsplit(row.address)
        told["address"] = f"{parts.scheme}://{parts.netloc}/…"
    return told
