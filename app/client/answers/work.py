"""Pipelines, their jobs, and what jobs leave. Moments are texts of ISO 8601 with their zone."""

from typing import NotRequired, TypedDict

from app.client.answers.words import JobState, Kind, Phase, Priority, Stage, Trigger


class PhaseTold(TypedDict):
    """How one phase went."""

    phase: Phase
    seconds: float
    exit_code: NotRequired[int | None]


class AttemptTold(TypedDict):
    """One try at a job."""

    id: int
    epoch: int  # 1 for the first attempt
    builder: str
    board: str
    phase: Phase | None  # where it is now, or where it ended if it did not pass
    phases: list[PhaseTold]
    opened_at: str
    accepted_at: str | None
    ended_at: str | None
    outcome: JobState | None
    reason: str
    exit_code: int | None
    log_size: int  # bytes that can be read now
    log_dropped: int  # bytes cut out of the middle of the log
    log_removed_at: str | None
    results: int  # result files that can be read now


class WaitsTold(TypedDict):
    """What a queued job waits for."""

    name: str  # the condition that is not met
    text: str


class PhaseProgressTold(TypedDict):
    """How far one phase is."""

    phase: Phase
    stage: Stage
    seconds: float | None
    expected_s: float | None
    share: float | None  # of the usual time, 0 … 1
    over_s: float


class ProgressTold(TypedDict):
    """How far a job is, by how long the last ones like it took that passed."""

    phases: list[PhaseProgressTold]
    seconds: float  # so far, all phases
    expected_s: float | None  # usually; None: none like it has passed yet
    share: float | None
    left_s: float | None
    over_s: float
    jobs: int  # that the expectation is made of


class JobTold(TypedDict):
    """A job with its latest attempt."""

    id: int
    pipeline_id: int
    board_type: str
    board: str | None  # the only one of the type that was asked for
    configuration: str
    tags: list[str]
    facts: dict[str, list[str]]
    target_group: str
    needs: list[str]
    state: JobState
    reason: str  # why it ended as it did, or why it waits
    priority: Priority
    generation: int
    replaced: bool  # a retry stands in its place
    cancel_requested_at: str | None
    cancel_reason: str
    created_at: str
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    attempt: AttemptTold | None
    waits: NotRequired[WaitsTold | None]  # this and the next only where one job is asked for
    progress: NotRequired[ProgressTold | None]
    url: str


class PipelineRow(TypedDict):
    """A pipeline without its jobs."""

    id: int
    state: JobState  # derived from the jobs that no retry replaced
    kind: Kind
    trigger: Trigger
    repository: str
    forge: str
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    from_fork: bool
    trust: str | None  # why it may run; None: nobody trusted it yet
    requested_by: str
    error: str | None  # why nothing could be planned
    limit_s: float | None
    repeat: int
    rule: str | None
    preset: str | None
    arguments: dict[str, str]
    compare_with: str | None
    compare_why: str
    interleaved: bool
    token_erased: bool  # cannot be retried: the token it was dispatched with is gone
    counts: dict[str, int]  # of jobs, by state
    created_at: str
    started_at: str | None
    ended_at: str | None
    url: str


class PipelineTold(PipelineRow):
    """A pipeline with its jobs, those that a retry replaced too."""

    jobs: list[JobTold]


class QueueRow(TypedDict):
    """One job that has not ended."""

    id: int
    pipeline_id: int
    state: JobState
    kind: Kind
    board_type: str
    board: str | None
    configuration: str
    tags: list[str]
    priority: Priority
    queued_at: str | None
    forge: str
    repository: str
    commit: str
    branch: str | None
    pull_request: int | None
    place: int | None  # in the line of its board type, 1 first
    waits: WaitsTold | None
    builder: str | None  # that has it
    on_board: str | None
    phase: Phase | None
    opened_at: str | None  # since when it has the board


class ArtefactTold(TypedDict):
    """One artefact."""

    number: int
    name: str  # its path below the work tree
    size: int  # bytes
    sha256: str
    stored_at: str


class ArtefactList(TypedDict):
    """The artefacts of one attempt: never so many that they are paged."""

    items: list[ArtefactTold]
    removed_at: str | None
