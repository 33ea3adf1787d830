"""Let a person pause a schedule.

Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedule", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("schedule", sa.Column("paused_by", sa.String(200), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("schedule", "paused_by")
    op.drop_column("schedule", "paused_at")
