"""Keep what became of backups, how long a repository wants things kept, and which deliveries have no body any more.

Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(1000), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(1000), server_default="", nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("error = '' OR ended_at IS NOT NULL", name="backup_ended"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("backup_open", "backup", ["id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "keep_rule",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(24), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.CheckConstraint("days >= 0", name="keep_rule_days"),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"]),
        sa.PrimaryKeyConstraint("repository_id", "what"),
    )
    op.add_column("delivery", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("delivery_with_body", "delivery", ["received_at"], postgresql_where=sa.text("removed_at IS NULL"))


def downgrade() -> None:
    op.drop_index("delivery_with_body", "delivery")
    op.drop_column("delivery", "removed_at")
    op.drop_table("keep_rule")
    op.drop_table("backup")
