"""Users sign in with accounts on forges, and set a password by a link.

Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("forge", sa.String(24), nullable=False),
        sa.Column("forge_id", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(255), nullable=False),
        sa.Column("linked_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("asked_at", TIME),
        sa.UniqueConstraint("forge", "forge_id", name="identity_once"),
        sa.UniqueConstraint("user_id", "forge", name="identity_of_user"),
    )
    op.create_table(
        "password_reset",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("ends_at", TIME, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("password_reset")
    op.drop_table("identity")
