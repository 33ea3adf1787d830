"""Years of measurements, made by PostgreSQL itself: rows as attempts leave them, in the order of their coming.

A repository with 2,000 commits on its main branch, each measured on five types of boards in two configurations; a tail
of young benchmarks on one of them; pull requests; comparisons; change points. How many benchmarks there are follows
from the rows that are wanted.
"""

from dataclasses import dataclass

import asyncpg

from benchmarks import past_sql as sql

FULL_NAME = "bench/years"
COMMITS = 2_000  # of the main branch: as many points has a benchmark page
YOUNG, YOUNG_BENCHMARKS = 60, 170  # commits that young benchmarks have, and how many there are, all at one place
METRICS, BOARDS, CONFIGURATIONS = 3, 5, 2
PLACES = BOARDS * CONFIGURATIONS
PULLS_SHARE, PULL_COMMITS = 0.05, 3  # of all rows are those of pull requests, of so many commits each
COMPARED = 500  # rows of one comparison
AT_ONCE = 20  # commits of one statement
TABLES = ("measurement", "series", "attempt", "job", "pipeline", "commit", "analysis", "comparison", "comparison_row")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is, for so many measurements in all."""

    rows: int

    @property
    def benchmarks(self) -> int:
        """Count the benchmarks that are as old as the repository; at least the two that pages are measured with."""
        old = self.rows * (1 - PULLS_SHARE) - YOUNG * YOUNG_BENCHMARKS * METRICS
        return max(2, round(old / (COMMITS * PLACES * METRICS)))

    @property
    def pulls(self) -> int:
        """Count the pull requests; each measures all old benchmarks."""
        return max(1, round(self.rows * PULLS_SHARE / (PULL_COMMITS * PLACES * METRICS * self.benchmarks)))

    @property
    def comparisons(self) -> int:
        """Count the comparisons; one says nothing of another, so a tenth of the jobs have one."""
        return max(20, min(COMMITS, self.rows // 5_000))


def sha(number: int) -> str:
    """Give the hash of a commit of the main branch, 0 … COMMITS - 1."""
    return f"{number:040x}"


async def fill(db: asyncpg.Connection, size: Size) -> None:
    """Make everything in an empty database, then let the database look at it as its own upkeep would."""
    for statement in (*sql.SESSION, *sql.LAB, *sql.SERIES_MEANT):
        await db.execute(statement)
    commits = COMMITS + size.pulls * PULL_COMMITS
    for statement in sql.WORK:
        await db.execute(statement, commits)
    await db.execute(sql.OLD, size.benchmarks, COMMITS)
    await db.execute(sql.YOUNG, YOUNG_BENCHMARKS, COMMITS - YOUNG, COMMITS)
    await db.execute(sql.PULLS, size.benchmarks, size.pulls, COMMITS, PULL_COMMITS)
    await db.execute(sql.SERIES)
    for first in range(1, commits + 1, AT_ONCE):
        await db.execute(sql.MEASUREMENTS, first, min(first + AT_ONCE, commits + 1))
    for statement in (*sql.CONCLUSIONS, *sql.SEQUENCES, *sql.NOW):
        await db.execute(statement)
    await db.execute(sql.COMPARISONS, size.comparisons, COMMITS)
    await db.execute(sql.COMPARED, COMPARED)
    for table in TABLES:
        await db.execute(f'VACUUM (ANALYZE) "{table}"')
    await db.execute("CHECKPOINT")


async def bytes_per_row(db: asyncpg.Connection) -> tuple[float, float, int]:
    """Measure what one measurement takes on disk: in the table, in its indexes; and how many rows there are."""
    row = await db.fetchrow(sql.BYTES)
    rows = max(1, row["rows"])
    return row["heap"] / rows, row["indexes"] / rows, row["rows"]
