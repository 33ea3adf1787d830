"""Begin, try and end subscriptions, from a command, the API or the link in a mail."""

from collections.abc import Collection
from dataclasses import dataclass

from app.db.models import Channel, News
from app.db.queries import alerts, audit, notifications, subscriptions
from app.db.queries.subscriptions import Wish
from app.deps import Deps
from app.errors import Conflict, Invalid, NotFound
from app.notify import links, mail, payload, reach, sending, signing, telling
from app.notify.problems import Later
from app.sealed import seal
from builders.protocol import MAILBOX

USUAL = (News.OPENED, News.REOPENED, News.RECOVERED)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A new subscription; nobody can read its secret again."""

    id: int
    secret: str | None


async def add(
    deps: Deps, channel: Channel, address: str, *, repository_id: int | None, events: Collection[News], actor: str
) -> Made:
    """Tell an address of some news, of one repository or of all.

    Raises:
        Invalid: the address cannot be told anything, or news of the lab are wanted of one repository.
        Conflict: mail, and no mail server is configured.
    """
    if repository_id is not None and set(telling.OF_LAB).intersection(events):
        raise Invalid("events: boards are of no repository; ask for news of boards and builders without one")
    _check(deps, channel, address)
    secret = signing.new_secret() if channel is Channel.WEBHOOK else None
    sealed = seal(deps.settings.secret_key.get_secret_value(), secret) if secret else None
    wish = Wish(channel=channel, address=address, repository_id=repository_id, events=events, secret=sealed)
    async with deps.begin() as db:
        made = await subscriptions.add(db, wish, said_by=actor)
        await audit.record(db, "subscription.added", actor=actor, detail=f"subscription {made}: {channel}")
    return Made(id=made, secret=secret)


def _check(deps: Deps, channel: Channel, address: str) -> None:
    if channel is Channel.MAIL:
        if not MAILBOX.fullmatch(address):
            raise Invalid("address: expected one mailbox, such as ada@example.org")
        try:
            mail.configured(deps.settings)
        except Later as problem:
            raise Conflict(f"This cannot be sent: {problem}.") from None
        return
    try:
        reach.check(address, deps.settings.notify_hosts)
    except reach.NotAllowed as problem:
        raise Invalid(f"address: {problem}") from None


async def end(deps: Deps, subscription_id: int, *, actor: str) -> None:
    """End a subscription; what is on its way is not sent any more.

    Raises:
        NotFound: there is none that goes on.
    """
    async with deps.begin() as db:
        if not await subscriptions.end(db, subscription_id, f"ended by {actor}"):
            raise NotFound(f"There is no subscription {subscription_id} that goes on.")
        await alerts.resolve(db, sending.ALERT, f"subscription {subscription_id}")
        await audit.record(db, "subscription.ended", actor=actor, detail=f"subscription {subscription_id}")


async def begin_again(deps: Deps, subscription_id: int, *, actor: str) -> None:
    """Let a subscription go on that has ended, as one that was given up; what happened meanwhile is not told.

    Raises:
        NotFound: there is no such subscription.
        Invalid, Conflict: its address cannot be told anything now.
    """
    async with deps.begin() as db:
        found = await subscriptions.get(db, subscription_id)
    if found is None:
        raise NotFound(f"There is no subscription {subscription_id}.")
    _check(deps, found.channel, found.address)
    async with deps.begin() as db:
        if await subscriptions.begin_again(db, subscription_id):
            await alerts.resolve(db, sending.ALERT, f"subscription {subscription_id}")
            await audit.record(db, "subscription.resumed", actor=actor, detail=f"subscription {subscription_id}")


async def try_out(deps: Deps, subscription_id: int) -> str:
    """Send a test at once; returns why it did not arrive, or nothing. One that fails is not tried again.

    Raises:
        NotFound: there is no such subscription that goes on.
    """
    async with deps.begin() as db:
        found = await subscriptions.get(db, subscription_id)
        if found is None or found.ended_at is not None:
            raise NotFound(f"There is no subscription {subscription_id} that goes on.")
        said = payload.of_test(public_url=deps.settings.public_url)
        made = await notifications.add_test(db, subscription_id, said)
    return await sending.try_out(deps, made)


async def end_by_link(deps: Deps, token: str) -> bool:
    """End the subscription that a mail's link is for; False if it had ended before.

    Raises:
        NotFound: the link is none of ours.
    """
    subscription_id = meant(deps, token)
    async with deps.begin() as db:
        ended = await subscriptions.end(db, subscription_id, "ended by the link in a mail")
        if ended:
            detail = f"subscription {subscription_id} by its link"
            await audit.record(db, "subscription.ended", actor="reader", detail=detail)
    return ended


def meant(deps: Deps, token: str) -> int:
    """Say which subscription a mail's link is for.

    Raises:
        NotFound: the link is none of ours.
    """
    found = links.meant(deps.settings.secret_key.get_secret_value(), token)
    if found is None:
        raise NotFound("This link is not one of ours, or was cut off; take it whole from the mail.")
    return found
