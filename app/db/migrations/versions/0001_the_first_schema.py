"""The first schema.

The tables of app.db.models, without any that came later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.String(500), nullable=True),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("pipeline_id", sa.Integer(), nullable=True),
        sa.Column("attempt_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(1000), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_job", "audit", ["job_id"], unique=False)
    op.create_index("audit_by_pipeline", "audit", ["pipeline_id"], unique=False)
    op.create_table(
        "builder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "paused",
                "draining",
                "retired",
                name="builder_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            server_default="active",
            nullable=False,
        ),
        sa.Column("instance", sa.String(100), nullable=True),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("isolation", sa.String(24), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("forge", sa.String(24), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(500), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("forge", "key", name="delivery_once"),
    )
    op.create_index(
        "delivery_unhandled", "delivery", ["id"], unique=False, postgresql_where=sa.text("handled_at IS NULL")
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("forge", sa.String(24), nullable=False),
        sa.Column("forge_id", sa.BigInteger(), nullable=True),
        sa.Column("full_name", sa.String(512), nullable=False),
        sa.Column("clone_url", sa.String(2048), nullable=False),
        sa.Column("default_branch", sa.String(255), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(forge = 'git') = (forge_id IS NULL)", name="repository_identity"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("forge", "forge_id", name="repository_once"),
    )
    op.create_index(
        "repository_remote_once", "repository", ["clone_url"], unique=True, postgresql_where=sa.text("forge = 'git'")
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("approver", sa.String(200), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "commit", name="approval_once"),
    )
    op.create_table(
        "board",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("builder_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("description", sa.String(1000), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "health",
            sa.Enum(
                "unknown",
                "good",
                "bad",
                "quarantined",
                "maintenance",
                name="board_health",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            server_default="unknown",
            nullable=False,
        ),
        sa.Column("health_reason", sa.String(500), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("reusable_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["builder_id"],
            ["builder.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("builder_id", "name", name="board_once"),
    )
    op.create_index("board_by_type", "board", ["type"], unique=False)
    op.create_table(
        "commit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(64), nullable=False),
        sa.Column("parents", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "sha", name="commit_once"),
    )
    op.create_table(
        "pipeline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("build", "run", name="pipeline_kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column(
            "trigger",
            sa.Enum(
                "push",
                "pull_request",
                "dispatch",
                name="pipeline_trigger",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("dedupe_key", sa.String(200), nullable=True),
        sa.Column("branch", sa.String(255), nullable=True),
        sa.Column("pull_request", sa.Integer(), nullable=True),
        sa.Column("from_fork", sa.Boolean(), nullable=False),
        sa.Column("fetch_ref", sa.String(512), nullable=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("trust", sa.String(200), nullable=True),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=True),
        sa.Column("limit_s", sa.Float(), nullable=True),
        sa.Column("repeat", sa.Integer(), server_default="1", nullable=False),
        sa.Column("error", sa.String(1000), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("pipeline_by_commit", "pipeline", ["commit", "repository_id"], unique=False)
    op.create_index("pipeline_once", "pipeline", ["repository_id", "dedupe_key"], unique=True)
    op.create_table(
        "pull_request",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("before", sa.String(64), nullable=True),
        sa.Column("base_branch", sa.String(255), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("from_fork", sa.Boolean(), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("repository_id", "number"),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("benchmark", sa.String(500), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("metric", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(50), nullable=False),
        sa.Column("better", sa.String(8), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "branch", "board_type", "configuration", "identity", name="series_once"),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "name", name="token_once"),
    )
    op.create_table(
        "configuration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("limit_s", sa.Float(), nullable=True),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["board_id"],
            ["board.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("board_id", "name", name="configuration_once"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("board", sa.String(100), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replaced", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "awaiting_approval",
                "queued",
                "leased",
                "running",
                "passed",
                "failed",
                "errored",
                "timed_out",
                "cancelled",
                "skipped",
                name="job_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column(
            "priority",
            sa.Enum(
                "release",
                "branch",
                "pull_request",
                "nightly",
                name="job_priority",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retries_left", sa.Integer(), server_default="2", nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'errored', 'failed', 'passed', 'skipped', 'timed_out')) = (ended_at IS NOT NULL)",
            name="job_ended",
        ),
        sa.CheckConstraint("state NOT IN ('leased', 'running') OR epoch > 0", name="job_held_has_epoch"),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipeline.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_by_pipeline", "job", ["pipeline_id"], unique=False)
    op.create_index(
        "job_open", "job", ["state", "queued_at"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("job_target_once", "job", ["pipeline_id", "board_type", "configuration", "generation"], unique=True)
    op.create_table(
        "status",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("context", sa.String(100), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sent_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_state", sa.String(24), nullable=True),
        sa.Column("sent_description", sa.String(255), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("closed", sa.String(500), nullable=True),
        sa.Column("memory", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipeline.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "commit", "context", name="status_once"),
    )
    op.create_index("status_by_pipeline", "status", ["pipeline_id"], unique=False)
    op.create_index(
        "status_due",
        "status",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("sent_version < version AND closed IS NULL"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("builder_id", sa.Integer(), nullable=False),
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "phase",
            sa.Enum(
                "fetch",
                "build",
                "run",
                "collect",
                name="attempt_phase",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("phases", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "awaiting_approval",
                "queued",
                "leased",
                "running",
                "passed",
                "failed",
                "errored",
                "timed_out",
                "cancelled",
                "skipped",
                name="attempt_outcome",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("said", sa.LargeBinary(), nullable=True),
        sa.Column("log_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("log_sha256", sa.String(64), nullable=False),
        sa.Column("log_dropped", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="attempt_ended"),
        sa.ForeignKeyConstraint(
            ["board_id"],
            ["board.id"],
        ),
        sa.ForeignKeyConstraint(
            ["builder_id"],
            ["builder.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("builder_id", "claim_id", name="attempt_once_per_claim"),
        sa.UniqueConstraint("job_id", "epoch", name="attempt_fenced"),
    )
    op.create_index(
        "attempt_open_board", "attempt", ["board_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "attempt_open_job", "attempt", ["job_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "log_chunk",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.PrimaryKeyConstraint("attempt_id", "start"),
    )
    op.create_table(
        "measurement",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("commit_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("samples", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("resolution", sa.Float(), nullable=True),
        sa.Column("cap", sa.Float(), nullable=True),
        sa.Column("measured_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.ForeignKeyConstraint(
            ["commit_id"],
            ["commit.id"],
        ),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("series_id", "attempt_id", name="measurement_once"),
    )
    op.create_index("measurement_by_commit", "measurement", ["series_id", "commit_id"], unique=False)
    op.create_table(
        "result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("format", sa.String(50), nullable=True),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("attempt_id", "number", name="result_once"),
    )


def downgrade() -> None:
    op.drop_table("result")
    op.drop_index("measurement_by_commit", table_name="measurement")
    op.drop_table("measurement")
    op.drop_table("log_chunk")
    op.drop_index("attempt_open_job", table_name="attempt", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("attempt_open_board", table_name="attempt", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("attempt")
    op.drop_index(
        "status_due", table_name="status", postgresql_where=sa.text("sent_version < version AND closed IS NULL")
    )
    op.drop_index("status_by_pipeline", table_name="status")
    op.drop_table("status")
    op.drop_index("job_target_once", table_name="job")
    op.drop_index("job_open", table_name="job", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("job_by_pipeline", table_name="job")
    op.drop_table("job")
    op.drop_table("configuration")
    op.drop_table("token")
    op.drop_table("series")
    op.drop_table("pull_request")
    op.drop_index("pipeline_once", table_name="pipeline")
    op.drop_index("pipeline_by_commit", table_name="pipeline")
    op.drop_table("pipeline")
    op.drop_table("commit")
    op.drop_index("board_by_type", table_name="board")
    op.drop_table("board")
    op.drop_table("approval")
    op.drop_index("repository_remote_once", table_name="repository", postgresql_where=sa.text("forge = 'git'"))
    op.drop_table("repository")
    op.drop_index("delivery_unhandled", table_name="delivery", postgresql_where=sa.text("handled_at IS NULL"))
    op.drop_table("delivery")
    op.drop_table("builder")
    op.drop_index("audit_by_pipeline", table_name="audit")
    op.drop_index("audit_by_job", table_name="audit")
    op.drop_table("audit")
    op.drop_table("account")
