"""How long a push with many metrics keeps the detector busy: the service's own worker, its own database.

Every metric has a history; some moved at one commit. First all of it is looked at as a whole, as after an import; then
one commit more is measured in all series, as after a push.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from app.db.session import arguments
from benchmarks.report import Figure
from benchmarks.service import Service

LIMIT_S = 1800.0
LOOK_S = 0.2

FILL = """
    INSERT INTO repository (forge, full_name, clone_url, default_branch, private)
    VALUES ('git', 'bench/shifts', 'https://bench/shifts', 'main', false);
    INSERT INTO import (repository_id, sha256, format, note, imported_by)
    SELECT id, 'x', 'native', '', 'bench' FROM repository;
    INSERT INTO series
        (repository_id, branch, board_type, configuration, identity, benchmark, version, metric, unit, better)
    SELECT r.id, 'main', 'board', 'release', 'identity ' || n, 'b' || n / 10, '', 'm' || n % 10, 'ms', 'lower'
    FROM repository r, generate_series(1, {series}) n
"""
MEASURE = """
    WITH here AS (
        INSERT INTO commit (repository_id, sha, title, author, committed_at)
        SELECT id, lpad(to_hex($1::int), 40, '0'), '', '', now() - interval '900 days' + $1 * interval '1 hour'
        FROM repository RETURNING id, committed_at
    ), values AS (
        SELECT s.id, 1000 * exp(0.005 * (random() + random() + random() + random() - 2) * 1.7)
               * CASE WHEN $1 >= $2 AND s.id % 10 = 0 THEN 1.05 ELSE 1 END AS value
        FROM series s
    )
    INSERT INTO measurement (series_id, commit_id, import_id, made_at, value, low, high, count, samples)
    SELECT v.id, here.id, i.id, here.committed_at, v.value, v.value, v.value, 1, ARRAY[v.value]
    FROM values v, here, import i
"""
DUE = """
    INSERT INTO analysis (series_id, points, due_at) SELECT id, 0, clock_timestamp() FROM series
    ON CONFLICT (series_id) DO UPDATE SET due_at = clock_timestamp()
"""

LEFT = "SELECT EXISTS (SELECT FROM analysis WHERE due_at IS NOT NULL)"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one round over all series cost."""

    wall_s: float
    cpu_s: float  # of the worker


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Analyse many series: as wholes, and again with one more point each."""
    series, commits = (400, 60) if quick else (10_000, 100)
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    try:
        await db.execute(FILL.format(series=series))
        for number in range(commits):
            await db.execute(MEASURE, number, commits - 20)
        await db.execute("VACUUM ANALYZE")
        first = await _analysed(db, service)
        await db.execute(MEASURE, commits, commits - 20)
        again = await _analysed(db, service)
        found = await db.fetchval("SELECT count(*) FROM change_point WHERE gone_at IS NULL")
        shifts = await db.fetchval("SELECT count(*) FROM shift WHERE closed_at IS NULL")
    finally:
        await db.close()
    return [
        Figure(what=f"{series:,} series of {commits} points as wholes", value=first.wall_s, unit="s"),
        Figure(what="points looked at", value=series * commits / first.wall_s, unit="points/s", more_is_better=True),
        Figure(what=f"one more point in {series:,} series", value=again.wall_s, unit="s"),
        Figure(what="series analysed", value=series / again.wall_s, unit="series/s", more_is_better=True),
        Figure(what="worker's CPU for one series", value=again.cpu_s / series * 1000, unit="ms"),
        Figure(what="change points found, of a tenth of the series that moved", value=found / (series / 10), unit="×"),
        Figure(what="alerts they are", value=shifts, unit="alerts"),
    ]


async def _analysed(db: asyncpg.Connection, service: Service) -> Taken:
    """Make all series due, and wait until none is."""
    watch, begun = service.stopwatch(), time.monotonic()
    await db.execute(DUE)
    async with asyncio.timeout(LIMIT_S):
        while await db.fetchval(LEFT):  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(LOOK_S)
    return Taken(wall_s=time.monotonic() - begun, cpu_s=watch.read().of("worker"))
