"""The search for the one commit that shifted a level: its range, and what each try came to."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import CheckConstraint, Field, Index

from app.db.models.columns import TIME, Table, now, words
from app.history.bisection import Tried


class Search(StrEnum):
    """How far a bisection is."""

    RUNNING = "running"
    FOUND = "found"  # one commit is left
    NARROWED = "narrowed"  # several are left, and nothing more can be told from them
    NOT_REPRODUCED = "not_reproduced"  # the ends of the range do not differ when run by turns
    FAILED = "failed"  # its jobs could not run
    CANCELLED = "cancelled"


class Bisection(Table, table=True):
    """One search, on one type of boards and configuration, by one metric. It runs one comparison at a time."""

    __table_args__ = (
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="bisection_ended"),
        CheckConstraint("(state = 'found') = (culprit IS NOT NULL)", name="bisection_culprit"),
        Index("bisection_running", "id", postgresql_where=sa.text("ended_at IS NULL")),
        Index("bisection_by_shift", "shift_id"),
        Index("bisection_by_repository", "repository_id", "id"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    shift_id: int | None = Field(default=None, foreign_key="shift.id")  # the alert it is to explain
    board_type: str = Field(max_length=100)
    board: str | None = Field(default=None, max_length=100)  # only on this one
    configuration: str = Field(max_length=100)
    benchmark: str = Field(max_length=500)
    metric: str = Field(max_length=200)
    good: str = Field(max_length=64)  # has the old level; every commit is run by turns with it
    commits: list[str] = Field(
        sa_type=ARRAY(sa.Text)
    )  # after `good`, in the order of history; the last has the new one
    is_worse: bool | None = None  # what the shift is; None until the ends were compared
    budget_s: float  # for the pairs of one comparison
    state: Search = Field(
        default=Search.RUNNING,
        sa_type=words(Search, "bisection_state"),
        sa_column_kwargs={"server_default": Search.RUNNING.value},
    )
    culprit: str | None = Field(default=None, max_length=64)
    note: str = Field(default="", max_length=1000)
    asked_by: str = Field(max_length=200)
    asked_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    ended_at: datetime | None = Field(default=None, sa_type=TIME)


class BisectionStep(Table, table=True):
    """One commit of a bisection's range, run by turns with the good one."""

    __tablename__ = "bisection_step"
    __table_args__ = (CheckConstraint("(tried IS NULL) = (ended_at IS NULL)", name="bisection_step_ended"),)
    bisection_id: int = Field(foreign_key="bisection.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)  # 0: the end of the range, to see whether the shift is there at all
    place: int  # of the commit in the range
    pipeline_id: int | None = Field(default=None, foreign_key="pipeline.id", ondelete="SET NULL")
    tried: Tried | None = Field(default=None, sa_type=words(Tried, "bisection_tried"))
    change: float | None = None  # relative, of the commit to the good one as measured
    low: float | None = None
    high: float | None = None
    note: str = Field(default="", max_length=500)  # why nothing could be told
    begun_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    ended_at: datetime | None = Field(default=None, sa_type=TIME)
