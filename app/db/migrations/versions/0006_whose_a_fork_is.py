"""Know whose a fork's pipeline is, to count what one outsider asks for.

Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = {"pipeline_by_author": "author_id", "pipeline_by_fork_owner": "fork_owner"}


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("author_id", sa.BigInteger(), nullable=True))
    op.add_column("pipeline", sa.Column("fork_owner", sa.String(255), nullable=True))
    for name, column in INDEXES.items():
        op.create_index(name, "pipeline", [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))


def downgrade() -> None:
    for name, column in INDEXES.items():
        op.drop_index(name, table_name="pipeline")
        op.drop_column("pipeline", column)
