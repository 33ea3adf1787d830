"""Run migrations over the connection of `app.db.schema`."""

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString, SQLModel

import app.db.models  # noqa: F401  # fills the metadata


def _plain(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write SQLModel's own string type as the plain one that it is."""
    return f"sa.String({item.length or ''})" if kind == "type" and isinstance(item, AutoString) else False


context.configure(
    connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, render_item=_plain
)
with context.begin_transaction():
    context.run_migrations()
