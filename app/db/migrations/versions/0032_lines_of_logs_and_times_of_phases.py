"""Pieces of logs say when they came and how many lines end in them; attempts say when their phases began.

Pieces that are there already have no time, and their lines are counted when somebody first asks.

Revises: 0031
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("log_chunk", sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("log_chunk", "arrived_at", server_default=sa.text("now()"))
    op.add_column("log_chunk", sa.Column("lines", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("began", postgresql.JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("attempt", "began")
    op.drop_column("log_chunk", "lines")
    op.drop_column("log_chunk", "arrived_at")
