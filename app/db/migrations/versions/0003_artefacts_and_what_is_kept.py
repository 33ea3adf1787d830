"""Keep artefacts, know what was removed again, and what a builder says of its disk and configuration.

Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REASON = (1000, 4000)  # characters, before and after: the last lines of a silent script are part of it


def upgrade() -> None:
    op.create_table(
        "artefact",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"]),
        sa.PrimaryKeyConstraint("attempt_id", "number"),
    )
    op.create_table(
        "artefact_piece",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"]),
        sa.PrimaryKeyConstraint("attempt_id", "number", "piece"),
    )
    op.add_column("attempt", sa.Column("log_removed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempt", sa.Column("artefacts_removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "attempt_with_log", "attempt", ["ended_at"], unique=False, postgresql_where=sa.text("log_removed_at IS NULL")
    )
    op.add_column("builder", sa.Column("disk_free", sa.BigInteger(), nullable=True))
    op.add_column("builder", sa.Column("problem", sa.String(1000), server_default="", nullable=False))
    for table in ("job", "attempt"):
        op.alter_column(table, "reason", type_=sa.String(REASON[1]))


def downgrade() -> None:
    for table in ("job", "attempt"):
        shorter = f"substr(reason, 1, {REASON[0]})"
        op.alter_column(table, "reason", type_=sa.String(REASON[0]), postgresql_using=shorter)
    op.drop_column("builder", "problem")
    op.drop_column("builder", "disk_free")
    op.drop_index("attempt_with_log", table_name="attempt", postgresql_where=sa.text("log_removed_at IS NULL"))
    op.drop_column("attempt", "artefacts_removed_at")
    op.drop_column("attempt", "log_removed_at")
    op.drop_table("artefact_piece")
    op.drop_table("artefact")
