"""What has not ended: the line before the boards, each job's place and what it waits for; and the service in sum."""

from datetime import datetime

from pydantic import Field

from app.db.models import Priority
from app.db.queries import alerts, line, why
from app.deps import Deps
from app.states import JobState
from app.web.api.job_answers import WaitsTold
from app.web.api.operations import Told, operation
from app.web.api.paging import Page, Paged, page
from app.web.api.series import repository
from app.web.api.words import Word
from builders.protocol import Kind, Phase


class QueueFilter(Paged):
    """Which open jobs; every condition must hold."""

    board_type: Word | None = None
    repository: Word | None = Field(default=None, description="full name")
    state: JobState | None = Field(default=None, description="an open one; none: all of them")


class QueueRow(Told):
    """One job that has not ended."""

    id: int
    pipeline_id: int
    state: JobState
    kind: Kind
    board_type: str
    board: str | None = Field(description="the only board of the type that was asked for; null: any")
    configuration: str
    tags: list[str]
    priority: Priority
    queued_at: datetime | None
    forge: str
    repository: str
    commit: str
    branch: str | None
    pull_request: int | None
    place: int | None = Field(
        description="in the line of its board type, 1 first, by class and waiting; fair shares may let another go "
        "before it; null: it is in no queue"
    )
    waits: WaitsTold | None = Field(description="null: it is in no queue")
    builder: str | None = Field(description="that has it; null: none")
    on_board: str | None
    phase: Phase | None
    opened_at: datetime | None = Field(description="since when it has the board")


class Overview(Told):
    """The service in sum."""

    jobs: dict[str, int] = Field(description="open ones by state")
    builders: dict[str, int] = Field(description="by state")
    boards: dict[str, int] = Field(description="by health")
    repositories: int = Field(description="that are served")
    alerts: int = Field(description="open ones of the service, at most 200 are counted")


MOST_ALERTS = 200


@operation("GET", "/queue", query=QueueFilter, answer=Page[QueueRow])
async def list_queue(deps: Deps, *, query: QueueFilter) -> Page[QueueRow]:
    """List the jobs that have not ended, by id, with their place in the line and what they wait for."""
    async with deps.begin() as db:
        repository_id = await repository(db, query.repository) if query.repository else None
        found = await line.open_jobs(
            db,
            board_type=query.board_type,
            repository_id=repository_id,
            state=query.state,
            after=query.cursor,
            limit=query.limit + 1,
        )
        ids = [row["id"] for row in found if row["state"] == JobState.QUEUED]
        places, reasons = await line.places(db, ids), await why.waits(db, ids, deps.settings.caps)
    told = {job_id: WaitsTold(name=each.name, text=each.text) for job_id, each in reasons.items()}
    rows = [QueueRow(**{**row, "place": places.get(row["id"]), "waits": told.get(row["id"])}) for row in found]
    return page(rows, limit=query.limit)


@operation("GET", "/overview", answer=Overview)
async def show_overview(deps: Deps) -> Overview:
    """Count what there is now: open jobs, builders, boards, repositories, alerts."""
    async with deps.begin() as db:
        counted = await line.totals(db)
        raised = await alerts.list_(db, resolved=False, before=None, limit=MOST_ALERTS)
    return Overview(**counted, alerts=len(raised))
