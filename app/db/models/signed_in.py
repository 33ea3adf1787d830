"""Who is signed in, and what proves who it is: sessions, accounts on forges, links to set a password."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import CheckConstraint, Field, Index, UniqueConstraint

from app.db.models.columns import TIME, Table, now, words
from app.rights import Role


class Session(Table, table=True):
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


class Identity(Table, table=True):
    """An account on a forge that a user signs in with. The numeric id counts: logins change hands."""

    __table_args__ = (
        UniqueConstraint("forge", "forge_id", name="identity_once"),
        UniqueConstraint("user_id", "forge", name="identity_of_user"),
    )
    id: int = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    forge: str = Field(max_length=24)
    forge_id: int = Field(sa_type=sa.BigInteger)
    login: str = Field(max_length=255)  # as it was at the last sign-in
    linked_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    asked_at: datetime | None = Field(default=None, sa_type=TIME)  # the forge, for the rights
    by_rights: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # its rights made the user


class PasswordReset(Table, table=True):
    """A link with which a user may set a password once. The row keeps a hash of its code."""

    __tablename__ = "password_reset"
    user_id: int = Field(foreign_key="account.id", ondelete="CASCADE", primary_key=True)
    code_hash: bytes = Field(unique=True)  # SHA-256 of 256 random bits
    ends_at: datetime = Field(sa_type=TIME)


class ForgeRole(Table, table=True):
    """A role in one repository that follows from the forge's rights: only asking the forge changes it."""

    __tablename__ = "forge_role"
    user_id: int = Field(foreign_key="account.id", ondelete="CASCADE", primary_key=True)
    repository_id: int = Field(foreign_key="repository.id", ondelete="CASCADE", primary_key=True, index=True)
    role: Role = Field(sa_type=words(Role, "forge_role_role"))
    confirmed_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
