"""Know of boards how well they are, who keeps them, and the checks of them.

Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRIGGERS = ("push", "pull_request", "dispatch", "merge_group", "schedule", "command")
KINDS = ("build", "run")
HEALTH = ("health",)


def _words(kinds: tuple[str, ...], triggers: tuple[str, ...]) -> None:
    """Say anew which kinds and triggers of pipelines there are."""
    for name, column, words in (("pipeline_kind", "kind", kinds), ("pipeline_trigger", "trigger", triggers)):
        op.drop_constraint(name, "pipeline", type_="check")
        listed = ", ".join(f"'{word}'" for word in words)
        op.create_check_constraint(name, "pipeline", f"{column} IN ({listed})")


def upgrade() -> None:
    _words(KINDS + HEALTH, TRIGGERS + HEALTH)
    for column in (
        sa.Column("health_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fail_streak", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_every_s", sa.Float(), nullable=True),
        sa.Column("devices", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("power", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_by", sa.String(200), server_default="", nullable=False),
        sa.Column("hold_on_failure_s", sa.Float(), nullable=True),
    ):
        op.add_column("board", column)
    op.add_column("configuration", sa.Column("is_check", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("audit", sa.Column("board_id", sa.Integer(), nullable=True))
    op.create_index("audit_of_board", "audit", ["board_id", "id"], postgresql_where=sa.text("board_id IS NOT NULL"))
    op.add_column("job", sa.Column("board_id", sa.Integer(), sa.ForeignKey("board.id"), nullable=True))
    op.create_index("job_check_once", "job", ["board_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("job_check", "job", ["board_id", "id"], postgresql_where=sa.text("board_id IS NOT NULL"))


def downgrade() -> None:
    checks = "(SELECT id FROM job WHERE board_id IS NOT NULL)"
    tries = f"(SELECT id FROM attempt WHERE job_id IN {checks})"  # noqa: S608  # words of ours
    for table, which in (
        ("log_chunk", f"attempt_id IN {tries}"),
        ("attempt", f"job_id IN {checks}"),
        ("job", f"id IN {checks}"),
        ("pipeline", "kind = 'health'"),
    ):
        op.execute(f"DELETE FROM {table} WHERE {which}")  # noqa: S608  # words of ours
    op.drop_column("job", "board_id")
    op.drop_column("audit", "board_id")
    op.drop_column("configuration", "is_check")
    for name in (
        *("hold_on_failure_s", "held_by", "held_until", "power", "devices"),
        *("check_every_s", "checked_at", "fail_streak", "health_at"),
    ):
        op.drop_column("board", name)
    _words(KINDS, TRIGGERS)
