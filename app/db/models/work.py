"""The work: pipelines, their jobs, the attempts at them, and the logs."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, ForeignKeyConstraint, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, quoted, words
from app.states import ENDED, HELD, JobState
from builders.protocol import MAX_ARTEFACT_NAME, MAX_REASON, Kind, Phase


class Trigger(StrEnum):
    """What asked for a pipeline."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    DISPATCH = "dispatch"
    MERGE_GROUP = "merge_group"
    SCHEDULE = "schedule"
    COMMAND = "command"
    HEALTH = "health"  # a board is to be looked at


class Priority(StrEnum):
    """Classes of jobs, the most urgent first; waiting long moves a job up."""

    RELEASE = "release"
    BRANCH = "branch"
    PULL_REQUEST = "pull_request"
    NIGHTLY = "nightly"


class Pipeline(Table, table=True):
    """All work for one commit and one trigger. Its state is derived from its jobs, never stored."""

    __table_args__ = (
        Index("pipeline_once", "repository_id", "dedupe_key", unique=True),
        Index("pipeline_by_commit", "commit", "repository_id"),
        Index("pipeline_by_repository", "repository_id", "id"),
        Index(
            "pipeline_by_base",
            "repository_id",
            "compare_with",
            postgresql_where=sa.text("compare_with IS NOT NULL"),
        ),
        Index("pipeline_by_branch", "branch", "id", postgresql_where=sa.text("branch IS NOT NULL")),
        Index("pipeline_by_pull_request", "pull_request", "id", postgresql_where=sa.text("pull_request IS NOT NULL")),
        Index("pipeline_by_requester", "requested_by", "id"),
        Index("pipeline_by_time", "created_at"),
        Index("pipeline_with_error", "id", postgresql_where=sa.text("error IS NOT NULL")),
        Index("pipeline_by_author", "author_id", postgresql_where=sa.text("author_id IS NOT NULL")),
        Index("pipeline_by_fork_owner", "fork_owner", postgresql_where=sa.text("fork_owner IS NOT NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    kind: Kind = Field(sa_type=words(Kind, "pipeline_kind"))
    trigger: Trigger = Field(sa_type=words(Trigger, "pipeline_trigger"))
    dedupe_key: str | None = Field(
        default=None, max_length=200
    )  # set for automatic ones: push and pull request share one
    branch: str | None = Field(default=None, max_length=255)
    pull_request: int | None = None
    from_fork: bool = False
    isolation: str = Field(
        default="none", max_length=24, sa_column_kwargs={"server_default": "none"}
    )  # what its builder must have at least, of builders.protocol.Level
    fetch_ref: str | None = Field(default=None, max_length=512)  # a ref that holds the commit
    base: str | None = Field(default=None, max_length=64)  # of a fork's: the commit whose rules and build files count
    trusted_files: list[str] = Field(
        default_factory=list, sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"}
    )  # of the rules there: globs of the build files
    title: str = Field(default="", max_length=500)  # first line of the commit's message, if the trigger told
    author_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # on the forge, of an outsider's pull request
    fork_owner: str | None = Field(default=None, max_length=255)  # of an outsider's pull request
    trust: str | None = Field(default=None, max_length=200)  # why it may run; None: nobody trusted it yet
    requested_by: str = Field(default="", max_length=200)
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id", sa_type=sa.BigInteger)
    limit_s: float | None = None  # each job's limit from claim to end
    repeat: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    rule: str | None = Field(default=None, max_length=100)  # of the policy, that asked for it
    preset: str | None = Field(default=None, max_length=100)  # the saved dispatch that it was asked for by
    arguments: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # of the preset: scripts get them as RIGLINE_ARG_…
    compare_with: str | None = Field(default=None, max_length=64)  # the base commit that this one is to be held against
    compare_why: str = Field(
        default="", max_length=200, sa_column_kwargs={"server_default": ""}
    )  # how that base was found: "merge base with main", "named by …"
    interleaved: bool = Field(
        default=False, sa_column_kwargs={"server_default": sa.false()}
    )  # its jobs build both commits and run them by turns
    pairs: int | None = None  # of an interleaved job, at most; None: as many as the rule of judging looks at
    budget_s: float | None = None  # of an interleaved job: no new pair is begun after so long in its run phases
    status_style: str = Field(
        default="aggregate", max_length=24, sa_column_kwargs={"server_default": "aggregate"}
    )  # aggregate or per_target
    skipped_as: str = Field(
        default="pending", max_length=24, sa_column_kwargs={"server_default": "pending"}
    )  # pending or success: what a commit status says while a board is away for good
    fails_on: str = Field(
        default="never", max_length=24, sa_column_kwargs={"server_default": "never"}
    )  # never or regression: whether a certain regression fails its status
    comment_style: str = Field(
        default="changes", max_length=24, sa_column_kwargs={"server_default": "changes"}
    )  # none, changes (only when it matters), always
    error: str | None = Field(default=None, max_length=1000)  # why nothing could be planned
    token: bytes | None = None  # a dispatch's token for its remote, encrypted; empty when the last job has ended
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Job(Table, table=True):
    """One target's part of a pipeline: what is queued, claimed, logged, cancelled and retried."""

    __table_args__ = (
        CheckConstraint(f"(state IN ({quoted(ENDED)})) = (ended_at IS NOT NULL)", name="job_ended"),
        CheckConstraint(f"state NOT IN ({quoted(HELD)}) OR epoch > 0", name="job_held_has_epoch"),
        Index(
            "job_target_once",
            "pipeline_id",
            "board_type",
            "configuration",
            "generation",
            "target_group",
            "facts",
            sa.text("coalesce(board, '')"),
            unique=True,
        ),
        Index(
            "job_open",
            "state",
            "queued_at",
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        Index("job_by_pipeline", "pipeline_id"),
        Index("job_ended", "state", "pipeline_id", postgresql_where=sa.text("ended_at IS NOT NULL AND NOT replaced")),
        Index(
            "job_by_end",
            "ended_at",
            postgresql_include=["state", "pipeline_id"],
            postgresql_where=sa.text("ended_at IS NOT NULL"),
        ),
        Index("job_check_once", "board_id", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
        Index("job_check", "board_id", "id", postgresql_where=sa.text("board_id IS NOT NULL")),
        Index(
            "job_line",
            "board_type",
            "priority",
            "share",
            "queued_at",
            "id",
            postgresql_where=sa.text("state = 'queued'"),
        ),
    )
    id: int = Field(default=None, primary_key=True)
    pipeline_id: int = Field(foreign_key="pipeline.id")
    board_type: str = Field(max_length=100)
    configuration: str = Field(max_length=100)
    tags: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )
    board: str | None = Field(default=None, max_length=100)  # only this board of the type, if asked for
    board_id: int | None = Field(default=None, foreign_key="board.id")  # set: it is a check of exactly this board
    facts: dict[str, list[str]] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # what its builder must say of itself: one of the words for each
    generation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # raised by a user's retry
    target_group: str = Field(
        default="", max_length=100, sa_column_kwargs={"server_default": ""}
    )  # jobs of a rule's group; others may need it
    needs: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"})
    replaced: bool = False  # a retry stands in its place in the pipeline's state
    state: JobState = Field(sa_type=words(JobState, "job_state"))
    reason: str = Field(default="", max_length=MAX_REASON)  # why it ended as it did, or why it waits
    priority: Priority = Field(sa_type=words(Priority, "job_priority"))
    share: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})  # whose turn its start is
    epoch: int = Field(
        default=0, sa_column_kwargs={"server_default": "0"}
    )  # counts attempts; a smaller one is stale everywhere
    retries_left: int = Field(default=2, sa_column_kwargs={"server_default": "2"})  # infrastructure loss only
    lost_on: list[int] = Field(
        default_factory=list, sa_type=ARRAY(sa.Integer), sa_column_kwargs={"server_default": "{}"}
    )  # boards whose builder was lost with it; the next try goes elsewhere
    cancel_requested_at: datetime | None = Field(default=None, sa_type=TIME)
    cancel_reason: str = Field(default="", max_length=500)
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    queued_at: datetime | None = Field(default=None, sa_type=TIME)
    started_at: datetime | None = Field(default=None, sa_type=TIME)
    ended_at: datetime | None = Field(default=None, sa_type=TIME)


class Turn(Table, table=True):
    """When a line of jobs last got a board: those of one class and one share that wait for one type of boards."""

    board_type: str = Field(max_length=100, primary_key=True)
    priority: Priority = Field(sa_type=words(Priority, "turn_priority"), primary_key=True)
    share: str = Field(max_length=300, primary_key=True)
    taken_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Attempt(Table, table=True):
    """One try at a job, under one lease. While it is open it holds the board too."""

    __table_args__ = (
        UniqueConstraint("job_id", "epoch", name="attempt_fenced"),
        UniqueConstraint("builder_id", "claim_id", name="attempt_once_per_claim"),
        UniqueConstraint("id", "is_open", name="attempt_openness"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="attempt_ended"),
        Index(
            "attempt_open_job",
            "job_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        Index("attempt_with_log", "ended_at", postgresql_where=sa.text("log_removed_at IS NULL")),
        Index("attempt_with_samples", "ended_at", postgresql_where=sa.text("samples_removed_at IS NULL")),
        Index(
            "attempt_open_board",
            "board_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    id: int = Field(default=None, primary_key=True)
    job_id: int = Field(foreign_key="job.id")
    epoch: int
    builder_id: int = Field(foreign_key="builder.id")
    board_id: int = Field(foreign_key="board.id")
    claim_id: UUID  # the builder's own: the same claim gets the same answer again
    opened_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    accepted_at: datetime | None = Field(default=None, sa_type=TIME)  # first beat
    lease_until: datetime = Field(sa_type=TIME)
    phase: Phase | None = Field(default=None, sa_type=words(Phase, "attempt_phase"))
    began: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # of each phase after the first: when a beat first told of it
    phases: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": "[]"})
    ended_at: datetime | None = Field(default=None, sa_type=TIME)
    is_open: bool = Field(
        default=None, sa_column_args=[sa.Computed("ended_at IS NULL", persisted=True)]
    )  # what its boards' rows follow
    outcome: JobState | None = Field(default=None, sa_type=words(JobState, "attempt_outcome"))
    reason: str = Field(default="", max_length=MAX_REASON)
    exit_code: int | None = None
    no_base: str = Field(
        default="", max_length=MAX_REASON, sa_column_kwargs={"server_default": ""}
    )  # of a comparison: why its base was not measured
    said: bytes | None = None  # digest of the finish that won; None if the sweep ended it
    log_size: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    log_sha256: str = Field(default="", max_length=64)
    log_dropped: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    log_removed_at: datetime | None = Field(default=None, sa_type=TIME)  # it was kept for as long as the settings say
    artefacts_removed_at: datetime | None = Field(default=None, sa_type=TIME)
    samples_removed_at: datetime | None = Field(default=None, sa_type=TIME)  # raw ones; what they say in sum stays


class AttemptBoard(Table, table=True):
    """A board of an attempt: the one that its target names, or a further one. The attempt holds it while it is open.

    That it is open no more follows from the attempt's own row, so that nobody can forget to free one.
    """

    __tablename__ = "attempt_board"
    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "is_open"],
            ["attempt.id", "attempt.is_open"],
            onupdate="CASCADE",
            name="attempt_board_ends",
        ),
        Index("attempt_board_open", "board_id", unique=True, postgresql_where=sa.text("is_open")),
    )
    attempt_id: int = Field(primary_key=True)
    board_id: int = Field(foreign_key="board.id", primary_key=True)
    is_open: bool = True


class LogChunk(Table, table=True):
    """A piece of an attempt's log: bytes start … start + size, zstd.

    It is known when it came and how many lines end in it, so that a line is found by its number or its time.
    """

    __tablename__ = "log_chunk"
    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    start: int = Field(primary_key=True, sa_type=sa.BigInteger)
    size: int
    data: bytes
    arrived_at: datetime | None = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    lines: int | None = None  # None: stored before they were counted; the first who asks counts them


class Artefact(Table, table=True):
    """A file that an attempt left to be kept. Its name is a path below the work tree: text of a stranger."""

    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    number: int = Field(primary_key=True)
    name: str = Field(max_length=MAX_ARTEFACT_NAME)
    size: int = Field(sa_type=sa.BigInteger)
    sha256: str = Field(max_length=64)
    stored_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class ArtefactPiece(Table, table=True):
    """A piece of an artefact, zstd. All pieces but the last are of one size."""

    __tablename__ = "artefact_piece"
    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    number: int = Field(primary_key=True)
    piece: int = Field(primary_key=True)
    size: int
    data: bytes
