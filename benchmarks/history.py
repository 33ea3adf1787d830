"""Pages over years of measurements, asked of the real web process; and how much slower they are than over a few."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import redis
import redis.asyncio
import zstandard

from app.db.session import arguments
from app.task_queue import TaskQueue
from benchmarks import past, plans, service
from benchmarks.accounting import percentile
from benchmarks.client import Client
from benchmarks.past import Size
from benchmarks.report import Figure
from benchmarks.service import Service

FEW, MANY = 100_000, 10_000_000  # measurements
WARM_UP, TIMES = 10, 40  # requests of each kind
SLOWER = 1.5  # at most, than over FEW
METRICS, SAMPLES = 10_000, 20  # of the result file that is read
READ_S, LOOK_S = 60.0, 0.02  # patience with reading it, and how often is looked
PAGE = f"/github/{past.FULL_NAME}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One address, with what it may take."""

    what: str
    address: str
    p95_ms: float | None = None
    kilobytes: float | None = None  # compressed


ASKED = (
    Asked(
        what="benchmark page, 5 series × 2,000 points",
        address=f"{PAGE}/history?benchmark=draw%2Fscene%200001&metric=metric-1&configuration=release",
        p95_ms=150,
        kilobytes=60,
    ),
    Asked(what="overview of the repository", address=PAGE, p95_ms=200, kilobytes=40),
    Asked(what="list of 100 series with small charts", address=f"{PAGE}/history", p95_ms=200, kilobytes=40),
    Asked(
        what="compare of 500 rows",
        address=f"{PAGE}/compare/{past.sha(past.COMMITS - 2)}...{past.sha(past.COMMITS - 1)}",
        p95_ms=250,
        kilobytes=80,
    ),
    Asked(what="API: 2,000 points of a series", address="/api/v1/series/1/points?limit=2000"),
    Asked(what="API: 200 of a commit's measurements", address=f"/api/v1/results?limit=200&commit={past.sha(1999)}"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came out at one size."""

    figures: list[Figure]
    p95_ms: dict[str, float]


def run(*, quick: bool, rows: int = MANY, keep: Path | None = None, explain: bool = False) -> list[Figure]:
    """Measure over FEW rows and over many, each in a database of its own.

    Args:
        quick: only over FEW.
        keep: folder in which the databases stay, and are found again.
        explain: print the plans of all statements, as PostgreSQL made them for the pages.
    """
    few = _at(FEW, keep, explain=explain and quick)
    if quick:
        return few.figures
    many = _at(rows, keep, explain=explain)
    slower = [
        Figure(
            what=f"{asked.what}: times that over {FEW:,} rows",
            value=many.p95_ms[asked.what] / few.p95_ms[asked.what],
            unit="×",
            target=SLOWER if asked.p95_ms else None,
        )
        for asked in ASKED
    ]
    return [*many.figures, *slower]


def _at(rows: int, keep: Path | None, *, explain: bool) -> Run:
    with service.running(keep and keep / str(rows)) as running:
        return asyncio.run(_measure(running, rows, explain=explain))


async def _measure(running: Service, rows: int, *, explain: bool) -> Run:
    db = await asyncpg.connect(**arguments(running.settings.database_url))
    try:
        if not await db.fetchval("SELECT count(*) FROM series"):
            begun = time.monotonic()
            await past.fill(db, Size(rows=rows))
            print(f"{rows:,} rows made in {time.monotonic() - begun:.0f} s", end=" ", file=sys.stderr, flush=True)
        if explain:
            await plans.begin(db)
            await _noticed(running)
        table, indexes, count = await past.bytes_per_row(db)
        figures = [
            Figure(what="measurements", value=count, unit=""),
            Figure(what="bytes of one in the table", value=table, unit="B"),
            Figure(what="… and in its indexes", value=indexes, unit="B"),
        ]
        p95_ms = await _pages(running, figures)
        if explain:
            await plans.end(db)
        else:
            figures += await _read_result(running, db)
    finally:
        await db.close()
    if explain:
        plans.show(running.settings.data_dir)
    return Run(figures=figures, p95_ms=p95_ms)


async def _noticed(running: Service) -> None:
    """Ask until the service has seen that its connections were closed."""
    async with Client(running.port) as client:
        for _ in range(WARM_UP * TIMES):
            if (await client.request("GET", PAGE)).status == 200:
                return


async def _pages(running: Service, figures: list[Figure]) -> dict[str, float]:
    found = {}
    async with Client(running.port, {"Accept-Encoding": "gzip"}) as client:
        for asked in ASKED:
            took, size, watch = [], 0, running.stopwatch()
            for number in range(WARM_UP + TIMES):
                if number == WARM_UP:
                    watch = running.stopwatch()
                begun = time.perf_counter()
                answer = await client.request("GET", asked.address)
                took.append(1000 * (time.perf_counter() - begun))
                size = len(answer.body)
                if answer.status != 200:
                    raise RuntimeError(f"{asked.address}: {answer.status}: {answer.body[:300]!r}")
            warm, used = took[WARM_UP:], watch.read()
            found[asked.what] = percentile(warm, 95)
            figures += [
                Figure(what=f"{asked.what}, p95 of {TIMES}", value=found[asked.what], unit="ms", target=asked.p95_ms),
                Figure(what="… p50", value=percentile(warm, 50), unit="ms"),
                Figure(what="… CPU of web", value=1000 * used.of("web") / TIMES, unit="ms"),
                Figure(what="… CPU of PostgreSQL", value=1000 * used.of("postgresql") / TIMES, unit="ms"),
                Figure(what="… compressed", value=size / 1024, unit="KB", target=asked.kilobytes),
            ]
    return found


async def _read_result(running: Service, db: asyncpg.Connection) -> list[Figure]:
    """Put a large result file where a builder would, and wait until the worker has read it."""
    metrics = [
        {"name": f"m{number}", "unit": "ms", "better": "lower", "samples": [number + at / 8 for at in range(SAMPLES)]}
        for number in range(METRICS)
    ]
    data = json.dumps({"version": 1, "benchmarks": [{"name": "all", "metrics": metrics}]}).encode()
    attempt_id = await db.fetchval("SELECT max(id) FROM attempt")
    values = (attempt_id, zstandard.ZstdCompressor().compress(data), len(data), hashlib.sha256(data).hexdigest())
    await db.execute("DELETE FROM result WHERE attempt_id = $1", attempt_id)
    await db.execute(
        "INSERT INTO result (attempt_id, number, data, size, sha256, note) VALUES ($1, 0, $2, $3, $4, '')", *values
    )
    with _task_queue(running) as put:
        begun, watch = time.perf_counter(), running.stopwatch()
        await put("ingest_result", attempt_id)
        for _ in range(round(READ_S / LOOK_S)):
            if await db.fetchval("SELECT ingested_at FROM result WHERE attempt_id = $1", attempt_id):
                break
            await asyncio.sleep(LOOK_S)
    took, used = time.perf_counter() - begun, watch.read()
    stored = await db.fetchval("SELECT count(*) FROM measurement WHERE attempt_id = $1 AND count = 20", attempt_id)
    if stored != METRICS:
        raise RuntimeError(f"{stored} of {METRICS} metrics were stored")
    return [
        Figure(what=f"{METRICS:,} metrics × {SAMPLES} samples queued → stored", value=took, unit="s", target=3),
        Figure(what="… CPU of the worker", value=used.of("worker"), unit="s"),
        Figure(what="… CPU of PostgreSQL", value=used.of("postgresql"), unit="s"),
    ]


@contextmanager
def _task_queue(running: Service) -> Iterator[Callable[..., Any]]:
    url = running.settings.redis_url
    with nullcontext(redis.from_url(url)) as encoder:
        yield TaskQueue(encoder, redis.asyncio.from_url(url)).put
