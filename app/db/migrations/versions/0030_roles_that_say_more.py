"""Five roles, or none: a member is a committer from now on.

Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ROLES = ("admin", "maintainer", "committer", "reviewer", "observer")


def upgrade() -> None:
    op.alter_column("account", "role", existing_type=sa.String(24), nullable=True)
    op.execute("UPDATE account SET role = 'committer' WHERE role <> 'admin'")
    op.create_check_constraint("account_role", "account", f"role IN ({', '.join(map(repr, ROLES))})")


def downgrade() -> None:
    op.drop_constraint("account_role", "account", type_="check")
    op.execute("UPDATE account SET role = 'member' WHERE role IS DISTINCT FROM 'admin'")
    op.alter_column("account", "role", existing_type=sa.String(24), nullable=False)
