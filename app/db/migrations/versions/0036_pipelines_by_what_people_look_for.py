"""Find pipelines by branch, pull request, person, time and state, and jobs by the time of their end.

Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("pipeline_by_branch", "pipeline", ["branch", "id"], postgresql_where=sa.text("branch IS NOT NULL"))
    op.create_index(
        "pipeline_by_pull_request",
        "pipeline",
        ["pull_request", "id"],
        postgresql_where=sa.text("pull_request IS NOT NULL"),
    )
    op.create_index("pipeline_by_requester", "pipeline", ["requested_by", "id"])
    op.create_index("pipeline_by_time", "pipeline", ["created_at"])
    op.create_index("pipeline_with_error", "pipeline", ["id"], postgresql_where=sa.text("error IS NOT NULL"))
    op.create_index(
        "job_ended",
        "job",
        ["state", "pipeline_id"],
        postgresql_where=sa.text("ended_at IS NOT NULL AND NOT replaced"),
    )
    op.create_index(
        "job_by_end",
        "job",
        ["ended_at"],
        postgresql_include=["state", "pipeline_id"],
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )


def downgrade() -> None:
    for name in ("job_by_end", "job_ended"):
        op.drop_index(name, "job")
    for name in ("with_error", "by_time", "by_requester", "by_pull_request", "by_branch"):
        op.drop_index(f"pipeline_{name}", "pipeline")
