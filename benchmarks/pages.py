"""Lists over a million pipelines, asked of the real web process; made by PostgreSQL itself."""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from app.db.session import arguments
from benchmarks import plans, service
from benchmarks.accounting import percentile
from benchmarks.client import Client
from benchmarks.report import Figure
from benchmarks.service import Service

MANY, QUICK = 1_000_000, 20_000  # pipelines
WARM_UP, TIMES = 3, 40  # requests of each kind
P95_MS = 100.0
AT_ONCE = 100_000  # pipelines of one statement

SESSION = ("SET session_replication_role = replica", "SET synchronous_commit = off", "SELECT setseed(0.5)")
# A tenth of the repositories have most of the work; one in 10,000 pipelines is in a state or on a branch that is rare.
LAB = (
    """INSERT INTO repository (id, forge, forge_id, full_name, clone_url, default_branch, private)
       SELECT n, 'github', n, 'bench/project-' || n, 'https://github.com/bench/project-' || n || '.git', 'main', false
         FROM generate_series(1, 100) n""",
    "INSERT INTO builder (id, name, token_hash, version, isolation) VALUES (1, 'past', 'x', '1', 'none')",
    """INSERT INTO board (id, builder_id, name, type, description, health_reason, offered)
       SELECT n, 1, 'board-' || n, 'type-' || n, '', '', true FROM generate_series(1, 20) n""",
)
PIPELINES = """
INSERT INTO pipeline (id, repository_id, commit, kind, trigger, branch, pull_request, from_fork, title, requested_by,
                      trust, error, created_at)
SELECT n, 1 + floor(100 * random() ^ 3), encode(sha256(n::text::bytea), 'hex')::char(40), 'run',
       CASE WHEN n % 3 = 0 THEN 'pull_request' ELSE 'push' END,
       CASE WHEN n % 3 = 0 THEN NULL WHEN n % 10000 = 1 THEN 'rare-' || n % 7 WHEN n % 5 = 0 THEN 'topic-' || n % 5000
            ELSE 'main' END,
       CASE WHEN n % 3 = 0 THEN n % 20000 END, n % 9 = 0, 'Draw the arcs of the cache, part ' || n,
       'person-' || floor(300 * random() ^ 2), 'x', CASE WHEN n % 20000 = 7 THEN 'no such board' END,
       now() - interval '30 seconds' * ($3::int - n)
  FROM generate_series($1::int, $2::int) n
"""
JOBS = """
INSERT INTO job (id, pipeline_id, board_type, configuration, replaced, state, reason, priority, cancel_reason,
                 queued_at, started_at, ended_at, epoch)
SELECT n * 2 + p, n, 'type-' || 1 + n % 20, CASE p WHEN 0 THEN 'release' ELSE 'debug' END, false, s.state, '', 'branch',
       '', s.at, s.at, CASE WHEN s.state NOT IN ('queued', 'running') THEN s.at + interval '3 minutes' END, 1
  FROM generate_series($1::int, $2::int) n CROSS JOIN generate_series(0, 1) p
 CROSS JOIN LATERAL (
       SELECT now() - interval '30 seconds' * ($3::int - n) AS at,
              CASE WHEN n > $3 - 20 THEN 'running' WHEN n > $3 - 300 THEN 'queued' WHEN n % 20000 = 11 THEN 'timed_out'
                   WHEN n % 50 = 3 THEN 'cancelled' WHEN n % 400 = 5 THEN 'errored' WHEN n % 12 = p THEN 'failed'
                   WHEN n % 700 = 9 THEN 'skipped' ELSE 'passed' END AS state) s
 WHERE n % 20000 <> 7
"""
AFTER = (
    "SELECT setval(pg_get_serial_sequence('pipeline', 'id'), (SELECT max(id) FROM pipeline))",
    "SELECT setval(pg_get_serial_sequence('job', 'id'), (SELECT max(id) FROM job))",
    *(f"VACUUM (ANALYZE) {table}" for table in ("repository", "builder", "board", "pipeline", "job")),
    "CHECKPOINT",
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One address."""

    what: str
    address: str


def _pipelines(what: str, **filters: str) -> Asked:
    query = "&".join(f"{name}={quote(value)}" for name, value in filters.items())
    return Asked(what=f"pipelines{f': {what}' if what else ''}", address=f"/pipelines?{query}")


def _asked(rows: int) -> tuple[Asked, ...]:
    busy, quiet = "bench/project-1", "bench/project-100"
    return (
        _pipelines("the newest"),
        _pipelines("far back", before=str(rows // 2)),
        _pipelines("passed, far back", state="passed", before=str(rows // 10)),
        _pipelines("timed_out, far back", state="timed_out", before=str(rows // 10)),
        *(_pipelines(state, state=state) for state in ("running", "queued", "passed", "failed", "errored")),
        *(_pipelines(f"{state} (rare)", state=state) for state in ("timed_out", "skipped", "awaiting_approval")),
        _pipelines("a busy repository", repository=busy),
        _pipelines("a quiet repository", repository=quiet),
        _pipelines("a quiet repository, failed", repository=quiet, state="failed"),
        _pipelines("a busy repository, timed out", repository=busy, state="timed_out"),
        _pipelines("a rare branch", branch="rare-3"),
        _pipelines("a busy repository, main", repository=busy, branch="main"),
        _pipelines("a pull request", pull_request="9000"),
        _pipelines("a person", requested_by="person-250"),
        _pipelines("a person who is not there", requested_by="nobody"),
        _pipelines("since yesterday", since=time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))),
        _pipelines("since tomorrow", since=time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))),
        _pipelines("a commit", commit="abcdef"),
        _pipelines("the beginning of many commits", commit="ab"),
        Asked(what="pipelines as JSON: failed", address="/pipelines.json?state=failed"),
        Asked(what="overview", address="/"),
        Asked(what="queue", address="/queue"),
        Asked(what="a repository", address=f"/github/{busy}"),
    )


def run(*, quick: bool, keep: Path | None = None, explain: bool = False) -> list[Figure]:
    """Measure over a million pipelines with two jobs each, less those that could not be planned.

    Args:
        quick: over few, which shows that it works.
        keep: folder in which the database stays, and is found again.
        explain: print the plans of all statements, as PostgreSQL made them for the pages.
    """
    rows = QUICK if quick else MANY
    with service.running(keep and keep / f"pipelines-{rows}") as running:
        return asyncio.run(_measure(running, rows, explain=explain))


async def _measure(running: Service, rows: int, *, explain: bool) -> list[Figure]:
    db = await asyncpg.connect(**arguments(running.settings.database_url))
    try:
        if not await db.fetchval("SELECT EXISTS (SELECT FROM pipeline)"):
            begun = time.monotonic()
            await fill(db, rows)
            await db.execute("INSERT INTO account (name, role) VALUES ('bench', 'admin')")  # else all leads to /welcome
            print(f"{rows:,} pipelines made in {time.monotonic() - begun:.0f} s", end=" ", file=sys.stderr, flush=True)
        if explain:
            await plans.begin(db)
        figures = await _pages(running, rows)
        if explain:
            await plans.end(db)
    finally:
        await db.close()
    if explain:
        plans.show(running.settings.data_dir)
    return figures


async def fill(db: asyncpg.Connection, rows: int) -> None:
    """Make so many pipelines with their jobs."""
    for statement in (*SESSION, *LAB):
        await db.execute(statement)
    for first in range(1, rows + 1, AT_ONCE):
        last = min(rows, first + AT_ONCE - 1)
        for statement in (PIPELINES, JOBS):
            await db.execute(statement, first, last, rows)
    for statement in AFTER:
        await db.execute(statement)


async def _pages(running: Service, rows: int) -> list[Figure]:
    figures = []
    async with Client(running.port, {"Accept-Encoding": "gzip"}) as client:
        for asked in _asked(rows):
            took, watch = [], running.stopwatch()
            for number in range(WARM_UP + TIMES):
                if number == WARM_UP:
                    watch = running.stopwatch()
                begun = time.perf_counter()
                answer = await client.request("GET", asked.address)
                took.append(1000 * (time.perf_counter() - begun))
                if answer.status not in (200, 503):
                    raise RuntimeError(f"{asked.address}: {answer.status}: {answer.body[:300]!r}")
            warm, used = took[WARM_UP:], watch.read()
            figures += [
                Figure(what=f"{asked.what}, p95 of {TIMES}", value=percentile(warm, 95), unit="ms", target=P95_MS),
                Figure(what="… p50", value=percentile(warm, 50), unit="ms"),
                Figure(what="… CPU of web", value=1000 * used.of("web") / TIMES, unit="ms"),
                Figure(what="… CPU of PostgreSQL", value=1000 * used.of("postgresql") / TIMES, unit="ms"),
            ]
    return figures
