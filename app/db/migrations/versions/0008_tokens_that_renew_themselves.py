"""Let an agent renew its token without a failed call.

Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = sa.Column("token_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    op.add_column("builder", made)
    op.add_column("builder", sa.Column("former_hash", sa.LargeBinary(), nullable=True))
    op.add_column("builder", sa.Column("former_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("former_until", "former_hash", "token_at"):
        op.drop_column("builder", name)
