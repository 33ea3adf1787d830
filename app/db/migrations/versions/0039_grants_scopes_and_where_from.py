"""Roles in single repositories, tokens that are narrowed, and from where something was done.

Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ROLES = ("admin", "maintainer", "committer", "reviewer", "observer")


def upgrade() -> None:
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
        sa.Column("repository_id", sa.Integer(), sa.ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("granted_by", sa.String(200), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(f"role IN ({', '.join(map(repr, ROLES))})", name="role_grant_role"),
        sa.UniqueConstraint("user_id", "repository_id", name="role_grant_once"),
    )
    op.create_index("ix_role_grant_repository_id", "role_grant", ["repository_id"])
    op.add_column("token", sa.Column("rights", sa.ARRAY(sa.Text())))
    op.add_column("token", sa.Column("repository_id", sa.Integer()))
    op.create_foreign_key(
        "token_repository_id_fkey", "token", "repository", ["repository_id"], ["id"], ondelete="CASCADE"
    )
    op.add_column("audit", sa.Column("repository_id", sa.Integer()))
    op.add_column("audit", sa.Column("origin", sa.String(100), server_default="", nullable=False))
    op.add_column("audit", sa.Column("means", sa.String(200), server_default="", nullable=False))
    op.create_index("audit_of_people", "audit", ["id"], postgresql_where=sa.text("origin <> ''"))


def downgrade() -> None:
    op.drop_index("audit_of_people", "audit")
    for column in ("means", "origin", "repository_id"):
        op.drop_column("audit", column)
    op.drop_constraint("token_repository_id_fkey", "token", type_="foreignkey")
    op.drop_column("token", "repository_id")
    op.drop_column("token", "rights")
    op.drop_table("role_grant")
