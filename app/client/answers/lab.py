"""Builders and their boards, and what somebody has to look at."""

from typing import TypedDict

from app.client.answers.words import BuilderState, Health, JobState


class BoardTold(TypedDict):
    """A board that a builder offers."""

    id: int
    name: str
    type: str
    builder: str
    description: str
    owner: str
    tags: list[str]
    health: Health
    health_reason: str
    health_at: str | None
    fail_streak: int  # troubles in a row; two take it out
    checked_at: str | None
    check_every_s: float | None  # None: its builder has no check for it
    power: bool  # its builder can switch it
    devices: list[str]
    held_until: str | None
    held_by: str
    hold_on_failure_s: float | None
    configurations: list[str]
    is_busy: bool
    job_id: int | None
    beside: str | None  # the board its job is for, if this is a further one that the job needs


class CheckTold(TypedDict):
    """One check of a board: an ordinary job, whose log is what the check printed."""

    id: int  # the job's
    state: JobState
    reason: str
    created_at: str
    started_at: str | None
    ended_at: str | None


class HappenedTold(TypedDict):
    """Something that was done to a board, or found out about it."""

    at: str
    actor: str
    action: str
    detail: str


class BoardShown(BoardTold):
    """A board with its past, the newest first."""

    checks: list[CheckTold]
    output: str  # the end of what its last check printed
    history: list[HappenedTold]


class CheckAsked(TypedDict):
    """A check that will tell."""

    board: str
    builder: str
    job_id: int


class _Builder(TypedDict):
    id: int
    name: str
    state: BuilderState
    version: str
    isolation: str
    facts: dict[str, str]
    created_at: str
    seen_at: str | None  # last sign of life, to ten seconds
    disk_free: int | None  # bytes for work trees
    problem: str  # what its agent says is wrong


class BuilderSummary(_Builder):
    """A builder in a list."""

    boards: int  # that it offers
    busy: int  # of them with a job


class BuilderTold(_Builder):
    """A builder with its boards."""

    boards: list[BoardTold]


class AlertTold(TypedDict):
    """Something of the service that a person has to look at."""

    id: int
    kind: str  # a stable word
    subject: str
    text: str
    repository: str | None
    forge: str | None
    raised_at: str
    times: int  # how often it was said
    resolved_at: str | None
