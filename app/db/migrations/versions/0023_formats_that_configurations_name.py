"""Keep beside a result file how its configuration says that it is to be read.

Revises: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("result", sa.Column("wanted", JSONB(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("result", "wanted")
