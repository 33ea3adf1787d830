"""Where the link at the end of a mail leads: ends exactly that subscription, at the press of a button.

Reading the page ends nothing: programs that look at links in mails do so without being asked.
"""

from dataclasses import dataclass

from quart import Response

from app.db import sight
from app.db.queries import subscriptions
from app.handlers import subscriptions as deciding
from app.web.pages.answer import answer, deps, found, page, pages

LINK = "/unsubscribe/<token>"


@dataclass(frozen=True, kw_only=True)
class UnsubscribePage:
    """`/unsubscribe/{token}`."""

    repository: str | None  # full name; None: of all
    events: list[str]
    has_ended: bool


@page(LINK)
async def unsubscribing(token: str) -> Response:
    """Say what the link ends."""
    return await _shown(token)


@pages.post(LINK)
async def unsubscribe(token: str) -> Response:
    """End it: pressed on the page, or sent by a mail program (RFC 8058). The link alone is the right to."""
    await deciding.end_by_link(deps(), token)
    return await _shown(token)


async def _shown(token: str) -> Response:
    subscription_id = deciding.meant(deps(), token)
    sight.narrow(None)  # the link was sent to whoever subscribed
    async with deps().begin() as db:
        row = found(await subscriptions.get(db, subscription_id), f"subscription {subscription_id}")
    view = UnsubscribePage(
        repository=row.repository, events=[str(each) for each in row.events], has_ended=row.ended_at is not None
    )
    response = await answer("unsubscribe.html", view)
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the right to end it
    return response
