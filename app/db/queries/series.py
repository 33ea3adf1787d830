"""Series: found, made, listed. Their measurements are in `measurements` (written) and `points` (read)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Repository
from app.db.queries import arrays
from app.db.tables import series

FILTERS = ("branch", "board_type", "configuration", "benchmark", "metric")
ORDER = ("benchmark", "metric", "board_type", "configuration", "branch", "id")
BEGINNINGS = {"benchmark": 100, "metric": 60}  # characters of names in the indexes
NEWEST = 20_000  # series that are looked at for what the filters can be

_OF = ("benchmark", "params", "version", "metric", "unit", "better")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where measurements were taken: what a series has besides its identity."""

    repository_id: int
    branch: str
    board_type: str
    configuration: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """A series as a new measurement meets it."""

    id: int
    unit: str  # in which all of its measurements are kept
    step: float | None  # see app.results.steps
    step_samples: int


async def ids(db: AsyncConnection, place: Place, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Known]:
    """Find the series by identity, making those that are new with the given fields; gives identity → series.

    Looks before it inserts: an insert that meets a conflict would use up a number each time.
    """
    found = await _known(db, place, list(wanted))
    new = sorted(wanted.keys() - found.keys())
    if new:
        await db.execute(_add(place, [{"identity": identity, **wanted[identity]} for identity in new]))
        found |= await _known(db, place, new)
    return found


async def _known(db: AsyncConnection, place: Place, identities: Sequence[str]) -> dict[str, Known]:
    asked = sa.select(*(series.c[name] for name in ("identity", "id", "unit", "step", "step_samples"))).where(
        *(series.c[name] == value for name, value in vars(place).items()),
        arrays.is_in(series.c.identity, identities),
    )
    return {
        identity: Known(id=series_id, unit=unit, step=step, step_samples=samples)
        for identity, series_id, unit, step, samples in await db.execute(asked)
    }


def _add(place: Place, rows: Sequence[Mapping[str, Any]]) -> sa.Insert:
    names = ("identity", *_OF)
    new = arrays.rows(
        "new", {name: ([row[name] for row in rows], JSONB if name == "params" else sa.Text) for name in names}
    )
    where = [sa.literal(value, type_=series.c[name].type).label(name) for name, value in vars(place).items()]
    chosen = sa.select(*where, *(new.c[name] for name in names))
    return insert(series).from_select([*vars(place), *names], chosen).on_conflict_do_nothing()


async def know_steps(db: AsyncConnection, steps: Mapping[int, tuple[float, int]]) -> None:
    """Keep of some series the step of their samples, and how many samples it is known by."""
    if not steps:
        return
    said = arrays.rows(
        "said",
        {
            "id": (list(steps), sa.Integer),
            "step": ([step for step, _ in steps.values()], sa.Double),
            "samples": ([samples for _, samples in steps.values()], sa.Integer),
        },
    )
    change = sa.update(series).where(series.c.id == said.c.id).values(step=said.c.step, step_samples=said.c.samples)
    await db.execute(change)


def chosen(repository_id: int | None, filters: Mapping[str, str | Sequence[str]]) -> list[sa.ColumnElement[bool]]:
    """Write conditions that the indexes can answer: each filter is one value, or some of which one must fit."""
    found: list[sa.ColumnElement[bool]] = []
    if repository_id is not None:
        found.append(series.c.repository_id == repository_id)
    for name in (*FILTERS, "unit"):
        if name not in filters:
            continue
        given = filters[name]
        values = [given] if isinstance(given, str) else list(given)
        found.append(_is_one_of(series.c[name], values))
        if name in BEGINNINGS:
            found.append(_is_one_of(beginning(series, name), [each[: BEGINNINGS[name]] for each in values]))
    return found


def _is_one_of(column: sa.ColumnElement[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else arrays.is_in(column, values)


def beginning(of: Any, name: str) -> sa.ColumnElement[str]:
    """Write the expression of the indexes; a bound number would not be recognised in it."""
    return sa.func.left(of.c[name], sa.literal_column(str(BEGINNINGS[name])))


def by_name(of: Any = series) -> list[sa.ColumnElement[Any]]:
    """Give the order by benchmark, metric, board type, configuration, branch and id, as the indexes begin it."""
    return [*(beginning(of, name) for name in BEGINNINGS), *(of.c[name] for name in ORDER)]


async def list_(
    db: AsyncConnection,
    repository_id: int | None,
    filters: Mapping[str, str | Sequence[str]],
    *,
    default_branch: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> list[sa.RowMapping]:
    """List series by benchmark, metric, board type, configuration and branch.

    Args:
        default_branch: only those of each repository's default branch.
        after: id of the last series of the page before. What is added or removed meanwhile moves no page.
            Nothing comes after a series that is gone.
    """
    wanted = _with_repository().where(*chosen(repository_id, filters))
    if default_branch:
        wanted = wanted.where(series.c.branch == col(Repository.default_branch))
    order = [series.c.repository_id, *by_name()]
    if after is not None:
        last = series.alias("last")
        there = [last.c.repository_id, *by_name(last)]
        row = sa.select(*there).where(last.c.id == after).scalar_subquery()
        wanted = wanted.where(
            sa.tuple_(*order) > row,
            # The same again of what the index begins with: so it starts there.
            sa.tuple_(*order[:3]) >= sa.select(*there[:3]).where(last.c.id == after).scalar_subquery(),
        )
    return list((await db.execute(wanted.order_by(*order).limit(limit))).mappings())


async def get(db: AsyncConnection, series_id: int) -> sa.RowMapping | None:
    """Read one series with the name of its repository."""
    found: sa.RowMapping | None = (
        (await db.execute(_with_repository().where(series.c.id == series_id))).mappings().one_or_none()
    )
    return found


def _with_repository() -> sa.Select[Any]:
    return sa.select(series, col(Repository.forge), col(Repository.full_name)).join_from(
        series, Repository, col(Repository.id) == series.c.repository_id
    )


async def choices(
    db: AsyncConnection, repository_id: int, name: str, *, branch: str | None = None, limit: int = 200
) -> list[str]:
    """List the values that one of FILTERS has among a repository's series, or those of one branch.

    Branches are all there are, in their order. Of the rest, where no branch is named, the newest NEWEST series
    are looked at: a repository with thousands of pull requests has millions.
    """
    if name == "branch":
        return await _branches(db, repository_id, limit=limit)
    mine = sa.select(series.c[name]).where(series.c.repository_id == repository_id)
    if branch is None:
        looked_at = mine.order_by(series.c.id.desc()).limit(NEWEST).subquery()
    else:
        looked_at = mine.where(series.c.branch == branch).limit(NEWEST).subquery()
    value = looked_at.c[name]
    return list((await db.execute(sa.select(value).distinct().order_by(value).limit(limit))).scalars())


async def _branches(db: AsyncConnection, repository_id: int, *, limit: int) -> list[str]:
    """Go from one branch to the next by the index, past the many series of each."""
    mine = sa.select(series.c.branch).where(series.c.repository_id == repository_id)
    first = mine.order_by(series.c.branch).limit(1).subquery()
    walk = sa.select(first.c.branch.label("branch"), sa.literal(1).label("number")).cte("walk", recursive=True)
    other = series.alias("other")
    after = (
        sa.select(other.c.branch)
        .where(other.c.repository_id == repository_id, other.c.branch > walk.c.branch)
        .order_by(other.c.branch)
        .limit(1)
        .scalar_subquery()
    )
    more = sa.select(after, walk.c.number + 1).where(walk.c.branch.is_not(None), walk.c.number < limit)
    walk = walk.union_all(more)
    return [each for each in (await db.execute(sa.select(walk.c.branch))).scalars() if each is not None]
