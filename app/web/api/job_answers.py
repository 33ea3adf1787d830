"""What answers say of jobs and attempts."""

from datetime import datetime
from typing import Any

from pydantic import Field

from app.db.models import Priority
from app.db.queries.why import Waits
from app.history.durations import Progress, Stage
from app.states import JobState
from app.web.api.operations import Told
from builders.protocol import Phase


class PhaseTold(Told):
    """How one phase went."""

    phase: Phase
    seconds: float
    exit_code: int | None = None


class AttemptTold(Told):
    """One try at a job."""

    id: int
    epoch: int = Field(description="1 for the first attempt")
    builder: str
    board: str
    phase: Phase | None = Field(description="where it is now, or where it ended if it did not pass")
    phases: list[PhaseTold]
    opened_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    outcome: JobState | None
    reason: str
    exit_code: int | None
    log_size: int = Field(description="bytes that can be read now")
    log_dropped: int = Field(description="bytes cut out of the middle of the log")
    log_removed_at: datetime | None = Field(description="since when the log cannot be read any more")
    results: int = Field(description="result files that can be read now")


class WaitsTold(Told):
    """What a queued job waits for."""

    name: str = Field(description="the condition that is not met, as `free` or `alive`; `next`: none is in the way")
    text: str = Field(description="a sentence")


class PhaseProgressTold(Told):
    """How far one phase is."""

    phase: Phase
    stage: Stage = Field(description="pending, running, done, or never: the job ended before it")
    seconds: float | None = Field(description="so far, or in all")
    expected_s: float | None = Field(description="usually; null: nobody knows yet")
    share: float | None = Field(description="of the usual time, 0 … 1; below 1 until it is done")
    over_s: float = Field(description="by how much it takes longer than usual")


class ProgressTold(Told):
    """How far a job is, by how long the last ones like it took that passed."""

    phases: list[PhaseProgressTold]
    seconds: float = Field(description="so far, all phases")
    expected_s: float | None = Field(description="usually, all phases; null: none like it has passed yet")
    share: float | None = Field(description="0 … 1, below 1 until it has ended")
    left_s: float | None = Field(description="until it has ended, if it takes as long as usual")
    over_s: float = Field(description="how much longer than usual it takes already")
    jobs: int = Field(description="that the expectation is made of")


class JobTold(Told):
    """A job with its latest attempt."""

    id: int
    pipeline_id: int
    board_type: str
    board: str | None = Field(description="the only board of the type that was asked for; null: any")
    configuration: str
    tags: list[str]
    facts: dict[str, list[str]] = Field(description="that its builder must have: one of the words for each")
    target_group: str = Field(description="of the rule; empty: the rule has no groups")
    needs: list[str] = Field(description="groups of which all jobs must pass before it starts")
    state: JobState
    reason: str = Field(description="why it ended as it did, or why it waits")
    priority: Priority
    generation: int = Field(description="raised by each retry of a user")
    replaced: bool = Field(description="a retry stands in its place")
    cancel_requested_at: datetime | None
    cancel_reason: str
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    attempt: AttemptTold | None = Field(description="the latest one")
    waits: WaitsTold | None = Field(default=None, description="why it is queued still; only where one job is asked for")
    progress: ProgressTold | None = Field(default=None, description="how far it is; only where one job is asked for")
    url: str = Field(description="its page")


def job_told(
    job: dict[str, Any], public_url: str, waits: Waits | None = None, progress: Progress | None = None
) -> JobTold:
    """Tell a job as `job_views` reads it."""
    told = None if waits is None else {"name": waits.name, "text": waits.text}
    return JobTold.model_validate({**job, "waits": told, "progress": progress, "url": f"{public_url}/jobs/{job['id']}"})
