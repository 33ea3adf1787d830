"""What the columns of all tables have in common: times, words under a CHECK, the database's clock."""

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from app.states import JobState

TIME = sa.DateTime(timezone=True)


class Table(SQLModel):
    """What every table is. Pydantic's part, which nothing asks for, is built if somebody does: that is a megabyte."""

    model_config = {"defer_build": True}


def words(kind: type[StrEnum], name: str) -> sa.Enum:
    """Store an enum as text under a CHECK: a native type cannot be changed by an ordinary migration."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=name,
        values_callable=lambda words: [word.value for word in words],
    )


def quoted(states: frozenset[JobState]) -> str:
    """List states for the text of a CHECK."""
    return ", ".join(f"'{state.value}'" for state in sorted(states))


def now() -> Any:
    """Name the database's clock: the only one that decides."""
    return sa.func.now()
