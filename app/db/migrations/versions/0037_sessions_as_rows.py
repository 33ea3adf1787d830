"""Sessions of browsers are rows: they can be listed, and ended singly or all at once.

Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("id_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_id", sa.Integer(), sa.ForeignKey("token.id", ondelete="CASCADE")),
        sa.Column("way", sa.String(24), nullable=False),
        sa.Column("made_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("used_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("revoked_at", TIME),
        sa.CheckConstraint("ends_at > made_at", name="session_in_order"),
    )
    op.create_index("session_of_user", "session", ["user_id", "id"])
    op.create_index("session_of_token", "session", ["token_id"], postgresql_where=sa.text("token_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("session")
