"""Boards name an owner, who is told when one gets no jobs any more, and when it is good again.

Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BEFORE = ("opened", "improved", "reopened", "recovered", "triaged", "withdrawn", "pipeline_failed", "test")
SINCE = (*BEFORE[:-1], "board_out", "board_good", "test")


def upgrade() -> None:
    _events(SINCE)
    op.add_column("board", sa.Column("owner", sa.String(255), server_default="", nullable=False))
    op.add_column("board", sa.Column("told_out", sa.Boolean(), server_default="false", nullable=False))
    op.execute("UPDATE board SET told_out = true WHERE health = 'quarantined'")  # what is old is no news
    op.create_index(
        "board_untold", "board", ["id"], postgresql_where=sa.text("told_out <> (health::text = 'quarantined'::text)")
    )
    op.add_column("subscription", sa.Column("of_owner", sa.Boolean(), server_default="false", nullable=False))
    op.create_check_constraint("subscription_of_owner", "subscription", "NOT of_owner OR channel = 'mail'")
    op.create_index(
        "subscription_of_owner_once", "subscription", ["address"], unique=True, postgresql_where=sa.text("of_owner")
    )


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE event IN ('board_out', 'board_good')")
    op.execute("DELETE FROM notification WHERE subscription_id IN (SELECT id FROM subscription WHERE of_owner)")
    op.execute("DELETE FROM subscription WHERE of_owner")
    op.drop_index("subscription_of_owner_once", "subscription")
    op.drop_constraint("subscription_of_owner", "subscription")
    op.drop_column("subscription", "of_owner")
    op.drop_index("board_untold", "board")
    op.drop_column("board", "told_out")
    op.drop_column("board", "owner")
    _events(BEFORE)


def _events(words: tuple[str, ...]) -> None:
    op.drop_constraint("notification_event", "notification", type_="check")
    listed = ", ".join(f"'{each}'" for each in words)
    op.create_check_constraint("notification_event", "notification", f"event IN ({listed})")
