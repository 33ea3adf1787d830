"""Find the pipelines that are held against a commit.

Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "pipeline_by_base",
        "pipeline",
        ["repository_id", "compare_with"],
        postgresql_where=sa.text("compare_with IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("pipeline_by_base", "pipeline")
