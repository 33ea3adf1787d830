"""Erase all data of one repository: it is out of sight at once, and its rows go some at a time.

Its open jobs are cancelled first: a builder that is at one hears of it, and what it still says is refused.
"""

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import audit, belongings, removal, repositories
from app.deps import Deps
from app.dispatch.cancel import cancel_jobs
from app.errors import Conflict, Invalid, NotFound

EVERY_S = 5.0
LOCK = 0x7269_6707  # advisory: one worker at a time
AT_ONCE = 50  # jobs or pipelines
STEPS = 200  # of one round

log = structlog.get_logger()


async def counted(deps: Deps, repository_id: int) -> dict[str, int]:
    """Say how many rows of each table would go.

    Raises:
        NotFound: there is no such repository.
    """
    async with deps.begin() as db:
        await _found(db, repository_id)
        return await belongings.count(db, repository_id)


async def begin(deps: Deps, repository_id: int, *, confirm: str, actor: str) -> None:
    """Begin to erase a repository; nobody finds it any more, and it may be added anew.

    Args:
        confirm: its full name, typed by a person.
    Raises:
        NotFound: there is no such repository.
        Invalid: that is not its name.
    """
    async with deps.begin() as db:
        found = await _found(db, repository_id)
        if confirm != found["full_name"]:
            raise Invalid(f"confirm: is not the name of repository {repository_id}, which is {found['full_name']}")
        await belongings.hide(db, repository_id)
        await belongings.silence(db, repository_id)
        await belongings.empty_deliveries(db, repository_id)
        told = f"{found['forge']} {found['full_name']}, repository {repository_id}"
        await audit.record(db, "repository.erased", actor=actor, detail=told)


async def go_on(deps: Deps) -> bool:
    """Do one round of small transactions for each repository that is to go; say whether there was any."""
    async with deps.alone(LOCK) as is_ours:
        if not is_ours:
            return False
        async with deps.begin() as db:
            waiting = await belongings.erasing(db)
        for repository_id in waiting:
            await _cancel(deps, repository_id)
            async with deps.begin() as db:
                await belongings.silence(db, repository_id)  # what was on its way when it began
            if await _pipelines(deps, repository_id):
                await _rest(deps, repository_id)
        return bool(waiting)


async def _cancel(deps: Deps, repository_id: int) -> None:
    for _ in range(STEPS):
        async with deps.begin() as db:
            still_open = await belongings.open_jobs(db, repository_id, limit=AT_ONCE)
        if not still_open:
            return
        await cancel_jobs(deps, still_open, "service", belongings.CLOSED)


async def _pipelines(deps: Deps, repository_id: int) -> bool:
    """Delete pipelines that have ended; say whether none is left."""
    after, left = 0, 0
    for _ in range(STEPS):
        async with deps.begin() as db:
            found = await belongings.pipelines(db, repository_id, after=after, limit=AT_ONCE)
        if not found:
            return left == 0
        for pipeline_id in found:
            left += await _is_open(deps, pipeline_id)
        after = found[-1]
    return False


async def _is_open(deps: Deps, pipeline_id: int) -> bool:
    try:
        async with deps.begin() as db:
            return bool(await removal.remove_pipeline(db, pipeline_id))
    except Conflict:  # a status that came to be due meanwhile: it is closed in the next round
        return True


async def _rest(deps: Deps, repository_id: int) -> None:
    for _ in range(STEPS):
        async with deps.begin() as db:
            if not await belongings.erase_some(db, repository_id):
                log.info("repository_erased", repository=repository_id)
                return


async def _found(db: AsyncConnection, repository_id: int) -> sa.RowMapping:
    found = await repositories.get(db, repository_id)
    if found is None or found["clone_url"] == repositories.BOARDS or found["full_name"].startswith(belongings.ERASED):
        raise NotFound(f"There is no repository {repository_id}.")
    return found
