"""What the forges know and tell: repositories, deliveries, pull requests, approvals, and the outbox of statuses."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import CheckConstraint, Field, Index, SQLModel, UniqueConstraint

from app.db.models.columns import TIME, now


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
        CheckConstraint("(forge = 'git') = (forge_id IS NULL)", name="repository_identity"),
    )
    id: int = Field(default=None, primary_key=True)
    forge: str = Field(max_length=24)  # github, gitlab, or git: a plain remote named by a dispatch
    forge_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    full_name: str = Field(max_length=512)
    clone_url: str = Field(max_length=2048)  # without credentials
    default_branch: str = Field(default="main", max_length=255)
    private: bool = False
    added_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    removed_at: datetime | None = Field(default=None, sa_type=TIME)  # no longer served; history stays


class Delivery(SQLModel, table=True):
    """One authentic webhook request, kept whole and once."""

    __table_args__ = (
        UniqueConstraint("forge", "key", name="delivery_once"),
        Index("delivery_unhandled", "id", postgresql_where=sa.text("handled_at IS NULL")),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    forge: str = Field(max_length=24)
    key: str = Field(max_length=200)  # the forge's delivery id
    kind: str = Field(max_length=100)  # the forge's own event name
    headers: dict[str, str] = Field(sa_type=JSONB)  # only those the forge's adapter lists: no secret
    body: bytes  # zstd
    body_sha256: bytes
    received_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    handled_at: datetime | None = Field(default=None, sa_type=TIME)
    verdict: str | None = Field(default=None, max_length=500)  # what it led to, or why to nothing
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Approval(SQLModel, table=True):
    """A person trusted exactly this commit of this repository."""

    __table_args__ = (UniqueConstraint("repository_id", "commit", name="approval_once"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    approver: str = Field(max_length=200)
    approved_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


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
    pipeline_id: int = Field(foreign_key="pipeline.id")  # the newest one under this context
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    sent_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    sent_state: str | None = Field(default=None, max_length=24)
    sent_description: str = Field(default="", max_length=255)
    sent_at: datetime | None = Field(default=None, sa_type=TIME)
    claimed_until: datetime | None = Field(default=None, sa_type=TIME)  # single flight
    next_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    error: str = Field(default="", max_length=500)  # of the last try
    closed: str | None = Field(default=None, max_length=500)  # given up: why
    memory: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
