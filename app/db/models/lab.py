"""The lab: builders, boards and configurations."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words
from builders.protocol import MAILBOX_LIMIT, MAX_PROBLEM


class BuilderState(StrEnum):
    """Whether a builder gets jobs."""

    ACTIVE = "active"
    PAUSED = "paused"
    DRAINING = "draining"
    RETIRED = "retired"


class Health(StrEnum):
    """Whether a board can be trusted with a job."""

    UNKNOWN = "unknown"  # nothing known; it gets jobs if it has no check, else the check first
    GOOD = "good"
    BAD = "bad"  # its check failed, and is tried once more
    QUARANTINED = "quarantined"  # until a person says that it is good
    MAINTENANCE = "maintenance"  # a person works on it


class Builder(Table, table=True):
    """A machine in the lab and its agent. Only a hash of its token is kept."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    token_hash: bytes  # SHA-256 of the random secret
    token_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})  # its making
    former_hash: bytes | None = None  # of the token before a renewal, which works a while longer
    former_until: datetime | None = Field(default=None, sa_type=TIME)
    state: BuilderState = Field(
        default=BuilderState.ACTIVE,
        sa_type=words(BuilderState, "builder_state"),
        sa_column_kwargs={"server_default": "active"},
    )
    instance: str | None = Field(default=None, max_length=100)  # the agent that lives under this name
    version: str = Field(default="", max_length=50)
    isolation: str = Field(default="none", max_length=24)
    facts: dict[str, str] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    seen_at: datetime | None = Field(default=None, sa_type=TIME)
    away_at: datetime | None = Field(default=None, sa_type=TIME)  # when it was found to be silent for too long
    told_away: bool = Field(
        default=False, sa_column_kwargs={"server_default": "false"}
    )  # the last news of it was that it is away
    disk_free: int | None = Field(default=None, sa_type=sa.BigInteger)  # bytes where its work trees are
    problem: str = Field(
        default="", max_length=MAX_PROBLEM, sa_column_kwargs={"server_default": ""}
    )  # in its agent's words


class Board(Table, table=True):
    """A device under test, hosted by one builder; known by its builder and name for ever."""

    __table_args__ = (
        UniqueConstraint("builder_id", "name", name="board_once"),
        Index("board_by_type", "type"),
        Index("board_untold", "id", postgresql_where=sa.text("told_out <> (health::text = 'quarantined'::text)")),
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
        sa_type=words(Health, "board_health"),
        sa_column_kwargs={"server_default": "unknown"},
    )
    owner: str = Field(default="", max_length=MAILBOX_LIMIT, sa_column_kwargs={"server_default": ""})  # a mailbox
    health_reason: str = Field(default="", max_length=500)
    told_out: bool = Field(
        default=False, sa_column_kwargs={"server_default": "false"}
    )  # the last news of it was that it gets no jobs
    health_at: datetime | None = Field(default=None, sa_type=TIME)  # since when it is so
    fail_streak: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # troubles in a row
    checked_at: datetime | None = Field(default=None, sa_type=TIME)  # when a check of it ended last
    check_every_s: float | None = None  # None: its builder has no check for it
    devices: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )  # names that only this board has
    power: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})  # its builder can switch it
    held_until: datetime | None = Field(default=None, sa_type=TIME)  # a person keeps it: no jobs
    held_by: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    hold_on_failure_s: float | None = None  # if its next job goes wrong, keep it for so long
    offered: bool = True  # named by the builder's latest configuration
    reusable_at: datetime | None = Field(
        default=None, sa_type=TIME
    )  # a lost lease: not before, its builder may still touch it


class Configuration(Table, table=True):
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
    compares: bool = Field(
        default=False, sa_column_kwargs={"server_default": "false"}
    )  # its builder can build two commits and run them by turns
    further: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(sa.Text),
        sa_column_kwargs={"server_default": "{}"},
    )  # names of other boards of the same builder that a job of it holds too
    offered: bool = True
    is_check: bool = Field(
        default=False, sa_column_kwargs={"server_default": "false"}
    )  # the board's health check: nobody can ask for it as a target


class Service(Table, table=True):
    """One row: when a web process last said that it listens to builders."""

    __table_args__ = (CheckConstraint("id = 1", name="service_one"),)
    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    heard_at: datetime = Field(sa_type=TIME)
    back_at: datetime | None = Field(default=None, sa_type=TIME)  # when it said so again after a silence
