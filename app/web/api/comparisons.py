"""Comparisons: run two commits by turns on the same boards, and read what came out."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict, Field

from app.db.models import ComparisonKind, Priority, Trigger
from app.db.queries import comparisons, repositories
from app.deps import Deps
from app.dispatch.plan import PipelineRequest
from app.dispatch.sides import MOST_REPEATS
from app.errors import NotFound
from app.history.looks import MOST_PAIRS
from app.history.paired import LEAST_PAIRS
from app.history.verdict import Verdict
from app.rights import Right
from app.web.api.dispatching import Work, opened, repository_of
from app.web.api.operations import INT4, Given, Told, operation
from app.web.api.paging import LONGEST_PAGE, USUAL_PAGE, Page, Paged, page
from app.web.api.pipelines import PipelineTold
from app.web.api.words import Commit, Word
from app.web.auth import Actor
from builders.protocol import COMPARE_S, MAX_JOB_S, Kind


class Compare(Work):
    """Two commits of one repository, and where they are held against each other."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"repository": "acme/app", "base": "0" * 40, "head": "1" * 40}]}
    )
    base: Commit
    head: Commit = Field(description="its samples become a point of its history too; the same as base: noise alone")
    pairs: int = Field(default=MOST_PAIRS, ge=LEAST_PAIRS, le=MOST_PAIRS, description="at most; fewer if they suffice")
    budget_s: float = Field(
        default=COMPARE_S,
        gt=0,
        le=MAX_JOB_S,
        allow_inf_nan=False,
        description="no pair is begun so long after the first",
    )
    repeat: int = Field(default=1, ge=1, le=MOST_REPEATS, description="run phases in each turn of a side")


class ComparisonFilter(Paged):
    """Which comparisons; every condition must hold."""

    repository: Word | None = Field(default=None, description="full name")
    base: Commit | None = None
    head: Commit | None = None
    pipeline: int | None = Field(default=None, ge=1, le=INT4)
    job: int | None = Field(default=None, ge=1, le=INT4)


class ComparisonTold(Told):
    """One commit held against another on one target."""

    id: int
    repository: str
    pipeline_id: int
    job_id: int
    board: str | None
    board_type: str
    configuration: str
    kind: ComparisonKind = Field(description="interleaved: by turns on one board; apart: in jobs of their own")
    base: str
    head: str
    pairs: int = Field(description="measured of both, the warm-up not counted")
    looks: int = Field(description="how often it was judged")
    base_binary: str | None = Field(description="SHA-256 of what was run, if it is known")
    head_binary: str | None
    is_over: bool = Field(description="no more pairs come")
    note: str = Field(description="what kept it from knowing more")
    counts: dict[str, int] = Field(description="verdict → rows")
    ratio: float | None = Field(description="geometric mean of head to base; above 1 is worse")
    started_at: datetime
    judged_at: datetime | None


class RowFilter(Given):
    """Which rows. They are ordered by what they are of, so the cursor counts rows."""

    cursor: int = Field(default=0, ge=0, le=INT4, description="`next` of the page before; nothing for the first page")
    limit: int = Field(default=USUAL_PAGE, ge=1, le=LONGEST_PAGE, description="items of one page")
    verdict: Verdict | None = None


class RowTold(Told):
    """One metric of a comparison. Changes are relative, of head to base as measured: 0.05 is five percent more."""

    identity: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    verdict: Verdict
    change: float | None
    low: float | None = Field(description="interval of the change")
    high: float | None
    p: float | None = Field(description="of this metric alone, before corrections")
    fails: bool = Field(description="bad and certain enough to fail a status")
    note: str
    base_values: list[float] = Field(description="median of each pair's samples, in the unit")
    head_values: list[float]


@operation(
    "POST",
    "/comparisons",
    right=Right.DISPATCH,
    finds_place=True,
    body=Compare,
    answer=PipelineTold,
    status=HTTPStatus.CREATED,
)
async def compare(deps: Deps, *, actor: Actor, body: Compare) -> PipelineTold:
    """Build two commits and run them by turns on the same boards, until enough is known or the budget ends.

    The pipeline's comparisons appear at the first look, after 8 pairs. 422 for a board, configuration or remote that
    does not exist or is not allowed, or that cannot compare; 404 for an unknown repository; 409 while no board is
    registered.
    """
    repository_id = await repository_of(deps, actor, body)
    return await opened(deps, _request(body, repository_id, actor), actor)


def _request(body: Compare, repository_id: int, actor: Actor) -> PipelineRequest:
    return PipelineRequest(
        repository_id=repository_id,
        commit=body.head,
        kind=Kind.RUN,
        trigger=Trigger.DISPATCH,
        trust=f"dispatched by {actor.name}",
        requested_by=actor.name,
        compare_with=body.base,
        compare_why=f"named by {actor.name}"[:200],
        interleaved=True,
        pairs=body.pairs,
        budget_s=body.budget_s,
        limit_s=body.seconds,
        repeat=body.repeat,
        boards=body.boards,
        tags=body.tags,
        configurations=body.configurations,
        token=body.token.get_secret_value() if body.token else None,
        priority=Priority.BRANCH,
    )


@operation("GET", "/comparisons", query=ComparisonFilter, answer=Page[ComparisonTold])
async def list_comparisons(deps: Deps, *, query: ComparisonFilter) -> Page[ComparisonTold]:
    """List comparisons, the newest first."""
    async with deps.begin() as db:
        filters = {"base": query.base, "head": query.head, "pipeline_id": query.pipeline, "job_id": query.job}
        if query.repository is not None:
            known = await repositories.by_name(db, query.repository)
            if known is None:
                raise NotFound(f"There is no repository {query.repository} here.")
            filters["repository_id"] = int(known["id"])
        found = await comparisons.list_(db, filters, before=query.cursor or None, limit=query.limit + 1)
    return page([ComparisonTold(**each) for each in found], limit=query.limit)


@operation("GET", "/comparisons/{comparison_id}", answer=ComparisonTold)
async def show_comparison(deps: Deps, *, comparison_id: int) -> ComparisonTold:
    """Read one comparison; its rows are a list of their own."""
    async with deps.begin() as db:
        found = await comparisons.get(db, comparison_id)
    if found is None:
        raise NotFound(f"There is no comparison {comparison_id}.")
    return ComparisonTold(**found)


@operation("GET", "/comparisons/{comparison_id}/rows", query=RowFilter, answer=Page[RowTold])
async def list_comparison_rows(deps: Deps, *, comparison_id: int, query: RowFilter) -> Page[RowTold]:
    """List the metrics of a comparison by name, each with its verdict, its change and the pairs."""
    await show_comparison(deps, comparison_id=comparison_id)
    async with deps.begin() as db:
        found = await comparisons.rows(
            db, comparison_id, verdict=query.verdict, after=query.cursor, limit=query.limit + 1
        )
    items = [RowTold(**each) for each in found[: query.limit]]
    return Page(items=items, next=query.cursor + query.limit if len(found) > query.limit else None)
