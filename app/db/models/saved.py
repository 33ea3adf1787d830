"""Saved dispatches."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.db.models.columns import TIME, Table, now


class Preset(Table, table=True):
    """A dispatch under a name, with arguments to be filled in. Ids below 100 belong to those that are built in."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=100, unique=True)
    description: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    work: dict[str, Any] = Field(sa_type=JSONB)  # of app.web.api.presets.PresetWork
    arguments: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
    made_by: str = Field(max_length=200)
    changed_at: datetime = Field(default=None, sa_type=TIME, sa_column_kwargs={"server_default": now()})
