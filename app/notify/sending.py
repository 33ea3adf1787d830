"""Bring news to its subscribers: claimed, sent, tried again with growing waits, given up at last with an alert."""

import asyncio
import random
import ssl
from collections.abc import Sequence

import structlog

from app.db.models import Channel
from app.db.queries import alerts, notifications, subscriptions
from app.db.queries.notifications import Outgoing
from app.deps import Deps
from app.notify import mail, webhook
from app.notify.links import unsubscribing
from app.notify.mail import Letter
from app.notify.problems import Gone, Later, Refused
from app.sealed import unseal

ALERT = "notification_refused"
AT_ONCE = 10
REFUSALS = 3  # in a row, of one piece of news, end its subscription
MOST_TRIES = 14  # over about five hours
KEPT_DAYS, KEPT_AT_ONCE = 30, 1000  # days that the outbox remembers, rows that are deleted at once
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0

log = structlog.get_logger()


async def send_due(deps: Deps) -> int:
    """Send what is due; return how much was looked at. Several senders share the work."""
    looked_at = 0
    while True:
        async with deps.begin() as db:
            claimed = await notifications.claim(db, AT_ONCE)
        trust = await _trust(deps, claimed)
        await asyncio.gather(*(_send(deps, each, trust) for each in claimed))
        looked_at += len(claimed)
        if len(claimed) < AT_ONCE:
            return looked_at


async def try_out(deps: Deps, notification_id: int) -> str:
    """Send one piece of news at once and once; returns why it did not arrive, or nothing."""
    async with deps.begin() as db:
        claimed = await notifications.claim(db, 1, only=notification_id)
    trust = await _trust(deps, claimed)
    for each in claimed:
        try:
            await _hand_over(deps, each, trust)
        except (Later, Refused) as problem:
            async with deps.begin() as db:
                await notifications.give_up(db, each, str(problem))
            return str(problem)
        async with deps.begin() as db:
            await notifications.sent(db, each)
    return ""


async def forget_old(deps: Deps) -> None:
    """Delete what arrived, or was given up, long ago."""
    async with deps.begin() as db:
        await notifications.forget(db, days=KEPT_DAYS, at_once=KEPT_AT_ONCE)


async def _trust(deps: Deps, claimed: Sequence[Outgoing]) -> ssl.SSLContext | None:
    """Read the certificates that are trusted, which takes tens of milliseconds, once for several."""
    if not claimed:
        return None
    file = deps.settings.ca_file
    return await asyncio.to_thread(ssl.create_default_context, cafile=str(file) if file else None)


async def _send(deps: Deps, each: Outgoing, trust: ssl.SSLContext | None) -> None:
    try:
        await _hand_over(deps, each, trust)
    except (Later, Refused) as problem:
        await _failed(deps, each, problem)
    except Exception:  # a fault of ours holds up no other subscriber, and is tried again
        log.exception("notification_failed", notification=each.id, subscription=each.subscription_id)
        await _failed(deps, each, Later("an error of ours; the log has it"))
    else:
        async with deps.begin() as db:
            await notifications.sent(db, each)
        log.info("notification_sent", notification=each.id, subscription=each.subscription_id, kind=each.event)


async def _hand_over(deps: Deps, each: Outgoing, trust: ssl.SSLContext | None) -> None:
    settings, delivery = deps.settings, str(each.delivery)
    key = settings.secret_key.get_secret_value()
    if each.channel is Channel.MAIL:
        link = unsubscribing(key, settings.public_url, each.subscription_id)
        letter = Letter(
            to=each.address, said=each.payload, delivery=delivery, created_at=each.created_at, unsubscribing=link
        )
        await mail.send(settings, letter, trust)
        return
    secret = unseal(key, each.secret or b"")
    if secret is None:
        raise Gone("its secret was sealed under another RIGLINE_SECRET_KEY; make it anew")
    allowed = settings.notify_hosts
    await webhook.send(each.address, each.payload, delivery=delivery, secret=secret, allowed=allowed, trust=trust)


async def _failed(deps: Deps, each: Outgoing, problem: Exception) -> None:
    """Wait and try again; what is refused too often, or never arrives, ends the subscription and is said aloud."""
    tries = each.tries + 1
    is_refused = isinstance(problem, Gone) or (isinstance(problem, Refused) and tries >= REFUSALS)
    about = {"notification": each.id, "subscription": each.subscription_id, "error": str(problem)[:200]}
    async with deps.begin() as db:
        if is_refused or tries >= MOST_TRIES:
            await notifications.give_up(db, each, str(problem))
            if await subscriptions.end(db, each.subscription_id, f"it could not be told: {problem}"):
                text = f"{each.channel} subscription {each.subscription_id} ended: {problem}"
                await alerts.raise_(db, ALERT, f"subscription {each.subscription_id}", text)
            log.warning("subscription_ended", **about)
        else:
            wait_s = getattr(problem, "wait_s", None) or backoff(each.tries)
            await notifications.postpone(db, each, wait_s, str(problem))
            log.warning("notification_postponed", **about, wait_s=round(wait_s, 1))


def backoff(tries: int) -> float:
    """Give the seconds before the next try: doubling, bounded, and spread so that many do not come at once."""
    wait_s: float = min(FIRST_WAIT_S * 2 ** min(tries, 20), LONGEST_WAIT_S)
    return wait_s * random.uniform(0.7, 1.3)  # noqa: S311
