"""Know what a commit status says of a pipeline that was skipped.

Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("skipped_as", sa.String(24), server_default="pending", nullable=False))


def downgrade() -> None:
    op.drop_column("pipeline", "skipped_as")
