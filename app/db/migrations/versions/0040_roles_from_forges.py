"""Roles in single repositories that follow from the forge's rights.

Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

ROLES = ("admin", "maintainer", "committer", "reviewer", "observer")


def upgrade() -> None:
    op.create_table(
        "forge_role",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("repository_id", sa.Integer(), sa.ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "role",
            sa.Enum(*ROLES, native_enum=False, create_constraint=True, length=24, name="forge_role_role"),
            nullable=False,
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("ix_forge_role_repository_id", "forge_role", ["repository_id"])
    op.add_column("identity", sa.Column("by_rights", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("identity", "by_rights")
    op.drop_table("forge_role")
