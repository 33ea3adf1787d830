"""Keep what is zstd already as it is: PostgreSQL's own compression would only cost CPU.

Says how rows are stored from now on and rewrites none: those from before are read as ever.

Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COMPRESSED = ("log_chunk", "artefact_piece", "result")


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(how: str) -> None:
    for table in COMPRESSED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN data SET STORAGE {how}")
