"""A page of the list of pipelines reads few rows, wherever in a long list it is and however little of it is seen.

Every statement of a page is run once more as the service ran it, with its own settings, and PostgreSQL says how many
rows its scans read.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.db import sight
from app.db.queries import pipeline_lists
from app.db.queries.pipeline_lists import RARE, Asked
from app.db.session import arguments
from app.db.sight import Sight
from app.states import JobState
from benchmarks import pages
from tests.results.test_plans import nodes

MANY = 20_000  # pipelines; one in 20,000 timed out, one in 50 is cancelled, most passed
FEW = RARE + 2_000  # rows of pipelines, jobs and repositories that one page may read
EVERYTHING_PUBLIC = Sight(public=True)
ONE_REPOSITORY = Sight(public=False, repositories=frozenset({3}))


@contextmanager
def sent() -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """Note the statements as they reach the database, with what stands in front of them for who may not see all."""
    found: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection, _cursor, statement, parameters, _context, _is_many):
        found.append((statement, parameters))

    event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(sa.Engine, "after_cursor_execute", note)


def written(value: object) -> str:
    """Write a parameter as SQL."""
    if isinstance(value, list):
        return "'{" + ",".join(map(str, value)) + "}'"
    return "NULL" if value is None else "'" + str(getattr(value, "value", value)).replace("'", "''") + "'"


async def rows_read(url: str, statements: list[tuple[str, tuple[object, ...]]]) -> int:
    """Run statements in one transaction, prepared as the service has them; count what their scans read."""
    read = 0
    db = await asyncpg.connect(**arguments(url))
    try:
        async with db.transaction():
            for number, (statement, parameters) in enumerate(statements):
                if "set_config" in statement:
                    await db.fetch(statement)
                    continue
                await db.execute(f"PREPARE asked_{number} AS {statement}")
                given = f"({', '.join(map(written, parameters))})" if parameters else ""
                (row,) = await db.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked_{number}{given}")
                read += sum(map(scanned, nodes(json.loads(row[0])[0]["Plan"])))
    finally:
        await db.close()
    return read


def scanned(node: dict[str, object]) -> int:
    """Count the rows that a scan looked at."""
    if "Scan" not in str(node["Node Type"]):
        return 0
    return int(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))


@pytest.fixture
async def filled(site):
    db = await asyncpg.connect(**arguments(site.deps.settings.database_url))
    try:
        await pages.fill(db, MANY)
    finally:
        await db.close()
    return site


async def test_a_page_reads_few_rows_whatever_is_looked_for_and_however_far_back(filled):
    lists = {
        "rare": Asked(state=JobState.TIMED_OUT),
        "rare and more": Asked(state=JobState.TIMED_OUT, repository="bench/project-1"),
        "rare in a branch": Asked(state=JobState.TIMED_OUT, branch="main"),
        "usual": Asked(state=JobState.PASSED),
        "now and then": Asked(state=JobState.CANCELLED),
        "usual and more": Asked(state=JobState.FAILED, branch="main"),
        "all": Asked(),
    }
    read = {}
    for seen in (EVERYTHING_PUBLIC, ONE_REPOSITORY):
        for name, asked in lists.items():
            for before in (None, MANY // 10):
                with sight.everything(), sent() as statements:
                    sight.narrow(seen)  # until the end of this look
                    async with filled.deps.begin() as db:
                        page = await pipeline_lists.page(db, asked, before=before, limit=10)
                assert page.items or "rare" in name
                read[name, seen.public, before] = await rows_read(filled.deps.settings.database_url, statements)

    assert {each: rows for each, rows in read.items() if rows > FEW} == {}
