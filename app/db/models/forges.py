"""What the forges know and tell: repositories, deliveries, pull requests, approvals, and the outbox of statuses."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now


class Repository(Table, table=True):
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
        CheckConstraint("least(cap_fork_owner, cap_pull_request, cap_repository) >= 0", name="repository_caps"),
    )
    id: int = Field(default=None, primary_key=True)
    forge: str = Field(max_length=24)  # github, gitlab, or git: a plain remote named by a dispatch
    forge_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    full_name: str = Field(max_length=512)
    clone_url: str = Field(max_length=2048)  # without credentials
    default_branch: str = Field(default="main", max_length=255)
    private: bool = False
    installation_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # of our App on this repository
    hook_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # of the webhook that we made
    heard_at: datetime | None = Field(default=None, sa_type=TIME)  # the last delivery that spoke of it
    policy: str | None = None  # rules in the form of `.rigline.toml`, where the repository has none of its own
    policy_commit: str | None = Field(default=None, max_length=64)  # the base commit whose rules the schedules follow
    fork_isolation: str | None = Field(default=None, max_length=24)  # that a fork's jobs need; None: the setting
    cap_fork_owner: int | None = None  # boards that one fork owner's jobs may hold at a time; 0: any; None: the setting
    cap_pull_request: int | None = None  # … that the jobs of one pull request may hold
    cap_repository: int | None = None  # … that all its jobs may hold
    added_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    removed_at: datetime | None = Field(default=None, sa_type=TIME)  # no longer served; history stays


class RepositoryName(Table, table=True):
    """A name that a repository had: old links lead to it, as long as nobody else has taken the name."""

    __tablename__ = "repository_name"
    forge: str = Field(max_length=24, primary_key=True)
    full_name: str = Field(max_length=512, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    left_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Installation(Table, table=True):
    """Our App on an account of the forge."""

    __table_args__ = (UniqueConstraint("forge", "forge_id", name="installation_once"),)
    id: int = Field(default=None, primary_key=True)
    forge: str = Field(max_length=24)
    forge_id: int = Field(sa_type=sa.BigInteger)
    account: str = Field(max_length=200)
    suspended_at: datetime | None = Field(default=None, sa_type=TIME)
    deleted_at: datetime | None = Field(default=None, sa_type=TIME)


class WebhookSecret(Table, table=True):
    """A secret of one repository or one installation; where there are any, only they count. Several allow a change."""

    __tablename__ = "webhook_secret"
    __table_args__ = (
        CheckConstraint("(repository_id IS NULL) <> (installation_id IS NULL)", name="webhook_secret_of_one"),
        CheckConstraint("kind IN ('secret', 'signing')", name="webhook_secret_kind"),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int | None = Field(default=None, foreign_key="repository.id", index=True)
    installation_id: int | None = Field(default=None, foreign_key="installation.id", index=True)
    kind: str = Field(default="secret", max_length=24)  # signing: GitLab's key for standard webhooks
    sealed: bytes
    added_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class Delivery(Table, table=True):
    """One authentic webhook request, kept whole and once."""

    __table_args__ = (
        UniqueConstraint("forge", "key", name="delivery_once"),
        Index("delivery_unhandled", "id", postgresql_where=sa.text("handled_at IS NULL")),
        Index("delivery_with_body", "received_at", postgresql_where=sa.text("removed_at IS NULL")),
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
    removed_at: datetime | None = Field(default=None, sa_type=TIME)  # its body was kept for as long as the settings say


class Approval(Table, table=True):
    """A person trusted exactly this commit of this repository."""

    __table_args__ = (UniqueConstraint("repository_id", "commit", name="approval_once"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    commit: str = Field(max_length=64)
    approver: str = Field(max_length=200)
    approver_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # on the forge; None: an account of ours
    via: str = Field(
        default="admin", max_length=24, sa_column_kwargs={"server_default": "admin"}
    )  # admin, command, review, label, page
    pull_request: int | None = None
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id", sa_type=sa.BigInteger)
    approved_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})


class PullRequest(Table, table=True):
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
    head_by: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    head_by_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # who brought the head; None: we did not hear
    changed_at: datetime | None = Field(default=None, sa_type=TIME)  # by the forge's clock
    delivery_id: int = Field(sa_type=sa.BigInteger)  # that said so


class Status(Table, table=True):
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


class Conversation(Table, table=True):
    """Our one comment on a pull request, edited in place: an outbox as `Status` is."""

    __table_args__ = (
        UniqueConstraint("repository_id", "pull_request", name="conversation_once"),
        Index("conversation_due", "next_at", postgresql_where=sa.text("sent_version < version AND closed IS NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    pull_request: int
    pipeline_id: int | None = Field(default=None, foreign_key="pipeline.id")  # the newest one to speak of
    comment_id: int | None = Field(default=None, sa_type=sa.BigInteger)  # on the forge, once it is there
    recreated: bool = False  # somebody deleted it, and we wrote it again; not a second time
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    sent_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    sent_sha256: bytes | None = None  # of the text: what would change nothing is not sent
    claimed_until: datetime | None = Field(default=None, sa_type=TIME)
    next_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    error: str = Field(default="", max_length=500)
    closed: str | None = Field(default=None, max_length=500)


class Heard(Table, table=True):
    """A comment or review that held commands: carried out once, answered once, counted for the quota."""

    __table_args__ = (
        UniqueConstraint("repository_id", "key", name="heard_once"),
        Index("heard_by_actor", "repository_id", "actor_id", "heard_at"),
        Index("heard_unanswered", "next_at", postgresql_where=sa.text("answered_at IS NULL")),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    repository_id: int = Field(foreign_key="repository.id")
    key: str = Field(max_length=100)  # comment:123, review:5
    pull_request: int
    comment_id: int = Field(sa_type=sa.BigInteger)  # what a reaction is given to
    actor: str = Field(max_length=200)
    actor_id: int = Field(sa_type=sa.BigInteger)
    commit: str | None = Field(default=None, max_length=64)  # the head that was read once, for all commands of it
    verbs: list[str] = Field(default_factory=list, sa_type=sa.ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"})
    carried_out: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # commands, from the first on
    reaction: str | None = Field(default=None, max_length=24)  # owed: eyes or -1
    reply: str | None = None  # owed: the one reply there is
    verdict: str = Field(default="", max_length=500)
    delivery_id: int = Field(foreign_key="delivery.id", sa_type=sa.BigInteger)
    heard_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    done_at: datetime | None = Field(default=None, sa_type=TIME)  # carried out, or refused
    answered_at: datetime | None = Field(default=None, sa_type=TIME)  # reaction and reply are on the forge
    next_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Schedule(Table, table=True):
    """When a rule of a repository runs by the clock: next and last, so that a pause of ours is noticed once."""

    __table_args__ = (UniqueConstraint("repository_id", "rule", name="schedule_once"),)
    id: int = Field(default=None, primary_key=True)
    repository_id: int = Field(foreign_key="repository.id")
    rule: str = Field(max_length=100)
    cron: str = Field(max_length=100)
    zone: str = Field(default="UTC", max_length=64)
    next_at: datetime = Field(sa_type=TIME, index=True)
    last_at: datetime | None = Field(default=None, sa_type=TIME)
    paused_at: datetime | None = Field(default=None, sa_type=TIME)  # since when a person wants it to rest
    paused_by: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})


class Alert(Table, table=True):
    """Something that a person has to look at: a permanent refusal, a conflict, a repository that is gone."""

    __table_args__ = (
        Index("alert_open", "kind", "subject", unique=True, postgresql_where=sa.text("resolved_at IS NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    kind: str = Field(max_length=50)  # status_refused, delivery_conflict, …
    subject: str = Field(max_length=300)  # what it is about, so that the same is said once
    text: str = Field(max_length=1000)
    repository_id: int | None = Field(default=None, foreign_key="repository.id")
    raised_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    times: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    resolved_at: datetime | None = Field(default=None, sa_type=TIME)
