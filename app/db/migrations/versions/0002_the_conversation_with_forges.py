"""Know secrets, conversations, commands and schedules.

Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


TRIGGERS = ("push", "pull_request", "dispatch")
MORE_TRIGGERS = ("merge_group", "schedule", "command")
TARGET = ["pipeline_id", "board_type", "configuration", "generation"]  # what makes a job of a pipeline itself
BOARD = sa.text("coalesce(board, '')")


def _triggers(words: tuple[str, ...]) -> None:
    """Say anew which triggers there are."""
    op.drop_constraint("pipeline_trigger", "pipeline", type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint("pipeline_trigger", "pipeline", f"trigger IN ({listed})")


def upgrade() -> None:
    _triggers(TRIGGERS + MORE_TRIGGERS)
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("forge", sa.String(24), nullable=False),
        sa.Column("forge_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("forge", "forge_id", name="installation_once"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "alert_open", "alert", ["kind", "subject"], unique=True, postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_table(
        "heard",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("pull_request", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=True),
        sa.Column("verbs", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("carried_out", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reaction", sa.String(24), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(500), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "key", name="heard_once"),
    )
    op.create_index("heard_by_actor", "heard", ["repository_id", "actor_id", "heard_at"], unique=False)
    op.create_index(
        "heard_unanswered", "heard", ["next_at"], unique=False, postgresql_where=sa.text("answered_at IS NULL")
    )
    op.create_table(
        "repository_name",
        sa.Column("forge", sa.String(24), nullable=False),
        sa.Column("full_name", sa.String(512), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("forge", "full_name"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("cron", sa.String(100), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "rule", name="schedule_once"),
    )
    op.create_index(op.f("ix_schedule_next_at"), "schedule", ["next_at"], unique=False)
    op.create_table(
        "webhook_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column("installation_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('secret', 'signing')", name="webhook_secret_kind"),
        sa.CheckConstraint("(repository_id IS NULL) <> (installation_id IS NULL)", name="webhook_secret_of_one"),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["installation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_secret_installation_id"), "webhook_secret", ["installation_id"], unique=False)
    op.create_index(op.f("ix_webhook_secret_repository_id"), "webhook_secret", ["repository_id"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("pull_request", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=True),
        sa.Column("comment_id", sa.BigInteger(), nullable=True),
        sa.Column("recreated", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sent_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("closed", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipeline.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "pull_request", name="conversation_once"),
    )
    op.create_index(
        "conversation_due",
        "conversation",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("sent_version < version AND closed IS NULL"),
    )
    op.add_column("approval", sa.Column("approver_id", sa.BigInteger(), nullable=True))
    op.add_column("approval", sa.Column("via", sa.String(24), server_default="admin", nullable=False))
    op.add_column("approval", sa.Column("pull_request", sa.Integer(), nullable=True))
    op.add_column("pull_request", sa.Column("head_by", sa.String(200), server_default="", nullable=False))
    op.add_column("pull_request", sa.Column("head_by_id", sa.BigInteger(), nullable=True))
    op.add_column("approval", sa.Column("delivery_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("approval_delivery_id_fkey", "approval", "delivery", ["delivery_id"], ["id"])
    op.add_column("job", sa.Column("target_group", sa.String(100), server_default="", nullable=False))
    op.add_column("job", sa.Column("needs", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("job", sa.Column("facts", postgresql.JSONB(), server_default="{}", nullable=False))
    op.drop_index("job_target_once", table_name="job")
    op.create_index("job_target_once", "job", [*TARGET, "target_group", "facts", BOARD], unique=True)
    op.add_column("pipeline", sa.Column("rule", sa.String(100), nullable=True))
    op.add_column("pipeline", sa.Column("compare_with", sa.String(64), nullable=True))
    op.add_column("pipeline", sa.Column("status_style", sa.String(24), server_default="aggregate", nullable=False))
    op.add_column("pipeline", sa.Column("comment_style", sa.String(24), server_default="changes", nullable=False))
    op.add_column("repository", sa.Column("installation_id", sa.BigInteger(), nullable=True))
    op.add_column("repository", sa.Column("hook_id", sa.BigInteger(), nullable=True))
    op.add_column("repository", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("repository", sa.Column("policy", sa.String(), nullable=True))
    op.add_column("repository", sa.Column("policy_commit", sa.String(64), nullable=True))


def downgrade() -> None:
    _triggers(TRIGGERS)
    op.drop_column("repository", "policy_commit")
    op.drop_column("repository", "policy")
    op.drop_column("repository", "heard_at")
    op.drop_column("repository", "hook_id")
    op.drop_column("repository", "installation_id")
    op.drop_column("pipeline", "comment_style")
    op.drop_column("pipeline", "status_style")
    op.drop_column("pipeline", "compare_with")
    op.drop_column("pipeline", "rule")
    op.drop_index("job_target_once", table_name="job")
    op.create_index("job_target_once", "job", TARGET, unique=True)
    op.drop_column("job", "facts")
    op.drop_column("job", "needs")
    op.drop_column("job", "target_group")
    op.drop_constraint("approval_delivery_id_fkey", "approval", type_="foreignkey")
    op.drop_column("approval", "delivery_id")
    op.drop_column("pull_request", "head_by_id")
    op.drop_column("pull_request", "head_by")
    op.drop_column("approval", "pull_request")
    op.drop_column("approval", "via")
    op.drop_column("approval", "approver_id")
    op.drop_index(
        "conversation_due",
        table_name="conversation",
        postgresql_where=sa.text("sent_version < version AND closed IS NULL"),
    )
    op.drop_table("conversation")
    op.drop_index(op.f("ix_webhook_secret_repository_id"), table_name="webhook_secret")
    op.drop_index(op.f("ix_webhook_secret_installation_id"), table_name="webhook_secret")
    op.drop_table("webhook_secret")
    op.drop_index(op.f("ix_schedule_next_at"), table_name="schedule")
    op.drop_table("schedule")
    op.drop_table("repository_name")
    op.drop_index("heard_unanswered", table_name="heard", postgresql_where=sa.text("answered_at IS NULL"))
    op.drop_index("heard_by_actor", table_name="heard")
    op.drop_table("heard")
    op.drop_index("alert_open", table_name="alert", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("alert")
    op.drop_table("installation")
