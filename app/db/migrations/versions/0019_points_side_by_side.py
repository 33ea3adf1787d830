"""Keep what a chart shows of a series side by side in one index, find series by name, let raw samples go.

The identity of a series names the family of its unit now, so that ns and µs are one series. Where there were two
already, the one with the family's own unit goes on, and the other keeps its old identity and its points.

Revises: 0018
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

CANONICAL = {"ns": "s", "us": "s", "µs": "s", "μs": "s", "ms": "s", "KiB": "B", "MiB": "B", "GiB": "B"}
FIELDS = ("benchmark", "params", "version", "metric", "unit", "better")


def upgrade() -> None:
    for name in ("made_at", "low", "high", "count"):
        kind = {"made_at": sa.DateTime(timezone=True), "count": sa.Integer()}.get(name, sa.Float())
        op.add_column("measurement", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE measurement SET count = cardinality(samples), made_at = coalesce(c.committed_at, c.seen_at),"
        " low = (SELECT min(s) FROM unnest(samples) s), high = (SELECT max(s) FROM unnest(samples) s)"
        ' FROM "commit" c WHERE c.id = commit_id'
    )
    for name in ("made_at", "low", "high", "count"):
        op.alter_column("measurement", name, nullable=False)
    op.drop_constraint("measurement_once", "measurement")
    op.drop_constraint("measurement_imported_once", "measurement")
    op.drop_index("measurement_by_commit", "measurement")
    op.create_unique_constraint("measurement_once", "measurement", ["attempt_id", "series_id"])
    op.create_index(
        "measurement_imported_once",
        "measurement",
        ["import_id", "series_id", "commit_id"],
        unique=True,
        postgresql_where=sa.text("import_id IS NOT NULL"),
    )
    op.create_index(
        "measurement_in_order",
        "measurement",
        ["series_id", "made_at", "commit_id"],
        postgresql_include=["count", "value", "low", "high", "attempt_id"],
    )
    op.create_index("measurement_by_commit", "measurement", ["commit_id"])
    # An index is read alone only where its rows are known to be visible: vacuum says so, after 1 % of new rows.
    op.execute(
        "ALTER TABLE measurement SET (autovacuum_vacuum_insert_scale_factor = 0.01,"
        " autovacuum_vacuum_insert_threshold = 10000, autovacuum_vacuum_scale_factor = 0.05)"
    )
    op.add_column("series", sa.Column("step", sa.Float(), nullable=True))
    op.add_column("series", sa.Column("step_samples", sa.Integer(), server_default="0", nullable=False))
    op.create_index("series_by_name", "series", ["repository_id", sa.text("left(benchmark, 100)")])
    op.create_index("series_of_branch", "series", ["repository_id", "branch", sa.text("left(benchmark, 100)")])
    for table, name in (("result", "removed_at"), ("import", "samples_removed_at"), ("attempt", "samples_removed_at")):
        op.add_column(table, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "attempt_with_samples", "attempt", ["ended_at"], postgresql_where=sa.text("samples_removed_at IS NULL")
    )
    _name_families()


def _name_families() -> None:
    """Give the series of a unit with a family their new identity."""
    db = op.get_bind()
    wanted = f"SELECT id, {', '.join(FIELDS)} FROM series WHERE unit = ANY(:units) ORDER BY id"  # noqa: S608
    found = db.execute(sa.text(wanted.replace("params", "params::text")), {"units": list(CANONICAL)}).all()
    change = sa.text(
        "UPDATE series s SET identity = :identity WHERE id = :id AND NOT EXISTS (SELECT FROM series o"
        " WHERE o.repository_id = s.repository_id AND o.branch = s.branch AND o.board_type = s.board_type"
        " AND o.configuration = s.configuration AND o.identity = :identity)"
    )
    for series_id, benchmark, params, version, metric, unit, better in found:
        parts = [benchmark, dict(sorted(json.loads(params).items())), version, metric, CANONICAL[unit], better]
        identity = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
        db.execute(change, {"id": series_id, "identity": identity})


def downgrade() -> None:
    for table, name in (("result", "removed_at"), ("import", "samples_removed_at"), ("attempt", "samples_removed_at")):
        op.drop_column(table, name)
    op.drop_index("series_of_branch", "series")
    op.drop_index("series_by_name", "series")
    op.drop_column("series", "step_samples")
    op.drop_column("series", "step")
    op.drop_index("measurement_by_commit", "measurement")
    op.drop_index("measurement_in_order", "measurement")
    op.drop_index("measurement_imported_once", "measurement")
    op.drop_constraint("measurement_once", "measurement")
    for name in ("made_at", "low", "high", "count"):
        op.drop_column("measurement", name)
    op.create_unique_constraint("measurement_once", "measurement", ["series_id", "attempt_id"])
    op.create_unique_constraint("measurement_imported_once", "measurement", ["series_id", "commit_id", "import_id"])
    op.create_index("measurement_by_commit", "measurement", ["series_id", "commit_id"])
