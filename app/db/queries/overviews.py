"""What the overview and the list of series show of each series beside its points."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from app.db.fixed import PLAN_ANEW, PLAN_ONCE
from app.db.models import Triage
from app.db.queries import series as series_of
from app.db.queries.measurements import MADE_AT
from app.db.tables import analysis, change_point, commit, job, pipeline, series, shift

SORTS = ("name", "shift", "noise")
OPEN = (Triage.NEW, Triage.ACKNOWLEDGED)  # of alerts: somebody has to do something
MOST_GROUPS = 2000
RECENT = 100  # pipelines of a branch that say how its boards do
_CHOICES = ("branch", "board_type", "configuration", "metric", "unit")


async def choices(db: AsyncConnection, repository_id: int, branch: str | None) -> dict[str, list[str]]:
    """List what each facet can be among the series of a branch, or of the newest ones of all."""
    return {name: await series_of.choices(db, repository_id, name, branch=branch) for name in _CHOICES}


def _last_shift() -> LateralFromClause:
    """Give the newest change point of a series that stands."""
    return (
        sa.select(
            *(change_point.c[name] for name in ("shift_id", "change", "is_worse", "before", "after")),
            commit.c.sha,
            MADE_AT.label("shifted_at"),
        )
        .join_from(change_point, commit, commit.c.id == change_point.c.until_commit_id)
        .where(change_point.c.series_id == series.c.id, change_point.c.gone_at.is_(None))
        .order_by(MADE_AT.desc(), change_point.c.id.desc())
        .limit(1)
        .lateral("last")
    )


async def listed(
    db: AsyncConnection,
    repository_id: int,
    filters: Mapping[str, Sequence[str]],
    *,
    search: str | None,
    sort: str,
    after: int,
    limit: int,
) -> list[sa.RowMapping]:
    """List series with their level, noise and newest shift.

    Args:
        search: a part of the benchmark's name, in any case.
        sort: one of SORTS, with a minus for the other way round; by shift and noise the largest come first.
        after: rows before the first.
    """
    last = _last_shift()
    wanted = (
        sa.select(series, analysis.c.level, analysis.c.sigma, last)
        .outerjoin_from(series, analysis, analysis.c.series_id == series.c.id)
        .outerjoin(last, sa.true())
        .where(*series_of.chosen(repository_id, filters), *_like(search))
        .order_by(*_order(sort, last))
        .offset(after)
        .limit(limit)
    )
    return list((await db.execute(wanted)).mappings())


def _like(search: str | None) -> list[sa.ColumnElement[bool]]:
    return [series.c.benchmark.icontains(search, autoescape=True)] if search else []


def _order(sort: str, last: LateralFromClause) -> list[sa.ColumnElement[Any]]:
    name, back = sort.removeprefix("-"), sort.startswith("-")
    by_name = series_of.by_name()  # as the index has it
    keys = {"shift": sa.func.abs(last.c.change), "noise": analysis.c.sigma}
    if name in keys:
        return [(keys[name].asc() if back else keys[name].desc()).nulls_last(), *by_name]
    return [by_name[0].desc() if back else by_name[0], *by_name[1:]]


async def groups(db: AsyncConnection, repository_id: int, branch: str, *, members: int) -> list[sa.RowMapping]:
    """Sum the series of a branch up by the group in the benchmark's name, metric, board type and configuration.

    Args:
        members: ids of the first so many series of each group are listed, oldest first.
    """
    has_group = series.c.benchmark.contains("/")
    mine = (
        sa.select(
            sa.case((has_group, sa.func.split_part(series.c.benchmark, "/", 1)), else_="").label("group"),
            *(series.c[name] for name in ("metric", "board_type", "configuration", "better", "id")),
        )
        .where(series.c.repository_id == repository_id, series.c.branch == branch)
        .cte("mine")
        .prefix_with("MATERIALIZED")  # else thousands of names are sorted for a few groups
    )
    keys = [mine.c[name] for name in ("group", "metric", "board_type", "configuration")]
    wanted = (
        sa.select(
            *keys,
            sa.func.min(mine.c.better).label("better"),
            sa.func.count().label("benchmarks"),
            sa.func.array_agg(aggregate_order_by(mine.c.id, mine.c.id), type_=ARRAY(sa.Integer))[1:members].label(
                "members"
            ),
        )
        .group_by(*keys)
        .order_by(*keys)
        .limit(MOST_GROUPS)
    )
    return list((await db.execute(wanted)).mappings())


async def open_shifts(db: AsyncConnection, repository_id: int, *, limit: int) -> list[sa.RowMapping]:
    """List the alerts that somebody has to look at, those for the worse first, each with its largest change."""
    largest = (
        sa.select(
            *(series.c[name] for name in ("benchmark", "metric", "unit", "board_type", "configuration")),
            *(change_point.c[name] for name in ("before", "after", "change", "is_worse")),
            sa.func.count().over().label("series"),
        )
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .where(change_point.c.shift_id == shift.c.id, change_point.c.gone_at.is_(None))
        .order_by(change_point.c.is_worse.desc().nulls_last(), sa.func.abs(change_point.c.change).desc())
        .limit(1)
        .lateral("largest")
    )
    fields = ("id", "branch", "state", "opened_at")
    worst_first = (shift.c.is_worse.desc(), shift.c.id.desc())
    mine = sa.select(shift.c.id).where(shift.c.repository_id == repository_id, shift.c.state.in_(OPEN))
    few = mine.order_by(*worst_first).limit(limit)  # cut before anything is summed up
    wanted = (
        sa.select(*(shift.c[name] for name in fields), commit.c.sha, commit.c.title, largest)
        .join_from(shift, commit, commit.c.id == shift.c.until_commit_id)
        .join(largest, sa.true())
        .where(shift.c.id.in_(few.correlate(None)))
        .order_by(*worst_first)
    )
    return list((await db.execute(wanted)).mappings())


async def targets(db: AsyncConnection, repository_id: int, branch: str, *, limit: int = 200) -> list[sa.RowMapping]:
    """Read the newest job of each board type and configuration among the last pipelines of a branch."""
    recent = (
        sa.select(pipeline.c.id, pipeline.c.commit)
        .where(pipeline.c.repository_id == repository_id, pipeline.c.branch == branch)
        .where(pipeline.c.pull_request.is_(None))
        .order_by(pipeline.c.id.desc())
        .limit(RECENT)
        .subquery("recent")
    )
    wanted = (
        sa.select(
            job.c.board_type,
            job.c.configuration,
            job.c.id.label("job_id"),
            job.c.state,
            recent.c.commit,
            sa.func.coalesce(job.c.ended_at, job.c.created_at).label("at"),
        )
        .join_from(recent, job, job.c.pipeline_id == recent.c.id)
        .where(job.c.replaced.is_(False))
        .ext(distinct_on(job.c.board_type, job.c.configuration))
        .order_by(job.c.board_type, job.c.configuration, job.c.id.desc())
        .limit(limit)
    )
    await db.execute(PLAN_ANEW)
    found = list((await db.execute(wanted)).mappings())
    await db.execute(PLAN_ONCE)
    return found
