"""A rule may let a regression fail its status, and a person may accept one.

Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("fails_on", sa.String(24), server_default="never", nullable=False))
    op.create_table(
        "acceptance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("pull_request", sa.Integer(), nullable=True),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("change", sa.Float(), nullable=True),
        sa.Column("said_by", sa.String(200), nullable=False),
        sa.Column("said_by_id", sa.BigInteger(), nullable=True),
        sa.Column("via", sa.String(24), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("acceptance_by_pull_request", "acceptance", ["repository_id", "pull_request"], unique=False)
    op.create_index("acceptance_by_range", "acceptance", ["repository_id", "head", "base"], unique=False)


def downgrade() -> None:
    op.drop_table("acceptance")
    op.drop_column("pipeline", "fails_on")
