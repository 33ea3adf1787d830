"""How much an outsider may ask for before somebody has looked at it, over all pull requests."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import outsiders
from app.db.queries.outsiders import Outsider
from app.reporting import wording
from app.settings import Settings


async def refusal(db: AsyncConnection, settings: Settings, repository_id: int, commit: str, who: Outsider) -> str:
    """Say why a commit is too much of one author, or of one owner of forks; empty: it is taken on.

    Holds a lock until the transaction ends, so that what is opened at the same time counts too.
    """
    await outsiders.lock(db, repository_id, who)
    for whose, found in (await outsiders.asked(db, repository_id, commit, who)).items():
        if found.unended >= settings.outsider_commits or found.unended_here > settings.outsider_commits:
            return wording.too_many(whose, found.unended or found.unended_here)
        if found.lately >= settings.outsider_commits_hourly:
            return wording.too_many_lately(whose, found.lately)
    return ""
