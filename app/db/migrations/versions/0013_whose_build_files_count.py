"""Know the base whose build files count for a fork's commit.

Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("base", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("pipeline", "base")
