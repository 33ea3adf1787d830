"""Who wants to hear of what, and what is on its way to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words


class Channel(StrEnum):
    """How somebody is told."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class News(StrEnum):
    """What can be told."""

    OPENED = "opened"  # a history got worse
    IMPROVED = "improved"  # a history moved, and not for the worse
    REOPENED = "reopened"  # it grew beyond what was agreed, or came back
    RECOVERED = "recovered"
    TRIAGED = "triaged"  # a person judged it
    WITHDRAWN = "withdrawn"  # later measurements spoke against it
    PIPELINE_FAILED = "pipeline_failed"  # on the default branch
    BOARD_OUT = "board_out"  # a board gets no jobs until somebody says that it is good
    BOARD_GOOD = "board_good"  # it gets jobs again
    BUILDER_AWAY = "builder_away"  # a builder was not heard for long: its boards get no jobs
    BUILDER_BACK = "builder_back"  # it is heard again
    TEST = "test"


class Subscription(Table, table=True):
    """Somebody who wants to hear of some news, of one repository, of all, or of the boards that name it as owner."""

    __table_args__ = (
        CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name="subscription_secret"),
        CheckConstraint("NOT of_owner OR channel = 'mail'", name="subscription_of_owner"),
        Index("subscription_of", "repository_id", postgresql_where=sa.text("ended_at IS NULL")),
        Index("subscription_of_owner_once", "address", unique=True, postgresql_where=sa.text("of_owner")),
    )
    id: int = Field(default=None, primary_key=True)
    repository_id: int | None = Field(default=None, foreign_key="repository.id")  # None: of all
    channel: Channel = Field(sa_type=words(Channel, "subscription_channel"))
    address: str = Field(max_length=2048)
    secret: bytes | None = None  # sealed: what a webhook is signed with
    events: list[str] = Field(sa_type=ARRAY(sa.Text))  # of News
    of_owner: bool = Field(
        default=False, sa_column_kwargs={"server_default": "false"}
    )  # only of boards that name this address as their owner; begun by the first such news
    said_by: str = Field(max_length=200)
    said_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    ended_at: datetime | None = Field(default=None, sa_type=TIME)
    ended_why: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})


class Notification(Table, table=True):
    """The outbox: one piece of news on its way to one subscriber. Told at least once, always under the same id."""

    __table_args__ = (
        UniqueConstraint("delivery", name="notification_delivery"),
        UniqueConstraint("subscription_id", "event", "shift_id", "version", name="notification_of_shift_once"),
        UniqueConstraint("subscription_id", "event", "pipeline_id", name="notification_of_pipeline_once"),
        Index("notification_due", "next_at", postgresql_where=sa.text("sent_at IS NULL AND closed IS NULL")),
        Index("notification_by_pipeline", "pipeline_id", postgresql_where=sa.text("pipeline_id IS NOT NULL")),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    delivery: UUID = Field(default=None, sa_column_kwargs={"server_default": sa.text("gen_random_uuid()")})
    subscription_id: int = Field(foreign_key="subscription.id", index=True)
    event: News = Field(sa_type=words(News, "notification_event"))
    shift_id: int | None = Field(default=None, foreign_key="shift.id")
    version: int | None = None  # of the shift
    pipeline_id: int | None = Field(default=None, foreign_key="pipeline.id", ondelete="CASCADE")
    payload: dict[str, Any] = Field(sa_type=JSONB)  # what was true when it happened
    created_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    next_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    claimed_until: datetime | None = Field(default=None, sa_type=TIME)
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    error: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    sent_at: datetime | None = Field(default=None, sa_type=TIME)
    closed: str | None = Field(default=None, max_length=500)  # given up: why
