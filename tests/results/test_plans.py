"""No page and no list reads a whole table of measurements, however large it is.

Every statement of a request is planned once more with what reads whole tables as a last resort: on a small database
the plan then has the shape that it has on a large one, whatever the statistics of the moment say. A scan is whole if
it has no condition that an index answers, unless a limit ends it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.db.session import arguments
from tests.pages.scene import lab
from tests.pages.site import native, sha
from tests.results.shifted import shift

LARGE = {"measurement", "series", "result", "comparison", "comparison_row", "change_point", "analysis"}
WHOLE = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")  # ways that pay on a small table, and read all of it
BENCHMARK = "benchmark=boot&metric=time"
ADDRESSES = (
    "/github/acme/firmware",
    "/github/acme/firmware/history",
    "/github/acme/firmware/history?branch=main&board_type=nucleo-f7&q=draw",
    f"/github/acme/firmware/history?{BENCHMARK}",
    f"/github/acme/firmware/history.csv?{BENCHMARK}&commits=5",
    "/github/acme/firmware/alerts",
    "/github/acme/firmware/compare/{base}...{commit}",
    "/github/acme/firmware/pulls/42",
    "/jobs/{job}",
    "/api/v1/series?repository=acme/firmware&branch=main&limit=5",
    "/api/v1/series?repository=acme/firmware&limit=5&cursor={series}",
    "/api/v1/series?repository=acme/firmware&default_branch=true&benchmark=boot",
    "/api/v1/series/{series}/points?limit=5&samples=true",
    "/api/v1/results?commit={commit}&board_type=nucleo-f7",
    "/api/v1/results?job={job}",
    "/api/v1/pipelines?repository=acme/firmware&limit=5",
)


@contextmanager
def statements() -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """Note what this process asks of the database, also what the service in it asks."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection, _cursor, statement, parameters, _context, is_many):
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and not is_many:
            asked.append((statement, parameters))

    event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(sa.Engine, "before_cursor_execute", note)


def whole_scans(plan, *, limited=False) -> Iterator[str]:
    """Name the large tables that a plan reads from one end to the other."""
    kind, named = plan["Node Type"], plan.get("Relation Name") or plan.get("Index Name", "").partition("_")[0]
    is_bounded = kind != "Seq Scan" and ("Index Cond" in plan or limited or kind == "Bitmap Heap Scan")
    if named in LARGE and "Scan" in kind and not is_bounded:
        yield f"{kind} of {named}"
    sorts = kind in {"Sort", "Aggregate", "Hash"}  # these read all that is below, whatever is above
    for below in plan.get("Plans", ()):
        yield from whole_scans(below, limited=(limited or kind == "Limit") and not sorts)


def nodes(plan):
    """List the nodes of a plan, the outer before the inner."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


async def plans(url, asked, *off):
    """Plan statements where each sequential scan, and each way that is named, costs far more than any index."""
    db = await asyncpg.connect(**arguments(url))
    try:
        await db.execute("; ".join(f"SET enable_{way} = off" for way in (*WHOLE, *off)))
        # As if the tables were large: what was learnt of small ones would make a whole scan pay. Never committed.
        await db.execute("BEGIN")
        await db.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text = ANY($1)", [*LARGE])
        await db.execute("UPDATE pg_class SET relpages = 1, reltuples = 1e7 WHERE relname = ANY($1)", [*LARGE])
        for statement, parameters in asked:
            (row,) = await db.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *parameters)
            yield statement, json.loads(row[0])[0]["Plan"]
    finally:
        await db.close()


@pytest.fixture
async def known(site):
    """Fill the service, and name what the addresses ask for."""
    ids = await lab(site, commits=12)
    series = (await site.series())[0]["series_id"]
    await shift(site, ids["repository"], series, (sha(4), sha(5)))
    job, _ = await site.measured(ids["repository"], sha(5), [native("boot", 1, 2)])
    return {"series": series, "job": job, "commit": sha(5), "base": sha(4)}


async def test_no_request_reads_a_whole_table_of_measurements(site, known):
    found = {}
    for address in ADDRESSES:
        with statements() as asked:
            answer = await site.http.get(address.format(**known))
        assert answer.status_code == 200, answer.text
        assert asked
        async for statement, plan in plans(site.deps.settings.database_url, asked):
            if scans := list(whole_scans(plan)):
                found[address, statement] = scans

    assert found == {}


async def test_a_whole_scan_would_be_noticed(site, known):
    asked = [("SELECT max(high) FROM measurement", ()), ("SELECT * FROM series ORDER BY id LIMIT 1", ())]

    shapes = [list(whole_scans(plan)) async for _, plan in plans(site.deps.settings.database_url, asked)]

    assert [len(each) for each in shapes] == [1, 0]


async def test_the_points_of_a_chart_come_from_one_index_alone(site, known):
    with statements() as asked:
        await site.http.get(f"/api/v1/series/{known['series']}/points?limit=2000")
    (chart,) = [each for each in asked if "dense_rank" in each[0]]

    db = await asyncpg.connect(**arguments(site.deps.settings.database_url))
    await db.execute("VACUUM (ANALYZE) measurement")  # as its own upkeep does
    await db.close()
    (plan,) = [plan async for _, plan in plans(site.deps.settings.database_url, [chart], "sort")]
    (window,) = [node for node in nodes(plan) if node["Node Type"] == "WindowAgg"]
    below = [(node["Node Type"], node.get("Index Name")) for node in nodes(window)][1:]

    assert below == [("Index Only Scan", "measurement_in_order")]  # nothing is sorted, no row is fetched
    assert "Run Condition" in window  # it ends with the last commit that is asked for
