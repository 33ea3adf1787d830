"""Keep comparisons, change points with their triage, the noise of boards, and results from elsewhere.

Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NEW_TABLES = (
    "board_noise",
    "annotation",
    "analysis",
    "change_point",
    "shift",
    "comparison_row",
    "comparison",
    "import",
)


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("format", sa.String(50), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("imported_by", sa.String(200), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repository_id", "sha256", name="import_once"),
    )
    op.add_column(
        "result",
        sa.Column(
            "side",
            sa.Enum("base", "head", name="result_side", native_enum=False, create_constraint=True, length=24),
            server_default="head",
            nullable=False,
        ),
    )
    op.add_column("result", sa.Column("pair", sa.Integer(), nullable=True))
    op.add_column("result", sa.Column("env", JSONB(), server_default="{}", nullable=False))
    op.add_column("result", sa.Column("unmeasured", JSONB(), server_default="{}", nullable=False))
    op.add_column("pipeline", sa.Column("compare_why", sa.String(200), server_default="", nullable=False))
    op.add_column("pipeline", sa.Column("interleaved", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("pipeline", sa.Column("budget_s", sa.Float(), nullable=True))
    op.add_column("measurement", sa.Column("import_id", sa.Integer(), nullable=True))
    op.create_table(
        "comparison",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("board_id", sa.Integer(), nullable=True),
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "interleaved", "apart", name="comparison_kind", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("pairs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("base_binary", sa.String(64), nullable=True),
        sa.Column("head_binary", sa.String(64), nullable=True),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("counts", JSONB(), server_default="{}", nullable=False),
        sa.Column("ratio", sa.Float(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.ForeignKeyConstraint(
            ["board_id"],
            ["board.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["pipeline.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("attempt_id", name="comparison_of_attempt"),
    )
    op.create_index("comparison_by_base", "comparison", ["repository_id", "base"], unique=False)
    op.create_index("comparison_by_head", "comparison", ["repository_id", "head"], unique=False)
    op.create_index("ix_comparison_job_id", "comparison", ["job_id"], unique=False)
    op.create_index("ix_comparison_pipeline_id", "comparison", ["pipeline_id"], unique=False)
    op.create_table(
        "comparison_row",
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("benchmark", sa.String(500), nullable=False),
        sa.Column("params", JSONB(), server_default="{}", nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("metric", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(50), nullable=False),
        sa.Column("better", sa.String(8), nullable=True),
        sa.Column("base_values", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("head_values", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("resolution", sa.Float(), nullable=True),
        sa.Column("cap", sa.Float(), nullable=True),
        sa.Column(
            "verdict",
            sa.Enum(
                "regressed",
                "improved",
                "unchanged",
                "undecided",
                "no_baseline",
                "new",
                "removed",
                "failed",
                "skipped",
                "measured_once",
                "unjudged",
                name="row_verdict",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("change", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("p", sa.Float(), nullable=True),
        sa.Column("fails", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparison.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("comparison_id", "identity"),
    )
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("after_commit_id", sa.Integer(), nullable=False),
        sa.Column("until_commit_id", sa.Integer(), nullable=False),
        sa.Column("is_worse", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "acknowledged",
                "expected",
                "noise",
                "infrastructure",
                "fixed",
                "wont_fix",
                "recovered",
                name="shift_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            server_default="new",
            nullable=False,
        ),
        sa.Column("said_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("link", sa.String(2000), nullable=False),
        sa.Column("assignee", sa.String(200), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_change", sa.Float(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("told_version", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["after_commit_id"],
            ["commit.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.ForeignKeyConstraint(
            ["until_commit_id"],
            ["commit.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shift_by_repository", "shift", ["repository_id", "state", "id"], unique=False)
    op.create_table(
        "change_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=False),
        sa.Column("after_commit_id", sa.Integer(), nullable=False),
        sa.Column("until_commit_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Float(), nullable=False),
        sa.Column("after", sa.Float(), nullable=False),
        sa.Column("change", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("is_worse", sa.Boolean(), nullable=True),
        sa.Column("points_after", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["after_commit_id"],
            ["commit.id"],
        ),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.id"],
        ),
        sa.ForeignKeyConstraint(
            ["until_commit_id"],
            ["commit.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("change_point_by_series", "change_point", ["series_id", "until_commit_id"], unique=False)
    op.create_index("change_point_by_shift", "change_point", ["shift_id"], unique=False)
    op.create_table(
        "analysis",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("sigma", sa.Float(), nullable=True),
        sa.Column("inflation", sa.Float(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("analysed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("series_id"),
    )
    op.create_index(
        "analysis_due", "analysis", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("commit_id", sa.Integer(), nullable=False),
        sa.Column("board_type", sa.String(100), nullable=True),
        sa.Column("configuration", sa.String(100), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "tag",
                "toolchain",
                "board",
                "note",
                name="annotation_kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("cuts", sa.Boolean(), nullable=False),
        sa.Column("said_by", sa.String(200), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["commit_id"],
            ["commit.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("annotation_by_repository", "annotation", ["repository_id", "commit_id"], unique=False)
    op.create_table(
        "board_noise",
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("benchmark", sa.String(500), nullable=False),
        sa.Column("metric", sa.String(200), nullable=False),
        sa.Column("differences", sa.ARRAY(sa.Double()), nullable=False),
        sa.Column("sigma", sa.Float(), nullable=True),
        sa.Column("drift", sa.Float(), nullable=True),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("false_alarms", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("false_alarms <= trials", name="board_noise_counts"),
        sa.ForeignKeyConstraint(
            ["board_id"],
            ["board.id"],
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.PrimaryKeyConstraint("board_id", "repository_id", "configuration", "identity"),
    )
    op.alter_column("measurement", "attempt_id", nullable=True)
    op.create_foreign_key("measurement_import_id_fkey", "measurement", "import", ["import_id"], ["id"])
    op.create_unique_constraint("measurement_imported_once", "measurement", ["series_id", "commit_id", "import_id"])
    op.create_check_constraint("measurement_source", "measurement", "(attempt_id IS NULL) <> (import_id IS NULL)")


def downgrade() -> None:
    op.execute("DELETE FROM measurement WHERE attempt_id IS NULL")
    op.drop_column("measurement", "import_id")
    op.alter_column("measurement", "attempt_id", nullable=False)
    for name in ("compare_why", "interleaved", "budget_s"):
        op.drop_column("pipeline", name)
    for name in ("side", "pair", "env", "unmeasured"):
        op.drop_column("result", name)
    for name in NEW_TABLES:
        op.drop_table(name)
