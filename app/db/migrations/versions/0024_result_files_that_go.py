"""Find the result files that were kept long enough.

Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("result_with_data", "result", ["stored_at"], postgresql_where=sa.text("removed_at IS NULL"))


def downgrade() -> None:
    op.drop_index("result_with_data", "result")
