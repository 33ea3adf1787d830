"""Remove what was kept long enough, in portions: each is a short transaction, and any number of workers may do it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import kept, kept_answers, kept_kinds, outlived, removal
from app.db.queries.kept import Due, Kind
from app.deps import Deps
from app.errors import Conflict
from app.settings import Settings

AT_ONCE = 20  # rows whose logs, artefacts or files one transaction removes; of samples fewer
PORTIONS = 50  # of one round
ANSWERS = 1000  # that one transaction forgets

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]

log = structlog.get_logger()


class Remover:
    """Goes round by round; remembers how far it looked through the pipelines, most of which stay."""

    def __init__(self, begin: Begin, settings: Settings) -> None:
        self._begin, self._settings = begin, settings
        self._after = 0

    async def round(self) -> bool:
        """Do one round of small transactions; say whether there may be more to remove."""
        there_is_more = False
        for kind in kept_kinds.KINDS:
            there_is_more |= await self._some(kind)
        return await self._pipelines() or there_is_more

    async def _some(self, kind: Kind) -> bool:
        days: int = getattr(self._settings, kind.setting)
        at_once = min(AT_ONCE, kind.most)
        removed = found = 0
        for _ in range(PORTIONS):
            async with self._begin() as db:
                found = await kept.remove(db, kind, days=days, at_once=at_once)
            removed += found
            if found < at_once:
                break
        if removed:
            log.info("removed_old", what=kind.name, of=removed, days=days)
        return found == at_once

    async def _pipelines(self) -> bool:
        """Remove pipelines that nothing needs; say whether there are some that were not looked at yet."""
        removed = 0
        for _ in range(PORTIONS):
            async with self._begin() as db:
                found, last = await outlived.some(db, days=self._settings.keep_pipelines_days, after=self._after)
            removed += sum([await self._pipeline(each) for each in found])
            self._after = last or 0
            if last is None:
                break
        if removed:
            log.info("removed_old", what="pipelines", of=removed)
        return self._after > 0

    async def _pipeline(self, pipeline_id: int) -> bool:
        try:
            async with self._begin() as db:
                return not await removal.remove_pipeline(db, pipeline_id)
        except (Conflict, sa.exc.IntegrityError) as needed:  # something came to need it meanwhile
            log.info("pipeline_stays", pipeline=pipeline_id, why=str(needed)[:200])
            return False


async def forget_answers(deps: Deps) -> int:
    """Forget the answers that were kept for requests with an Idempotency-Key; return how many."""
    forgotten = 0
    for _ in range(PORTIONS):
        async with deps.begin() as db:
            found = await kept_answers.forget_old(db, ANSWERS)
        forgotten += found
        if found < ANSWERS:
            break
    return forgotten


async def due(begin: Begin, settings: Settings) -> Mapping[str, list[Due]]:
    """Say what would be removed, without doing it: kind → rule by rule; without a rule that has anything: empty."""
    async with begin() as db:
        found = {
            kind.name: await kept.count(db, kind, days=getattr(settings, kind.setting)) for kind in kept_kinds.KINDS
        }
        return found | {outlived.RULE: await outlived.count(db, days=settings.keep_pipelines_days)}


def days_of(settings: Settings, name: str) -> int:
    """Say how long the settings keep a kind; 0: for ever."""
    by_name: dict[str, str] = {kind.name: kind.setting for kind in kept_kinds.KINDS}
    return int(getattr(settings, by_name.get(name, "keep_pipelines_days")))
