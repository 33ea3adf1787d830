"""What was concluded from measurements: comparisons, change points and their triage, the noise of boards."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words
from app.history.verdict import Verdict


class ComparisonKind(StrEnum):
    """How the two sides were measured."""

    INTERLEAVED = "interleaved"  # by turns, on one board, in one job
    APART = "apart"  # in jobs of their own: shown, never a reason to fail


class Comparison(Table, table=True):
    """One commit held against another on one target. Its rows say what came out."""

    __table_args__ = (
        UniqueConstraint("attempt_id", name="comparison_of_attempt"),
        Index("comparison_by_head", "repository_id", "head"),
        Index("comparison_by_base", "repository_id", "base"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    pipeline_id: int = Field(foreign_key="pipeline.id", index=True)
    job_id: int = Field(foreign_key="job.id", index=True)
    attempt_id: int = Field(foreign_key="attempt.id")
    board_id: int | None = Field(default=None, foreign_key="board.id")
    board_type: str = Field(max_length=100)
    configuration: str = Field(max_length=100)
    kind: ComparisonKind = Field(sa_type=words(ComparisonKind, "comparison_kind"))
    base: str = Field(max_length=64)
    head: str = Field(max_length=64)
    pairs: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # measured, without the warm-up
    looks: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # how often it was judged so far
    base_binary: str | None = Field(default=None, max_length=64)  # sha256 of what was flashed, if it was told
    head_binary: str | None = Field(default=None, max_length=64)
    is_over: bool = False  # no more pairs come
    note: str = Field(
        default="", max_length=500, sa_column_kwargs={"server_default": ""}
    )  # what kept it from knowing more, such as why the base was not measured
    counts: dict[str, int] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )  # verdict → rows
    ratio: float | None = None  # geometric mean of head to base over the rows with both sides; above 1 is worse
    started_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    judged_at: datetime | None = Field(default=None, sa_type=TIME)


class ComparisonRow(Table, table=True):
    """One metric of a comparison: the pairs as measured, and what they say."""

    __tablename__ = "comparison_row"
    comparison_id: int = Field(foreign_key="comparison.id", primary_key=True, ondelete="CASCADE")
    identity: str = Field(max_length=64, primary_key=True)  # as of a series
    benchmark: str = Field(max_length=500)
    params: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
    version: str = Field(default="", max_length=100)
    metric: str = Field(max_length=200)
    unit: str = Field(default="", max_length=50)
    better: str | None = Field(default=None, max_length=8)
    base_values: list[float] = Field(sa_type=ARRAY(sa.Double))  # median of each pair's samples, the warm-up left out
    head_values: list[float] = Field(sa_type=ARRAY(sa.Double))  # as long as base_values where both sides have it
    resolution: float | None = None
    cap: float | None = None
    verdict: Verdict = Field(sa_type=words(Verdict, "row_verdict"))
    change: float | None = None  # relative, of head to base as measured
    low: float | None = None
    high: float | None = None
    p: float | None = None
    fails: bool = False
    note: str = Field(default="", max_length=300)


class Acceptance(Table, table=True):
    """A person took one regression of a pull request, or of one range of commits, up to the size it had then."""

    __table_args__ = (
        Index("acceptance_by_pull_request", "repository_id", "pull_request"),
        Index("acceptance_by_range", "repository_id", "head", "base"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    pull_request: int | None = None
    base: str = Field(max_length=64)
    head: str = Field(max_length=64)  # as it was looked at; a later head of the pull request inherits it
    board_type: str = Field(max_length=100)
    configuration: str = Field(max_length=100)
    identity: str = Field(max_length=64)  # as of a series
    change: float | None = None  # relative, as it was measured then; None: from zero, of which nothing is a part
    said_by: str = Field(max_length=200)
    said_by_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # on the forge; None: an account of ours
    via: str = Field(max_length=24)  # command or page
    reason: str = Field(max_length=2000)
    said_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Triage(StrEnum):
    """What people, or the numbers themselves, said of a shift."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"  # seen, somebody will look
    EXPECTED = "expected"  # a price that is paid knowingly
    NOISE = "noise"  # no real change
    INFRASTRUCTURE = "infrastructure"  # the lab's doing, not the commit's
    FIXED = "fixed"
    WONT_FIX = "wont_fix"
    RECOVERED = "recovered"  # the level went back by itself


class Shift(Table, table=True):
    """Change points of one repository and branch whose commit ranges overlap: one alert, triaged as one."""

    __table_args__ = (
        Index("shift_by_repository", "repository_id", "state", "id"),
        Index("shift_untold", "tell_at", postgresql_where=sa.text("told_version < version")),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    branch: str = Field(max_length=255)
    after_commit_id: int = Field(foreign_key="commit.id")  # the newest that surely had the old level
    until_commit_id: int = Field(foreign_key="commit.id")  # the oldest that surely has the new one
    is_worse: bool  # whether any of its change points is for the worse
    state: Triage = Field(
        default=Triage.NEW, sa_type=words(Triage, "shift_state"), sa_column_kwargs={"server_default": Triage.NEW.value}
    )
    said_by: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=2000)
    link: str = Field(default="", max_length=2000)
    assignee: str = Field(default="", max_length=200)
    said_at: datetime | None = Field(default=None, sa_type=TIME)
    agreed_change: float | None = None  # the worst change when it was triaged: grown by more, it is new again
    opened_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    closed_at: datetime | None = Field(default=None, sa_type=TIME)
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # raised by what subscribers should hear
    told_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tell_at: datetime | None = Field(default=None, sa_type=TIME)  # not before: what else moved may still be found


class ChangePoint(Table, table=True):
    """The commit range in which the level of one series shifted."""

    __tablename__ = "change_point"
    __table_args__ = (
        Index("change_point_by_series", "series_id", "until_commit_id"),
        Index("change_point_by_shift", "shift_id"),
    )
    id: int = Field(default=None, primary_key=True)
    series_id: int = Field(foreign_key="series.id")
    shift_id: int = Field(foreign_key="shift.id")
    after_commit_id: int = Field(foreign_key="commit.id")
    until_commit_id: int = Field(foreign_key="commit.id")
    before: float  # median of the segment, in the series' unit
    after: float
    change: float  # relative, as measured
    low: float | None = None  # interval of the change
    high: float | None = None
    is_worse: bool | None = None  # None: no direction is known
    points_after: int = 0  # how many confirm it so far
    found_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    gone_at: datetime | None = Field(default=None, sa_type=TIME)  # later points spoke against it
    recovered_at: datetime | None = Field(default=None, sa_type=TIME)  # a later level was the old one again


class Analysis(Table, table=True):
    """What the detector last said of a series, and whether it has to look again."""

    __table_args__ = (Index("analysis_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),)
    series_id: int = Field(foreign_key="series.id", primary_key=True)
    points: int = 0
    level: float | None = None  # median of the last segment
    sigma: float | None = None  # robust, relative, of the series around its level
    inflation: float | None = None  # of the variance of a mean, by autocorrelation
    due_at: datetime | None = Field(default=None, sa_type=TIME)  # set by a new point, cleared by an analysis
    analysed_at: datetime | None = Field(default=None, sa_type=TIME)


class AnnotationKind(StrEnum):
    """What happened at a commit besides the commit."""

    TAG = "tag"
    TOOLCHAIN = "toolchain"
    BOARD = "board"
    NOTE = "note"


class Annotation(Table, table=True):
    """A remark at a commit of a repository's histories; one that cuts starts a new level there, without an alert."""

    __table_args__ = (Index("annotation_by_repository", "repository_id", "commit_id"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit_id: int = Field(foreign_key="commit.id")
    board_type: str | None = Field(default=None, max_length=100)  # None: on all
    configuration: str | None = Field(default=None, max_length=100)
    kind: AnnotationKind = Field(sa_type=words(AnnotationKind, "annotation_kind"))
    text: str = Field(max_length=500)
    cuts: bool = False
    said_by: str = Field(max_length=200)
    said_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Mute(Table, table=True):
    """A benchmark or a type of boards that raises no alarm for a while; its change points are found all the same."""

    __table_args__ = (
        CheckConstraint("benchmark IS NOT NULL OR board_type IS NOT NULL", name="mute_of_something"),
        Index("mute_by_repository", "repository_id", "until_at"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    benchmark: str | None = Field(default=None, max_length=500)  # None: all on the type of boards
    metric: str | None = Field(default=None, max_length=200)  # None: all of the benchmark
    board_type: str | None = Field(default=None, max_length=100)  # None: on all
    reason: str = Field(max_length=500)
    said_by: str = Field(max_length=200)
    said_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    until_at: datetime = Field(sa_type=TIME)


class BoardNoise(Table, table=True):
    """What pairs of equal builds showed of one board and series identity: how well it can tell a change."""

    __tablename__ = "board_noise"
    __table_args__ = (CheckConstraint("false_alarms <= trials", name="board_noise_counts"),)
    board_id: int = Field(foreign_key="board.id", primary_key=True)
    repository_id: int = Field(foreign_key="repository.id", primary_key=True)
    configuration: str = Field(max_length=100, primary_key=True)
    identity: str = Field(max_length=64, primary_key=True)
    benchmark: str = Field(max_length=500)
    metric: str = Field(max_length=200)
    differences: list[float] = Field(sa_type=ARRAY(sa.Double))  # ln(head/base) of the latest pairs, oldest first
    sigma: float | None = None  # of one pair, relative, as of late
    drift: float | None = None  # sigma of late beside that before: 2.0 is twice as noisy
    trials: int = 0  # comparisons of equal builds
    false_alarms: int = 0  # … that were called changed
    changed_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
