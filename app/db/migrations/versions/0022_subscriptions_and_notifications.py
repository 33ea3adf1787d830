"""Tell subscribers what happened, by mail and webhooks, from an outbox.

Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "mail", "webhook", name="subscription_channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("address", sa.String(2048), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("said_by", sa.String(200), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.String(500), server_default="", nullable=False),
        sa.CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name="subscription_secret"),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "subscription_of", "subscription", ["repository_id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("delivery", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "opened",
                "improved",
                "reopened",
                "recovered",
                "triaged",
                "withdrawn",
                "pipeline_failed",
                "test",
                name="notification_event",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("shift_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("pipeline_id", sa.Integer(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(500), server_default="", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.id"],
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("delivery", name="notification_delivery"),
        sa.UniqueConstraint("subscription_id", "event", "pipeline_id", name="notification_of_pipeline_once"),
        sa.UniqueConstraint("subscription_id", "event", "shift_id", "version", name="notification_of_shift_once"),
    )
    op.create_index("ix_notification_subscription_id", "notification", ["subscription_id"], unique=False)
    op.create_index(
        "notification_by_pipeline",
        "notification",
        ["pipeline_id"],
        unique=False,
        postgresql_where=sa.text("pipeline_id IS NOT NULL"),
    )
    op.create_index(
        "notification_due",
        "notification",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND closed IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "notification_due", table_name="notification", postgresql_where=sa.text("sent_at IS NULL AND closed IS NULL")
    )
    op.drop_index(
        "notification_by_pipeline", table_name="notification", postgresql_where=sa.text("pipeline_id IS NOT NULL")
    )
    op.drop_index("ix_notification_subscription_id", table_name="notification")
    op.drop_table("notification")
    op.drop_index("subscription_of", table_name="subscription", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("subscription")
