"""Who is signed in: the sessions of browsers."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import CheckConstraint, Field, Index, SQLModel

from app.db.models.columns import TIME, now


class Session(SQLModel, table=True):
    """A browser that somebody signed in with. Only the browser has its id; the row keeps a hash of it."""

    __table_args__ = (
        Index("session_of_user", "user_id", "id"),
        Index("session_of_token", "token_id", postgresql_where=sa.text("token_id IS NOT NULL")),
        CheckConstraint("ends_at > made_at", name="session_in_order"),
    )
    id: int = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    id_hash: bytes = Field(unique=True)  # SHA-256 of 256 random bits
    user_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    token_id: int | None = Field(default=None, foreign_key="token.id", ondelete="CASCADE")  # it may no more than this
    way: str = Field(max_length=24)  # password, token, first, or the name of a forge
    made_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    used_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})  # to the minute
    ends_at: datetime = Field(sa_type=TIME)
    address: str = Field(default="", max_length=64)  # where it was used last
    agent: str = Field(default="", max_length=80)  # browser and system, in words
    revoked_at: datetime | None = Field(default=None, sa_type=TIME)
