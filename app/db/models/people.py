"""Who acts, and what was done: accounts, tokens and the audit."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words
from app.rights import Role


class Audit(Table, table=True):
    """Who did what, when and from where: every transition of a job and every decision of a person."""

    __table_args__ = (
        Index("audit_by_pipeline", "pipeline_id"),
        Index("audit_by_job", "job_id"),
        Index("audit_of_people", "id", postgresql_where=sa.text("origin <> ''")),
        Index("audit_of_board", "board_id", "id", postgresql_where=sa.text("board_id IS NOT NULL")),
        Index(
            "audit_of_refused",
            *("counted_in", "origin", "detail"),
            unique=True,
            postgresql_where=sa.text("counted_in IS NOT NULL"),
        ),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    actor: str = Field(default="service", max_length=200)
    action: str = Field(max_length=100)  # job.queued, pipeline.approved, builder.created, …
    job_id: int | None = None
    pipeline_id: int | None = None
    attempt_id: int | None = None
    board_id: int | None = None
    repository_id: int | None = None  # where neither job nor pipeline says it, or they are gone
    origin: str = Field(
        default="", max_length=100, sa_column_kwargs={"server_default": ""}
    )  # an address, local socket, forge; empty: the service did it by itself
    means: str = Field(
        default="", max_length=200, sa_column_kwargs={"server_default": ""}
    )  # the token or session that said who it is
    detail: str = Field(default="", max_length=1000)
    times: int = Field(
        default=None, sa_type=sa.Integer, sa_column_kwargs={"server_default": "1"}
    )  # in the minute of `counted_in`
    counted_in: datetime | None = Field(default=None, sa_type=TIME)  # the minute; None: a line of its own


class User(Table, table=True):
    """A person or program that may act through the API."""

    __tablename__ = "account"  # `user` is a word of SQL
    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    password_hash: str | None = Field(default=None, max_length=500)  # argon2
    role: Role | None = Field(default=None, sa_type=words(Role, "account_role"))  # None: only what was granted
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Token(Table, table=True):
    """A user's API token; only its hash is kept."""

    __table_args__ = (UniqueConstraint("user_id", "name", name="token_once"),)
    id: int = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="account.id")
    name: str = Field(max_length=100)
    token_hash: bytes
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    expires_at: datetime | None = Field(default=None, sa_type=TIME)
    used_at: datetime | None = Field(default=None, sa_type=TIME)
    revoked_at: datetime | None = Field(default=None, sa_type=TIME)
    rights: list[str] | None = Field(default=None, sa_type=sa.ARRAY(sa.Text))  # of app.rights; None: all of its owner
    repository_id: int | None = Field(
        default=None, foreign_key="repository.id", ondelete="CASCADE"
    )  # the only one that it is for; None: all, and the whole service


class Grant(Table, table=True):
    """A role of a user in one repository, beside the one in the whole service."""

    __tablename__ = "role_grant"
    __table_args__ = (UniqueConstraint("user_id", "repository_id", name="role_grant_once"),)
    id: int = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    repository_id: int = Field(foreign_key="repository.id", ondelete="CASCADE", index=True)
    role: Role = Field(sa_type=words(Role, "role_grant_role"))
    granted_by: str = Field(max_length=200)
    granted_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Tally(Table, table=True):
    """How often something happened to the service, since it was set up."""

    name: str = Field(max_length=100, primary_key=True)
    kind: str = Field(max_length=100, primary_key=True)
    times: int = Field(sa_type=sa.BigInteger)


class KeptAnswer(Table, table=True):
    """The first answer to a write that came with an Idempotency-Key, for 24 hours."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index("kept_answer_by_age", "begun_at"),)
    asked: bytes = Field(primary_key=True)  # digest of actor, method, path and key
    what: bytes  # keyed digest of query and body
    answer: bytes | None = None  # sealed; None: at work; empty: cut off, nobody knows how it ended
    begun_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
