"""What came out: result files, commits, series and measurements."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words
from builders.protocol import Side


class Result(Table, table=True):
    """The file one run phase left behind, verbatim, zstd."""

    __table_args__ = (
        UniqueConstraint("attempt_id", "number", name="result_once"),
        Index("result_with_data", "stored_at", postgresql_where=sa.text("removed_at IS NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    attempt_id: int = Field(foreign_key="attempt.id")
    number: int  # 0 … repeat - 1
    data: bytes
    size: int
    sha256: str = Field(max_length=64)
    stored_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    format: str | None = Field(default=None, max_length=50)  # None: nothing in it was understood
    note: str = Field(default="", max_length=500)  # how many measurements, or why none
    ingested_at: datetime | None = Field(default=None, sa_type=TIME)
    removed_at: datetime | None = Field(default=None, sa_type=TIME)  # its data was kept for as long as the settings say
    wanted: dict[str, Any] | None = Field(
        default=None, sa_type=JSONB(none_as_null=True)
    )  # how the configuration says that it is to be read; None: its content decides
    side: Side = Field(
        default=Side.HEAD, sa_type=words(Side, "result_side"), sa_column_kwargs={"server_default": Side.HEAD.value}
    )  # of a comparison; a job without one is all head
    pair: int | None = None  # of a comparison: 0 is the warm-up, thrown away
    env: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # facts of this execution, as the file tells them; `binary_sha256` says what was flashed
    unmeasured: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # benchmark → why it has no number, such as "skipped: no memory"


class Commit(Table, table=True):
    """What is known of a commit. Text its author wrote: for display and order, never for trust.

    Commits are ordered by when git says they were made, where a builder told it, else by when we first saw them.
    """

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
    seen_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


# The beginning of the names: whole ones of 700 wide letters have no place in an index.
_NAME = (sa.text("left(benchmark, 100)"), sa.text("left(metric, 60)"))


class Series(Table, table=True):
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
        Index("series_by_name", "repository_id", *_NAME),
        Index("series_of_branch", "repository_id", "branch", *_NAME),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    branch: str = Field(max_length=255)  # pull/N for a pull request, empty for a dispatch without a branch
    board_type: str = Field(max_length=100)
    configuration: str = Field(max_length=100)
    identity: str = Field(max_length=64)  # hash of what it is of, its unit's family instead of the unit
    benchmark: str = Field(max_length=500)
    params: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
    version: str = Field(default="", max_length=100)
    metric: str = Field(max_length=200)
    unit: str = Field(default="", max_length=50)
    better: str | None = Field(default=None, max_length=8)  # lower, higher, or unknown: shown, never judged
    step: float | None = None  # the largest 10^-n or 5·10^-n that all samples are multiples of; 0: there is none
    step_samples: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # that say so, counted up to 20


class Measurement(Table, table=True):
    """What one attempt measured of a series: the median of its samples, which stay beside it for a while.

    A chart reads `measurement_in_order` alone: the points of a series lie there side by side, newest last.
    """

    __table_args__ = (
        UniqueConstraint("attempt_id", "series_id", name="measurement_once"),
        Index(
            "measurement_imported_once",
            "import_id",
            "series_id",
            "commit_id",
            unique=True,
            postgresql_where=sa.text("import_id IS NOT NULL"),
        ),
        CheckConstraint("(attempt_id IS NULL) <> (import_id IS NULL)", name="measurement_source"),
        Index(
            "measurement_in_order",
            "series_id",
            "made_at",
            "commit_id",
            postgresql_include=["count", "value", "low", "high", "attempt_id"],
        ),
        Index("measurement_by_commit", "commit_id"),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    series_id: int = Field(foreign_key="series.id")
    commit_id: int = Field(foreign_key="commit.id")
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    import_id: int | None = Field(default=None, foreign_key="import.id")  # set where no job of ours measured it
    made_at: datetime = Field(sa_type=TIME)  # its commit's place in the order, here for the index: see Commit
    value: float
    low: float  # of the samples; stays when they go
    high: float
    count: int
    samples: list[float] = Field(sa_type=ARRAY(sa.Double))  # empty once they were kept long enough
    resolution: float | None = None
    cap: float | None = None
    measured_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Import(Table, table=True):
    """Results from elsewhere that a person brought along; one file is taken once."""

    __tablename__ = "import"
    __table_args__ = (UniqueConstraint("repository_id", "sha256", name="import_once"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    sha256: str = Field(max_length=64)  # of the file with the place it was read for
    format: str = Field(max_length=50)
    note: str = Field(default="", max_length=500)
    imported_by: str = Field(max_length=200)
    imported_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    samples_removed_at: datetime | None = Field(default=None, sa_type=TIME)
