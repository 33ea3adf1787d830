"""Search for the commit that shifted a level.

Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bisection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=True),
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("board", sa.String(100), nullable=True),
        sa.Column("configuration", sa.String(100), nullable=False),
        sa.Column("benchmark", sa.String(500), nullable=False),
        sa.Column("metric", sa.String(200), nullable=False),
        sa.Column("good", sa.String(64), nullable=False),
        sa.Column("commits", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_worse", sa.Boolean(), nullable=True),
        sa.Column("budget_s", sa.Float(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "found",
                "narrowed",
                "not_reproduced",
                "failed",
                "cancelled",
                name="bisection_state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            server_default="running",
            nullable=False,
        ),
        sa.Column("culprit", sa.String(64), nullable=True),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'found') = (culprit IS NOT NULL)", name="bisection_culprit"),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="bisection_ended"),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
        ),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["shift.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bisection_by_repository", "bisection", ["repository_id", "id"], unique=False)
    op.create_index("bisection_by_shift", "bisection", ["shift_id"], unique=False)
    op.create_index(
        "bisection_running", "bisection", ["id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "bisection_step",
        sa.Column("bisection_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=True),
        sa.Column(
            "tried",
            sa.Enum(
                "old", "new", "unknown", name="bisection_tried", native_enum=False, create_constraint=True, length=24
            ),
            nullable=True,
        ),
        sa.Column("change", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(tried IS NULL) = (ended_at IS NULL)", name="bisection_step_ended"),
        sa.ForeignKeyConstraint(["bisection_id"], ["bisection.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("bisection_id", "number"),
    )


def downgrade() -> None:
    op.drop_table("bisection_step")
    op.drop_table("bisection")
