"""Know which configurations can run two commits by turns, how many pairs are wanted, and what hindered it.

Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("configuration", sa.Column("compares", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("pipeline", sa.Column("pairs", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("no_base", sa.String(4000), server_default="", nullable=False))
    op.add_column("comparison", sa.Column("note", sa.String(500), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("comparison", "note")
    op.drop_column("attempt", "no_base")
    op.drop_column("pipeline", "pairs")
    op.drop_column("configuration", "compares")
