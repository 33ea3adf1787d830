"""Owners of boards are told when a builder is away for long, and when it is back.

Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

BEFORE = (
    *("opened", "improved", "reopened", "recovered", "triaged", "withdrawn", "pipeline_failed"),
    *("board_out", "board_good", "test"),
)
NEW = ("builder_away", "builder_back")
SINCE = (*BEFORE[:-1], *NEW, "test")


def upgrade() -> None:
    _events(SINCE)
    op.add_column("builder", sa.Column("away_at", sa.DateTime(timezone=True)))
    op.add_column("builder", sa.Column("told_away", sa.Boolean(), server_default="false", nullable=False))
    op.execute("UPDATE subscription SET events = events || ARRAY['builder_away', 'builder_back'] WHERE of_owner")
    # What is old is no news; its end is.
    op.execute("UPDATE builder SET away_at = now(), told_away = true WHERE seen_at < now() - interval '1 hour'")


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE event IN ('builder_away', 'builder_back')")
    op.execute(
        "UPDATE subscription SET events = array_remove(array_remove(events, 'builder_away'), 'builder_back') "
        "WHERE 'builder_away' = ANY (events) OR 'builder_back' = ANY (events)"
    )
    op.drop_column("builder", "told_away")
    op.drop_column("builder", "away_at")
    _events(BEFORE)


def _events(words: tuple[str, ...]) -> None:
    op.drop_constraint("notification_event", "notification", type_="check")
    listed = ", ".join(f"'{each}'" for each in words)
    op.create_check_constraint("notification_event", "notification", f"event IN ({listed})")
