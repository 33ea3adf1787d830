"""Know whose turn it is, and how many boards a share may hold.

Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CAPS = ("cap_fork_owner", "cap_pull_request", "cap_repository")
LINE = ["board_type", "priority", "share", "queued_at", "id"]


def upgrade() -> None:
    op.add_column("job", sa.Column("share", sa.String(300), server_default="", nullable=False))
    op.execute("""
        UPDATE job SET share = CASE WHEN p.from_fork
            THEN left('fork:' || p.repository_id || ':' || p.requested_by, 300)
            ELSE 'repository:' || p.repository_id END
        FROM pipeline p WHERE p.id = job.pipeline_id AND job.ended_at IS NULL
    """)
    op.create_index("job_line", "job", LINE, postgresql_where=sa.text("state = 'queued'"))
    op.create_table(
        "turn",
        sa.Column("board_type", sa.String(100), nullable=False),
        sa.Column("priority", sa.String(24), nullable=False),
        sa.Column("share", sa.String(300), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("board_type", "priority", "share"),
        sa.CheckConstraint("priority IN ('release', 'branch', 'pull_request', 'nightly')", name="turn_priority"),
    )
    for name in CAPS:
        op.add_column("repository", sa.Column(name, sa.Integer(), nullable=True))
    op.create_check_constraint(
        "repository_caps", "repository", "least(cap_fork_owner, cap_pull_request, cap_repository) >= 0"
    )


def downgrade() -> None:
    op.drop_constraint("repository_caps", "repository", type_="check")
    for name in CAPS:
        op.drop_column("repository", name)
    op.drop_table("turn")
    op.drop_index("job_line", "job")
    op.drop_column("job", "share")
