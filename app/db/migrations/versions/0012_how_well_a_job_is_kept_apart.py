"""Know how well the builder of a stranger's code must keep it apart.

Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("isolation", sa.String(24), server_default="none", nullable=False))
    op.add_column("repository", sa.Column("fork_isolation", sa.String(24), nullable=True))
    op.execute("UPDATE pipeline SET isolation = 'namespaces' WHERE from_fork")


def downgrade() -> None:
    op.drop_column("repository", "fork_isolation")
    op.drop_column("pipeline", "isolation")
