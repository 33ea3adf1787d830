"""Pages of the list of pipelines, by what people look for. Bounded work for each, however many pipelines there are.

The state of a pipeline is derived from its jobs. So that a page of one state looks at few others, the candidates are
those with a job that can make it so, by an index; or, where the state is usual and something else is asked for too,
those that are found by this. Their states are derived afterwards, a window at a time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import sight
from app.db.fixed import PLAN_A_PAGE, PLAN_AS_EVER
from app.db.models import Trigger
from app.db.queries import pipelines
from app.db.queries.pipelines import PipelineView
from app.db.tables import job, pipeline, repository
from app.states import ENDED, HELD, JobState

WINDOWS = (100, 500, 1500)  # candidates that are looked at for one page of a state, at most
RARE = 5000  # a state of fewer pipelines than this is rare
SLACK = timedelta(hours=1)  # no transaction that opens a pipeline takes as long
AFTER_HEX = "g"  # sorts after every digit of a hash, in any collation


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is looked for; every condition must hold."""

    commit: str | None = None  # a full hash or the beginning of one
    repository: str | int | None = None  # full name, or id of the row
    state: JobState | None = None
    branch: str | None = None
    pull_request: int | None = None
    requested_by: str | None = None
    since: datetime | None = None  # opened then or later


@dataclass(frozen=True, kw_only=True)
class Found:
    """One page, the newest first."""

    items: list[PipelineView]
    next: int | None  # `before` of the next page; it may be there although this page is short: more may be found there


async def page(db: AsyncConnection, asked: Asked, *, before: int | None = None, limit: int = 50) -> Found:
    """Find pipelines, without the checks of boards: those are with their boards.

    Args:
        before: `next` of the page above.
    """
    if isinstance(asked.repository, str):  # by its id an index has its pipelines in their order
        known = await _named(db, asked.repository)
        asked = replace(asked, repository=known[0] if len(known) == 1 else asked.repository)
    if asked.state is None:
        some = await _candidates(db, asked, before, limit + 1)
        items = await pipelines.of(db, some[:limit])
        return Found(items=items, next=some[limit - 1] if len(some) > limit else None)
    return await _of_state(db, asked, asked.state, before, limit)


async def _named(db: AsyncConnection, name: str) -> list[int]:
    wanted = sa.select(repository.c.id).where(sa.func.lower(repository.c.full_name) == name.lower())
    return list(await db.scalars(wanted))


async def list_(db: AsyncConnection, *, before: int | None = None, limit: int = 50, **asked: Any) -> list[PipelineView]:
    """List the newest pipelines, or those below an id; the conditions are those of `Asked`."""
    return (await page(db, Asked(**asked), before=before, limit=limit)).items


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Some candidates, the newest first."""

    ids: list[int]
    last: int | None  # the oldest that was looked at; None: there is none older


async def _of_state(db: AsyncConnection, asked: Asked, state: JobState, before: int | None, limit: int) -> Found:
    found: list[int] = []
    others = _conditions(asked)
    by_state = not others or await _is_rare(db, state)
    for size in (*WINDOWS, RARE) if by_state and others else WINDOWS:
        window = await (_by_state if by_state else _by_others)(db, asked, before, size)
        with sight.everything():  # these are seen: which of them are so needs no second look at that
            found += await pipelines.in_state(db, window.ids, state)
        before = window.last
        if len(found) > limit or before is None:
            break
    items = await pipelines.of(db, found[:limit])
    return Found(items=items, next=found[limit - 1] if len(found) > limit else before)


async def _is_rare(db: AsyncConnection, state: JobState) -> bool:
    """Tell whether all pipelines that may be so can be looked at."""
    some = _may_be(state, None, RARE).subquery("some")
    with sight.everything():
        return int(await db.scalar(sa.select(sa.func.count()).select_from(some)) or 0) < RARE


async def _by_state(db: AsyncConnection, asked: Asked, before: int | None, size: int) -> _Window:
    some = await _ids(db, _may_be(asked.state or JobState.ERRORED, before, size))
    wanted = sa.select(pipeline.c.id).where(
        pipeline.c.id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Integer)))
    )
    wanted = wanted.where(pipeline.c.trigger != Trigger.HEALTH, *_conditions(asked)).order_by(pipeline.c.id.desc())
    ids = list(await db.scalars(wanted, {"ids": some})) if some else []
    return _Window(ids=ids, last=some[-1] if len(some) == size else None)


async def _by_others(db: AsyncConnection, asked: Asked, before: int | None, size: int) -> _Window:
    ids = await _candidates(db, asked, before, size)
    return _Window(ids=ids, last=ids[-1] if len(ids) == size else None)


async def _candidates(db: AsyncConnection, asked: Asked, before: int | None, limit: int) -> list[int]:
    """List the ids of the newest that are meant, in whatever state."""
    wanted = sa.select(pipeline.c.id).where(pipeline.c.trigger != Trigger.HEALTH, *_conditions(asked))
    if before is not None:
        wanted = wanted.where(pipeline.c.id < before)
    return await _ids(db, wanted.order_by(pipeline.c.id.desc()).limit(limit))


async def _ids(db: AsyncConnection, wanted: sa.Select[Any]) -> list[int]:
    await db.execute(PLAN_A_PAGE)
    found = list(await db.scalars(wanted))
    await db.execute(PLAN_AS_EVER)
    return found


def _conditions(asked: Asked) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if asked.commit is not None:
        conditions.append(pipeline.c.commit.between(asked.commit, asked.commit + AFTER_HEX))
    if asked.repository is not None:
        conditions.append(_of(asked.repository))
    if asked.since is not None:
        conditions += [pipeline.c.created_at >= asked.since, pipeline.c.id > _last_before(asked.since)]
    same = {"branch": asked.branch, "pull_request": asked.pull_request, "requested_by": asked.requested_by}
    return conditions + [pipeline.c[name] == value for name, value in same.items() if value is not None]


def _of(named: str | int) -> sa.ColumnElement[bool]:
    if isinstance(named, int):
        return pipeline.c.repository_id == named
    known = sa.select(repository.c.id).where(sa.func.lower(repository.c.full_name) == named.lower())
    return pipeline.c.repository_id == sa.func.any(sa.func.array(known.scalar_subquery()))


def _last_before(moment: datetime) -> Any:
    """Give an id below all that were opened since: ids grow with time, but for the length of a transaction."""
    older = sa.select(pipeline.c.id).where(pipeline.c.created_at < moment - SLACK)
    newest = older.order_by(pipeline.c.created_at.desc()).limit(1).correlate(None)
    return sa.func.coalesce(newest.scalar_subquery(), 0)


def _may_be(state: JobState, before: int | None, limit: int) -> sa.Select[Any]:
    """List the newest pipelines with a job that makes them so, if no other one says otherwise."""
    its = sa.select(job.c.pipeline_id.label("id")).distinct().where(sa.not_(job.c.replaced))
    if state not in ENDED:
        meant = sorted({state} if state is not JobState.RUNNING else {*HELD, JobState.QUEUED})
        return _newest(its.where(job.c.state.in_(meant), job.c.ended_at.is_(None)), job.c.pipeline_id, before, limit)
    its = its.where(job.c.state == state, job.c.ended_at.is_not(None))
    its = _newest(its, job.c.pipeline_id, before, limit)
    if state is not JobState.ERRORED:
        return its
    unplanned = sa.select(pipeline.c.id).where(pipeline.c.error.is_not(None))  # what has no job is errored too
    unplanned = _newest(unplanned, pipeline.c.id, before, limit)
    both = sa.union(sa.select(its.subquery("its").c.id), sa.select(unplanned.subquery("unplanned").c.id)).subquery(
        "both"
    )
    return _newest(sa.select(both.c.id), both.c.id, None, limit)


def _newest(of: sa.Select[Any], id_: sa.ColumnElement[int], before: int | None, limit: int) -> sa.Select[Any]:
    below = of if before is None else of.where(id_ < before)
    return below.order_by(id_.desc()).limit(limit)
