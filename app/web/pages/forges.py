"""The forges: as whom we call each, and when each last reached us about which repository."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from quart import Response

from app.db.queries import repositories as queries
from app.deps import Deps
from app.web.pages.answer import PAGE, answer, deps, number, page
from integrations.forge import Forge, ForgeError

ASKED_S = 4.0  # for one forge; all are asked at once


@dataclass(frozen=True, kw_only=True)
class ForgeRow:
    """One forge."""

    name: str
    url: str  # where its webhooks have to lead
    connected: bool  # something speaks to it or listens: what the settings hold, or a repository of it
    account: str | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class ConnectionRow:
    """One repository and its connection."""

    forge: str
    full_name: str
    hook_id: int | None
    installation_id: int | None
    heard_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ForgesView:
    """`/forges`."""

    forges: list[ForgeRow]
    items: list[ConnectionRow]
    next: int | None
    first: bool


@page("/forges")
async def forges() -> Response:
    """Show the forges, and page by page the repositories on them."""
    after = number("after")
    async with deps().begin() as db:
        rows = await queries.list_(db, after=after or 0, limit=PAGE + 1)
        served = await queries.forges_served(db)
    names = ("forge", "full_name", "hook_id", "installation_id", "heard_at")
    items = [ConnectionRow(**{name: row[name] for name in names}) for row in rows[:PAGE] if row["forge_id"] is not None]
    view = ForgesView(
        forges=list(await asyncio.gather(*(_row(deps(), each, served) for each in deps().forges.values()))),
        items=items,
        next=rows[PAGE - 1]["id"] if len(rows) > PAGE else None,
        first=after is None,
    )
    return await answer("forges.html", view)


async def _row(of: Deps, forge: Forge, served: set[str]) -> ForgeRow:
    url = f"{of.settings.public_url}/webhooks/{forge.name}"
    if not of.settings.is_connected(forge.name) and forge.name not in served:
        return ForgeRow(name=forge.name, url=url, connected=False, account=None, problem=None)
    account, problem = await _account(forge)
    return ForgeRow(name=forge.name, url=url, connected=True, account=account, problem=problem)


async def _account(forge: Forge) -> tuple[str | None, str | None]:
    """Ask as whom we call a forge: the account, and what is wrong."""
    account, problem = None, None
    try:
        async with asyncio.timeout(ASKED_S):
            me = await forge.whoami()  # remembered once it is known
        account = me.name if me else None
    except TimeoutError:
        problem = "it does not answer"
    except ForgeError as refused:
        problem = str(refused)
    return account, problem
