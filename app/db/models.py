"""The tables. Invariants stand here as CHECKs and unique indexes, so that a wrong state cannot be stored."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, Index, SQLModel, UniqueConstraint

from app.states import ENDED, HELD, JobState
from builders.protocol import Kind, Phase


def _words(kind: type[StrEnum], name: str) -> sa.Enum:
    """Store an enum as text under a CHECK: a native type cannot be changed by an ordinary migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=name,
        values_callable=lambda words: [word.value for word in words],
    )


def _quoted(states: frozenset[JobState]) -> str:
    return ", ".join(f"'{state.value}'" for state in sorted(states))


TIME = sa.DateTime(timezone=True)


def now() -> Any:
    """Name the database's clock: the only one that decides."""
    return sa.func.now()


class Trigger(StrEnum):
    """What asked for a pipeline."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    DISPATCH = "dispatch"


class Priority(StrEnum):
    """Classes of jobs, the most urgent first; waiting long moves a job up."""

    RELEASE = "release"
    BRANCH = "branch"
    PULL_REQUEST = "pull_request"
    NIGHTLY = "nightly"


class BuilderState(StrEnum):
    """Whether a builder gets jobs."""

    ACTIVE = "active"
    PAUSED = "paused"
    DRAINING = "draining"
    RETIRED = "retired"


class Health(StrEnum):
    """Whether a board can be trusted with a job."""

    UNKNOWN = "unknown"  # nothing known against it: it gets jobs
    GOOD = "good"
    BAD = "bad"
    QUARANTINED = "quarantined"
    MAINTENANCE = "maintenance"


class Repository(SQLModel, table=True):
    """A repository that is served. On a forge it is known by its numeric id; names may change."""

    __table_args__ = (
        UniqueConstraint("forge", "forge_id", name="repository_once"),
        Index(
            "repository_remote_once",
            "clone_url",
            unique=True,
            postgresql_where=sa.text("forge = 'git'"),
        ),
        CheckConstraint(
            "(forge = 'git') = (forge_id IS NULL)", name="repository_identity"
        ),
    )
    id: int = Field(default=None, primary_key=True)
    forge: str = Field(
        max_length=24
    )  # github, gitlab, or git: a plain remote named by a dispatch
    forge_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    full_name: str = Field(max_length=512)
    clone_url: str = Field(max_length=2048)  # without credentials
    default_branch: str = Field(default="main", max_length=255)
    private: bool = False
    added_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    removed_at: datetime | None = Field(
        default=None, sa_type=TIME
    )  # no longer served; history stays


class Delivery(SQLModel, table=True):
    """One authentic webhook request, kept whole and once."""

    __table_args__ = (
        UniqueConstraint("forge", "key", name="delivery_once"),
        Index(
            "delivery_unhandled", "id", postgresql_where=sa.text("handled_at IS NULL")
        ),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    forge: str = Field(max_length=24)
    key: str = Field(max_length=200)  # the forge's delivery id
    kind: str = Field(max_length=100)  # the forge's own event name
    headers: dict[str, str] = Field(
        sa_type=JSONB
    )  # only those the forge's adapter lists: no secret
    body: bytes  # zstd
    body_sha256: bytes
    received_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    handled_at: datetime | None = Field(default=None, sa_type=TIME)
    verdict: str | None = Field(
        default=None, max_length=500
    )  # what it led to, or why to nothing
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Approval(SQLModel, table=True):
    """A person trusted exactly this commit of this repository."""

    __table_args__ = (
        UniqueConstraint("repository_id", "commit", name="approval_once"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    approver: str = Field(max_length=200)
    approved_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )


class Pipeline(SQLModel, table=True):
    """All work for one commit and one trigger. Its state is derived from its jobs, never stored."""

    __table_args__ = (
        Index("pipeline_once", "repository_id", "dedupe_key", unique=True),
        Index("pipeline_by_commit", "commit", "repository_id"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    kind: Kind = Field(sa_type=_words(Kind, "pipeline_kind"))  # type: ignore[call-overload]
    trigger: Trigger = Field(sa_type=_words(Trigger, "pipeline_trigger"))  # type: ignore[call-overload]
    dedupe_key: str | None = Field(
        default=None, max_length=200
    )  # set for automatic ones: push and pull request share one
    branch: str | None = Field(default=None, max_length=255)
    pull_request: int | None = None
    from_fork: bool = False
    fetch_ref: str | None = Field(
        default=None, max_length=512
    )  # a ref that holds the commit
    title: str = Field(
        default="", max_length=500
    )  # first line of the commit's message, if the trigger told
    trust: str | None = Field(
        default=None, max_length=200
    )  # why it may run; None: nobody trusted it yet
    requested_by: str = Field(default="", max_length=200)
    delivery_id: int | None = Field(
        default=None, foreign_key="delivery.id", sa_type=sa.BigInteger
    )
    limit_s: float | None = None  # each job's limit from claim to end
    repeat: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    error: str | None = Field(
        default=None, max_length=1000
    )  # why nothing could be planned
    token: bytes | None = (
        None  # a dispatch's token for its remote, encrypted; erased when the last job ends
    )
    created_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )


class PullRequest(SQLModel, table=True):
    """What is newest of a pull request: deliveries may come late, twice and in any order."""

    __tablename__ = "pull_request"
    repository_id: int = Field(foreign_key="repository.id", primary_key=True)
    number: int = Field(primary_key=True)
    head: str = Field(max_length=64)
    before: str | None = Field(default=None, max_length=64)  # the head before, when it moved
    base_branch: str = Field(max_length=255)
    title: str = Field(default="", max_length=500)  # text of its author
    author: str = Field(default="", max_length=200)
    from_fork: bool = False
    draft: bool = False
    open: bool = True
    changed_at: datetime | None = Field(default=None, sa_type=TIME)  # by the forge's clock
    delivery_id: int = Field(sa_type=sa.BigInteger)  # that said so


class Builder(SQLModel, table=True):
    """A machine in the lab and its agent. Only a hash of its token is kept."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    token_hash: bytes  # SHA-256 of the random secret
    state: BuilderState = Field(
        default=BuilderState.ACTIVE,
        sa_type=_words(BuilderState, "builder_state"),  # type: ignore[call-overload]
        sa_column_kwargs={"server_default": "active"},
    )
    instance: str | None = Field(
        default=None, max_length=100
    )  # the agent that lives under this name
    version: str = Field(default="", max_length=50)
    isolation: str = Field(default="none", max_length=24)
    facts: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )
    created_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    seen_at: datetime | None = Field(default=None, sa_type=TIME)


class Board(SQLModel, table=True):
    """A device under test, hosted by one builder; known by its builder and name for ever."""

    __table_args__ = (
        UniqueConstraint("builder_id", "name", name="board_once"),
        Index("board_by_type", "type"),
    )
    id: int = Field(default=None, primary_key=True)
    builder_id: int = Field(foreign_key="builder.id")
    name: str = Field(max_length=100)
    type: str = Field(max_length=100)
    description: str = Field(default="", max_length=1000)
    tags: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )
    health: Health = Field(
        default=Health.UNKNOWN,
        sa_type=_words(Health, "board_health"),  # type: ignore[call-overload]
        sa_column_kwargs={"server_default": "unknown"},
    )
    health_reason: str = Field(default="", max_length=500)
    offered: bool = True  # named by the builder's latest configuration
    reusable_at: datetime | None = Field(
        default=None, sa_type=TIME
    )  # a lost lease: not before, its builder may still touch it


class Configuration(SQLModel, table=True):
    """One way to build and run on a board."""

    __table_args__ = (UniqueConstraint("board_id", "name", name="configuration_once"),)
    id: int = Field(default=None, primary_key=True)
    board_id: int = Field(foreign_key="board.id")
    name: str = Field(max_length=100)
    tags: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )
    limit_s: float | None = None
    offered: bool = True


class Job(SQLModel, table=True):
    """One target's part of a pipeline: what is queued, claimed, logged, cancelled and retried."""

    __table_args__ = (
        CheckConstraint(
            f"(state IN ({_quoted(ENDED)})) = (ended_at IS NOT NULL)", name="job_ended"
        ),
        CheckConstraint(
            f"state NOT IN ({_quoted(HELD)}) OR epoch > 0", name="job_held_has_epoch"
        ),
        Index(
            "job_target_once",
            "pipeline_id",
            "board_type",
            "configuration",
            "generation",
            unique=True,
        ),
        Index(
            "job_open",
            "state",
            "queued_at",
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        Index("job_by_pipeline", "pipeline_id"),
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
    board: str | None = Field(
        default=None, max_length=100
    )  # only this board of the type, if asked for
    generation: int = Field(
        default=0, sa_column_kwargs={"server_default": "0"}
    )  # raised by a user's retry
    replaced: bool = False  # a retry stands in its place in the pipeline's state
    state: JobState = Field(sa_type=_words(JobState, "job_state"))  # type: ignore[call-overload]
    reason: str = Field(
        default="", max_length=1000
    )  # why it ended as it did, or why it waits
    priority: Priority = Field(sa_type=_words(Priority, "job_priority"))  # type: ignore[call-overload]
    epoch: int = Field(
        default=0, sa_column_kwargs={"server_default": "0"}
    )  # counts attempts; a smaller one is stale everywhere
    retries_left: int = Field(
        default=2, sa_column_kwargs={"server_default": "2"}
    )  # infrastructure loss only
    cancel_requested_at: datetime | None = Field(default=None, sa_type=TIME)
    cancel_reason: str = Field(default="", max_length=500)
    created_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    queued_at: datetime | None = Field(default=None, sa_type=TIME)
    started_at: datetime | None = Field(default=None, sa_type=TIME)
    ended_at: datetime | None = Field(default=None, sa_type=TIME)


class Attempt(SQLModel, table=True):
    """One try at a job, under one lease. While it is open it holds the board too."""

    __table_args__ = (
        UniqueConstraint("job_id", "epoch", name="attempt_fenced"),
        UniqueConstraint("builder_id", "claim_id", name="attempt_once_per_claim"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="attempt_ended"),
        Index(
            "attempt_open_job",
            "job_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
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
    opened_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    accepted_at: datetime | None = Field(default=None, sa_type=TIME)  # first beat
    lease_until: datetime = Field(sa_type=TIME)
    phase: Phase | None = Field(default=None, sa_type=_words(Phase, "attempt_phase"))  # type: ignore[call-overload]
    phases: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": "[]"}
    )
    ended_at: datetime | None = Field(default=None, sa_type=TIME)
    outcome: JobState | None = Field(
        default=None, sa_type=_words(JobState, "attempt_outcome")
    )  # type: ignore[call-overload]
    reason: str = Field(default="", max_length=1000)
    exit_code: int | None = None
    said: bytes | None = (
        None  # digest of the finish that won; None if the sweep ended it
    )
    log_size: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    log_sha256: str = Field(default="", max_length=64)
    log_dropped: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )


class LogChunk(SQLModel, table=True):
    """A piece of an attempt's log: bytes start … start + size, zstd."""

    __tablename__ = "log_chunk"
    attempt_id: int = Field(foreign_key="attempt.id", primary_key=True)
    start: int = Field(primary_key=True, sa_type=sa.BigInteger)
    size: int
    data: bytes


class Result(SQLModel, table=True):
    """The file one run phase left behind, verbatim, zstd."""

    __table_args__ = (UniqueConstraint("attempt_id", "number", name="result_once"),)
    id: int = Field(default=None, primary_key=True)
    attempt_id: int = Field(foreign_key="attempt.id")
    number: int  # 0 … repeat - 1
    data: bytes
    size: int
    sha256: str = Field(max_length=64)
    stored_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    format: str | None = Field(
        default=None, max_length=50
    )  # None: nothing in it was understood
    note: str = Field(default="", max_length=500)  # how many measurements, or why none
    ingested_at: datetime | None = Field(default=None, sa_type=TIME)


class Commit(SQLModel, table=True):
    """What is known of a commit. Text its author wrote: for display and order, never for trust."""

    __table_args__ = (UniqueConstraint("repository_id", "sha", name="commit_once"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    sha: str = Field(max_length=64)
    parents: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )
    committed_at: datetime | None = Field(default=None, sa_type=TIME)
    title: str = Field(default="", max_length=500)
    author: str = Field(default="", max_length=200)
    seen_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )


class Series(SQLModel, table=True):
    """Measurements of one benchmark and metric on one branch, board type and configuration."""

    __table_args__ = (
        UniqueConstraint(
            "repository_id",
            "branch",
            "board_type",
            "configuration",
            "identity",
            name="series_once",
        ),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    branch: str = Field(
        max_length=255
    )  # pull/N for a pull request, empty for a dispatch without a branch
    board_type: str = Field(max_length=100)
    configuration: str = Field(max_length=100)
    identity: str = Field(max_length=64)  # hash of all below
    benchmark: str = Field(max_length=500)
    params: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )
    version: str = Field(default="", max_length=100)
    metric: str = Field(max_length=200)
    unit: str = Field(default="", max_length=50)
    better: str | None = Field(
        default=None, max_length=8
    )  # lower, higher, or unknown: shown, never judged


class Measurement(SQLModel, table=True):
    """One point of a series: the median of its samples, which stay beside it."""

    __table_args__ = (
        UniqueConstraint("series_id", "attempt_id", name="measurement_once"),
        Index("measurement_by_commit", "series_id", "commit_id"),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    series_id: int = Field(foreign_key="series.id")
    commit_id: int = Field(foreign_key="commit.id")
    attempt_id: int = Field(foreign_key="attempt.id")
    value: float
    samples: list[float] = Field(sa_type=ARRAY(sa.Double))
    resolution: float | None = None
    cap: float | None = None
    measured_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )


class Status(SQLModel, table=True):
    """The outbox: what one context of a commit should show on the forge, and how far that got.

    A transition raises `version`; the sender computes the state anew from the jobs, sends it, and
    writes the version it saw. So calls coalesce, and a crash at any point leads to another send.
    """

    __table_args__ = (
        UniqueConstraint("repository_id", "commit", "context", name="status_once"),
        Index(
            "status_due",
            "next_at",
            postgresql_where=sa.text("sent_version < version AND closed IS NULL"),
        ),
        Index("status_by_pipeline", "pipeline_id"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    context: str = Field(max_length=100)
    pipeline_id: int = Field(
        foreign_key="pipeline.id"
    )  # the newest one under this context
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    sent_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    sent_state: str | None = Field(default=None, max_length=24)
    sent_description: str = Field(default="", max_length=255)
    sent_at: datetime | None = Field(default=None, sa_type=TIME)
    claimed_until: datetime | None = Field(default=None, sa_type=TIME)  # single flight
    next_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    error: str = Field(default="", max_length=500)  # of the last try
    closed: str | None = Field(default=None, max_length=500)  # given up: why
    memory: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )


class Audit(SQLModel, table=True):
    """Who did what: every transition of a job and every decision of a person."""

    __table_args__ = (
        Index("audit_by_pipeline", "pipeline_id"),
        Index("audit_by_job", "job_id"),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    actor: str = Field(default="service", max_length=200)
    action: str = Field(
        max_length=100
    )  # job.queued, pipeline.approved, builder.created, …
    job_id: int | None = None
    pipeline_id: int | None = None
    attempt_id: int | None = None
    detail: str = Field(default="", max_length=1000)


class User(SQLModel, table=True):
    """A person or program that may act through the API."""

    __tablename__ = "account"  # `user` is a word of SQL
    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    password_hash: str | None = Field(default=None, max_length=500)  # argon2
    role: str = Field(default="admin", max_length=24)
    created_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )


class Token(SQLModel, table=True):
    """A user's API token; only its hash is kept."""

    __table_args__ = (UniqueConstraint("user_id", "name", name="token_once"),)
    id: int = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="account.id")
    name: str = Field(max_length=100)
    token_hash: bytes
    created_at: datetime = Field(
        default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()}
    )
    expires_at: datetime | None = Field(default=None, sa_type=TIME)
    used_at: datetime | None = Field(default=None, sa_type=TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=TIME)
