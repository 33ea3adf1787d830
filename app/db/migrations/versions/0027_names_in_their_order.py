"""Order series by benchmark and metric in the index, and find the newest pipelines of a repository.

Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BENCHMARK, METRIC = sa.text("left(benchmark, 100)"), sa.text("left(metric, 60)")


def upgrade() -> None:
    op.create_index("pipeline_by_repository", "pipeline", ["repository_id", "id"])
    _index(BENCHMARK, METRIC)


def downgrade() -> None:
    op.drop_index("pipeline_by_repository", "pipeline")
    _index(BENCHMARK)


def _index(*names: sa.TextClause) -> None:
    op.drop_index("series_by_name", "series")
    op.drop_index("series_of_branch", "series")
    op.create_index("series_by_name", "series", ["repository_id", *names])
    op.create_index("series_of_branch", "series", ["repository_id", "branch", *names])
