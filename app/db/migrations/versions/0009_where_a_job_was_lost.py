"""Know where a job was lost, so that it is tried elsewhere.

Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("lost_on", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("job", "lost_on")
