"""Alerts notice when a level comes back, wait until all that moved is found, and can be muted.

Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("change_point", sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("shift", sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "shift_untold", "shift", ["tell_at"], unique=False, postgresql_where=sa.text("told_version < version")
    )
    op.create_table(
        "mute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("benchmark", sa.String(500), nullable=True),
        sa.Column("metric", sa.String(200), nullable=True),
        sa.Column("board_type", sa.String(100), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("said_by", sa.String(200), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("benchmark IS NOT NULL OR board_type IS NOT NULL", name="mute_of_something"),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mute_by_repository", "mute", ["repository_id", "until_at"], unique=False)


def downgrade() -> None:
    op.drop_table("mute")
    op.drop_index("shift_untold", table_name="shift")
    op.drop_column("shift", "tell_at")
    op.drop_column("change_point", "recovered_at")
