"""Save dispatches under a name, and tell scripts the arguments of one.

Revises: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "preset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.String(500), server_default="", nullable=False),
        sa.Column("work", JSON, nullable=False),
        sa.Column("arguments", JSON, server_default="{}", nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.execute("ALTER SEQUENCE preset_id_seq START WITH 100 RESTART WITH 100")
    op.add_column("pipeline", sa.Column("preset", sa.String(100), nullable=True))
    op.add_column("pipeline", sa.Column("arguments", JSON, server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("pipeline", "arguments")
    op.drop_column("pipeline", "preset")
    op.drop_table("preset")
