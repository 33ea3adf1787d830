"""Let one attempt hold several boards.

Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("configuration", sa.Column("further", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    is_open = sa.Column("is_open", sa.Boolean(), sa.Computed("ended_at IS NULL", persisted=True), nullable=False)
    op.add_column("attempt", is_open)
    op.create_unique_constraint("attempt_openness", "attempt", ["id", "is_open"])
    op.create_table(
        "attempt_board",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id", "is_open"],
            ["attempt.id", "attempt.is_open"],
            name="attempt_board_ends",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(["board_id"], ["board.id"]),
        sa.PrimaryKeyConstraint("attempt_id", "board_id"),
    )
    op.create_index(
        "attempt_board_open", "attempt_board", ["board_id"], unique=True, postgresql_where=sa.text("is_open")
    )
    op.execute("INSERT INTO attempt_board (attempt_id, board_id, is_open) SELECT id, board_id, is_open FROM attempt")


def downgrade() -> None:
    op.drop_table("attempt_board")
    op.drop_constraint("attempt_openness", "attempt")
    op.drop_column("attempt", "is_open")
    op.drop_column("configuration", "further")
