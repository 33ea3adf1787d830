"""How the service looks after itself: the backups it made, and how long repositories want things kept."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import CheckConstraint, Field, Index

from app.db.models.columns import TIME, Table, now


class Backup(Table, table=True):
    """One backup by the clock: whether it came about, and where it is."""

    __table_args__ = (
        CheckConstraint("error = '' OR ended_at IS NOT NULL", name="backup_ended"),
        Index("backup_open", "id", postgresql_where=sa.text("ended_at IS NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    file: str = Field(max_length=1000)  # name in the folder of the settings
    machine: str = Field(max_length=255)  # whose folder it is
    begun_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
    ended_at: datetime | None = Field(default=None, sa_type=TIME)
    size: int | None = Field(default=None, sa_type=sa.BigInteger)  # bytes of the file
    rows: int | None = Field(default=None, sa_type=sa.BigInteger)
    error: str = Field(default="", max_length=1000, sa_column_kwargs={"server_default": ""})
    removed_at: datetime | None = Field(default=None, sa_type=TIME)  # later ones took its place


class KeepRule(Table, table=True):
    """How long one repository's things of a kind are kept, instead of what the settings say."""

    __tablename__ = "keep_rule"
    __table_args__ = (CheckConstraint("days >= 0", name="keep_rule_days"),)
    repository_id: int = Field(foreign_key="repository.id", primary_key=True)
    what: str = Field(max_length=24, primary_key=True)  # logs, artefacts, samples, results, pipelines
    days: int  # 0: for ever
