"""What jobs measured, for programs: the measurements of a job, or of a commit on all boards."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import points, results
from app.db.queries.points import Measurements
from app.deps import Deps
from app.errors import Invalid
from app.web.api.job_files import attempt_of
from app.web.api.operations import INT4, INT8, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE
from app.web.api.series import Places, repository
from app.web.api.words import Commit

MOST_EXECUTIONS = 200  # of one answer


class WhichMeasurements(Places):
    """Which measurements: of a commit or of a job. The cursor is the last one of the page before."""

    commit: Commit | None = None
    job: int | None = Field(default=None, ge=1, le=INT4, description="its latest attempt")
    samples: bool = Field(default=False, description="with the raw samples, as long as they are kept")
    cursor: int | None = Field(default=None, ge=0, le=INT8, description="`next` of the page before")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")


class MeasurementRow(Told):
    """What one attempt measured of one series, in the series' unit."""

    id: int
    series_id: int
    job_id: int | None = Field(description="null: it was imported")
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    value: float = Field(description="median of the samples")
    low: float
    high: float
    count: int = Field(description="of samples")
    samples: list[float] | None = Field(description="raw, if asked for; empty once they were kept long enough")
    resolution: float | None
    cap: float | None
    measured_at: datetime


class Execution(Told):
    """What one execution says besides its numbers."""

    job_id: int
    number: int = Field(description="of the run phase")
    side: str = Field(description="of a comparison: base or head; else head")
    pair: int | None = Field(description="of a comparison; pair 0 is thrown away")
    format: str | None = Field(description="null: nothing in the file was understood")
    note: str
    env: dict[str, Any]
    unmeasured: dict[str, str] = Field(description="benchmark → why it has no number")


class Measured(Told):
    """One page of measurements, in the order they were stored."""

    items: list[MeasurementRow]
    next: int | None = Field(description="cursor of the next page; null on the last one")
    executions: list[Execution] = Field(description=f"on the first page, at most {MOST_EXECUTIONS}")


@operation("GET", "/results", query=WhichMeasurements, answer=Measured)
async def list_results(deps: Deps, *, query: WhichMeasurements) -> Measured:
    """List what was measured at a commit, or by a job, in the order it was stored; and what each execution said."""
    async with deps.begin() as db:
        of = await _chosen(db, query)
        rows = await points.list_(db, of, query.filters(), after=query.cursor, limit=query.limit + 1)
        told = [] if query.cursor else await results.told(db, of, limit=MOST_EXECUTIONS)
    items = [_row(each, with_samples=query.samples) for each in rows[: query.limit]]
    return Measured(
        items=items,
        next=items[-1].id if len(rows) > query.limit else None,
        executions=[Execution(**each) for each in told],
    )


async def _chosen(db: AsyncConnection, query: WhichMeasurements) -> Measurements:
    if (query.commit is None) == (query.job is None):
        raise Invalid("Give either commit or job.")
    if query.job is not None:
        return Measurements(attempt_id=await attempt_of(db, query.job, None) or 0)
    repository_id = await repository(db, query.repository) if query.repository else None
    return Measurements(repository_id=repository_id, commit=query.commit)


def _row(row: Any, *, with_samples: bool) -> MeasurementRow:
    names = MeasurementRow.model_fields.keys() - {"samples"}
    return MeasurementRow(**{name: row[name] for name in names}, samples=row["samples"] if with_samples else None)
