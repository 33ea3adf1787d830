"""Lines of the audit that count what happened in one minute: sign-ins that were refused.

Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("times", sa.Integer(), server_default="1", nullable=False))
    op.add_column("audit", sa.Column("counted_in", sa.DateTime(timezone=True)))
    op.create_index(
        "audit_of_refused",
        "audit",
        ["counted_in", "origin", "detail"],
        unique=True,
        postgresql_where=sa.text("counted_in IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("audit_of_refused", "audit")
    op.drop_column("audit", "counted_in")
    op.drop_column("audit", "times")
