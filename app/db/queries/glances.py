"""What the overview of the service counts and lists of all repositories and boards together."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health
from app.db.queries import builders
from app.db.queries.placing import is_free
from app.db.tables import board, builder, change_point, commit, comparison, job, pipeline, repository, series, shift
from app.states import JobState

_now = sa.func.now()
_IS_OUT = sa.or_(
    board.c.health.not_in([Health.GOOD, Health.UNKNOWN]),
    builder.c.state != BuilderState.ACTIVE,
    board.c.held_until > _now,
)


async def boards_by_standing(db: AsyncConnection) -> dict[tuple[str, str], int]:
    """Count the offered boards by availability, in the words of `pages.rows`, and health."""
    is_away = sa.not_(sa.func.coalesce(builders.is_alive(), sa.false()))
    availability = sa.case(
        (sa.not_(is_free(board)), "busy"),
        (_IS_OUT, "held back"),
        (is_away, "away"),
        (sa.and_(board.c.health == Health.UNKNOWN, board.c.check_every_s.is_not(None)), "to be checked"),
        else_="free",
    )
    wanted = (
        sa.select(availability.label("availability"), board.c.health, sa.func.count())
        .select_from(board.join(builder, builder.c.id == board.c.builder_id))
        .where(board.c.offered, builder.c.state != BuilderState.RETIRED)
        .group_by(sa.literal_column("1"), board.c.health)
    )
    return {(row[0], row[1].value): row[2] for row in await db.execute(wanted)}


async def ended_by_day(db: AsyncConnection, first: date, last: date) -> dict[date, dict[tuple[int, JobState], int]]:
    """Count the jobs that ended on some days (UTC), by repository and state; checks of boards are no jobs here."""
    day = sa.cast(sa.func.timezone("UTC", job.c.ended_at), sa.Date)
    begin, end = (sa.func.timezone("UTC", sa.cast(sa.literal(each), sa.TIMESTAMP)) for each in (first, last))
    wanted = (
        sa.select(day.label("day"), pipeline.c.repository_id, job.c.state, sa.func.count().label("jobs"))
        .select_from(job.join(pipeline, pipeline.c.id == job.c.pipeline_id))
        .where(job.c.ended_at >= begin, job.c.ended_at < end + sa.text("interval '1 day'"), job.c.board_id.is_(None))
        .group_by(day, pipeline.c.repository_id, job.c.state)
    )
    found: dict[date, dict[tuple[int, JobState], int]] = {}
    for row in await db.execute(wanted):
        found.setdefault(row.day, {})[row.repository_id, JobState(row.state)] = row.jobs
    return found


async def newest_shifts(db: AsyncConnection, *, limit: int) -> list[sa.RowMapping]:
    """List the newest alerts of all repositories, each with its largest change."""
    largest = (
        sa.select(
            *(series.c[name] for name in ("benchmark", "metric", "board_type")),
            *(change_point.c[name] for name in ("change", "is_worse")),
        )
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .where(change_point.c.shift_id == shift.c.id, change_point.c.gone_at.is_(None))
        .order_by(change_point.c.is_worse.desc().nulls_last(), sa.func.abs(change_point.c.change).desc())
        .limit(1)
        .lateral("largest")
    )
    few = sa.select(shift.c.id).order_by(shift.c.id.desc()).limit(limit)
    told = (repository.c.forge, repository.c.full_name, commit.c.sha, commit.c.title)
    wanted = (
        sa.select(shift.c.id, shift.c.state, shift.c.branch, shift.c.opened_at, *told, largest)
        .join_from(shift, repository, repository.c.id == shift.c.repository_id)
        .join(commit, commit.c.id == shift.c.until_commit_id)
        .join(largest, sa.true())
        .where(shift.c.id.in_(few.correlate(None)))
        .order_by(shift.c.id.desc())
    )
    return list((await db.execute(wanted)).mappings())


async def newest_answers(db: AsyncConnection, *, limit: int) -> list[sa.RowMapping]:
    """List the comparisons that were judged last, of all repositories."""
    told: list[Any] = [comparison.c[name] for name in ("id", "job_id", "base", "head", "kind", "board_type")]
    told += [comparison.c[name] for name in ("configuration", "counts", "judged_at")]
    wanted = (
        sa.select(*told, pipeline.c.pull_request, pipeline.c.title, repository.c.forge, repository.c.full_name)
        .join_from(comparison, pipeline, pipeline.c.id == comparison.c.pipeline_id)
        .join(repository, repository.c.id == comparison.c.repository_id)
        .where(comparison.c.is_over, comparison.c.judged_at.is_not(None))
        .order_by(comparison.c.id.desc())
        .limit(limit)
    )
    return list((await db.execute(wanted)).mappings())
