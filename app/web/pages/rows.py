"""Rows that several pages show, and how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health, Priority
from app.db.queries import pages as queries
from app.db.queries.pipelines import PipelineView
from app.db.queries.why import Waits
from app.states import ENDED, JobState
from builders.protocol import Kind, Phase


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """One job in a list."""

    id: int
    pipeline_id: int
    forge: str
    full_name: str
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    kind: Kind
    board_type: str
    board: str | None  # where it ran or runs, else the one that was asked for
    builder: str | None
    configuration: str
    state: JobState
    phase: Phase | None  # only while it runs
    reason: str
    priority: Priority
    generation: int
    replaced: bool
    cancel_requested: bool
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None  # from start to end, once it ended
    waits: str = ""  # why it is queued still, where that is asked


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """One board, and the job it holds."""

    id: int
    name: str
    type: str
    description: str
    owner: str  # a mailbox, or empty
    tags: list[str]
    builder: str
    builder_state: str
    seen_at: datetime | None
    health: str
    health_reason: str
    health_at: datetime | None
    fail_streak: int
    checked_at: datetime | None
    check_every_s: float | None  # None: its builder has no check for it
    held_until: datetime | None  # in the future, or None
    held_by: str
    hold_on_failure_s: float | None
    power: bool
    devices: list[str]
    configurations: list[str]
    job_id: int | None
    job_state: JobState | None
    job_configuration: str | None
    beside: str | None  # the board that the job is for, if this one is a further one of it
    phase: Phase | None
    opened_at: datetime | None
    full_name: str | None
    commit: str | None
    availability: str  # free, busy, away (its builder does not ask), to be checked, or held back (its health, a person)


def job_row(row: sa.RowMapping, waits: Waits | None = None) -> JobRow:
    """Take a job from its database row."""
    values: dict[str, Any] = {name: row[name] for name in JobRow.__dataclass_fields__ if name in row}
    values["board"] = row["on_board"] or row["board"]
    values["phase"] = row["phase"] if row["state"] is JobState.RUNNING else None
    values["cancel_requested"] = row["cancel_requested_at"] is not None and row["state"] not in ENDED
    values["seconds"] = seconds(row["started_at"], row["ended_at"])
    return JobRow(**values, waits="" if waits is None else waits.text)


def board_row(row: sa.RowMapping) -> BoardRow:
    """Take a board from its database row."""
    names = BoardRow.__dataclass_fields__.keys() - {"availability", "held_until"}
    held_until = row["held_until"] if _is_held(row) else None
    return BoardRow(**{name: row[name] for name in names}, held_until=held_until, availability=_availability(row))


def _availability(row: sa.RowMapping) -> str:
    if row["is_busy"]:
        return "busy"
    is_out = row["health"] not in (Health.GOOD, Health.UNKNOWN) or row["builder_state"] is not BuilderState.ACTIVE
    if is_out or _is_held(row):
        return "held back"
    if not row["online"]:
        return "away"
    is_doubtful = row["health"] is Health.UNKNOWN and row["check_every_s"] is not None
    return "to be checked" if is_doubtful else "free"


def _is_held(row: sa.RowMapping) -> bool:
    return row["held_until"] is not None and row["held_until"] > datetime.now(UTC)


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Count the seconds between two moments; None unless both are known."""
    return (end - start).total_seconds() if start and end else None


async def titled(db: AsyncConnection, found: Sequence[PipelineView]) -> list[PipelineView]:
    """Give pipelines the titles of their commits, which a dispatch does not tell."""
    bare = [(each.repository_id, each.commit) for each in found if not each.title]
    titles = await queries.titles(db, bare)
    return [
        each if each.title else replace(each, title=titles.get((each.repository_id, each.commit), "")) for each in found
    ]
