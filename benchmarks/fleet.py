"""A fleet of 10,000 boards and a million jobs by the policy of the claim, and 10,000 jobs by the claim itself."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.models import Priority, Trigger
from app.db.queries import attempts, boards, builders, jobs, leasing
from app.db.queries import caps as shares
from app.db.queries.boards import Target
from app.db.session import engine
from app.db.tables import job, pipeline, repository
from app.states import JobState
from benchmarks.fleet_run import CLASSES, Fleet, Outcome, Run, jain
from benchmarks.report import Figure
from benchmarks.service import Service
from builders.protocol import BoardOffer, ConfigurationOffer, Kind

QUICK = Fleet(boards=100, kinds=5, jobs=5_000, cap=8)
REPOSITORIES = 100
LENGTHS = (10_000, 1_000, 100)  # of the real queue at which claims are timed
TIMED = 50  # claims at each length


async def run(service: Service, *, quick: bool) -> list[Figure]:
    """Simulate a fleet, then time the statements of a claim on a real queue."""
    fleet = QUICK if quick else Fleet()
    simulated = await asyncio.to_thread(lambda: figures(fleet, Run(fleet).run()))
    made = engine(service.settings.database_url)
    os.kill(service.roots["worker"], signal.SIGSTOP)  # its sweep would tell RQ of all these jobs meanwhile
    try:
        return simulated + await measured(made, LENGTHS[-1] if quick else LENGTHS[0], service.settings.caps)
    finally:
        os.kill(service.roots["worker"], signal.SIGCONT)
        await made.dispose()


def figures(fleet: Fleet, out: Outcome) -> list[Figure]:
    """Say what came of a simulation."""
    found = [Figure(what="violations", value=len(out.violations), unit="", target=0)]
    for priority in CLASSES:
        waits = sorted(out.waits[priority])
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("longest", 1.0)):
            found.append(Figure(what=f"{priority} waits, {name}", value=_quantile(waits, share), unit="s"))
    others = [total / count for share, (total, count) in out.slowdowns.items() if share != "fork:flood"]
    found += [
        Figure(what="utilisation until the last job ended", value=100 * _used(fleet, out), unit="%"),
        Figure(what="Jain's index of the shares' mean slowdown, but the flood's", value=jain(others), unit=""),
        Figure(what="jobs lost in all three tries", value=out.given_up, unit=""),
        Figure(what="longest queue at one type of boards", value=out.longest, unit="jobs"),
    ]
    for least in (10**power for power in range(5)):
        costs = [seconds for length, seconds in out.choices if least <= length < 10 * least]
        if costs:
            what = f"one choice in memory, {least:,} to {10 * least:,} queued at the type"
            found.append(Figure(what=what, value=statistics.median(costs) * 1e6, unit="µs"))
    return found


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _used(fleet: Fleet, out: Outcome) -> float:
    return out.busy_s / (fleet.boards * max(out.ended_s, 1.0))


async def measured(made: AsyncEngine, number: int, caps: dict[str, int]) -> list[Figure]:
    """Time looks and claims on a real queue of each length; between them it is cut short, not drained."""
    async with made.begin() as db:
        builder_id = await _lab(db)
        await _fill(db, number)
    figures: list[Figure] = []
    async with made.connect() as connection:
        for length in (each for each in LENGTHS if each <= number):
            await _cut(connection, length)
            figures += await _timed(connection, builder_id, caps, length)
        passed = await connection.scalar(sa.select(sa.func.count()).where(job.c.state == JobState.PASSED))
    missing = sum(min(TIMED, each) for each in LENGTHS if each <= number) - passed
    return [Figure(what="claims that did not end as one passed job", value=missing, unit="", target=0), *figures]


async def _cut(db: AsyncConnection, length: int) -> None:
    """Leave so many jobs in the queue, of as many lines as there were: the same number of each, as far as it goes."""
    line = (job.c.board_type, job.c.priority, job.c.share)
    behind = sa.func.row_number().over(partition_by=line, order_by=job.c.id)
    surplus = sa.select(job.c.id).where(job.c.state == JobState.QUEUED).order_by(behind, job.c.id).offset(length)
    await db.execute(sa.delete(job).where(job.c.id.in_(surplus)))
    await db.execute(sa.text("ANALYZE"))
    await db.commit()


async def _lab(db: AsyncConnection) -> int:
    builder_id, _ = await builders.create(db, f"fleet-{uuid4()}")
    offered = BoardOffer(name="fleet", type="fleet", configurations=[ConfigurationOffer(name="fast")])
    await boards.register(db, builder_id, [offered])
    return builder_id


async def _fill(db: AsyncConnection, number: int) -> None:
    """Queue jobs of all classes for a hundred repositories."""
    priorities = list(Priority)
    for place in range(REPOSITORIES):
        facts: dict[str, Any] = {"forge": "git", "full_name": f"fleet/{place}", "private": False}
        facts |= {"clone_url": f"https://git.example/{uuid4()}", "default_branch": "main"}
        owner = await db.scalar(sa.insert(repository).values(facts).returning(repository.c.id))
        for pushed in range(number // REPOSITORIES):
            row = {"repository_id": owner, "commit": f"{pushed:040x}", "kind": Kind.RUN, "trigger": Trigger.DISPATCH}
            row |= {"trust": "a benchmark", "title": "", "requested_by": "", "from_fork": False}
            opened = (await db.execute(sa.insert(pipeline).values(row).returning(pipeline.c.id))).scalar_one()
            priority = priorities[pushed % len(priorities)]
            await jobs.add(db, opened, Target("fleet", "fast"), state=JobState.QUEUED, priority=priority)


async def _timed(db: AsyncConnection, builder_id: int, caps: dict[str, int], length: int) -> list[Figure]:
    """Time what a claim asks of the database, from so many queued jobs on."""
    looks, claims, lines = [], [], await _lines(db)
    for _ in range(min(TIMED, length)):
        began = time.perf_counter()
        await boards.candidates(db, builder_id, ["fleet"], caps)
        looks.append(time.perf_counter() - began)
        await _claim(db, builder_id, caps)
        claims.append(time.perf_counter() - began - looks[-1])
    waiters = []
    for _ in range(10):
        began = time.perf_counter()
        await boards.takers(db, [builder_id], caps)
        waiters.append(time.perf_counter() - began)
    await db.commit()
    timed = {"a claim's look": looks, "look, lease and end": claims, "the look for waiting builders": waiters}
    return [
        Figure(
            what=f"{what} by SQL, {length:,} queued in {lines} lines", value=statistics.median(found) * 1e3, unit="ms"
        )
        for what, found in timed.items()
    ]


async def _lines(db: AsyncConnection) -> int:
    """Count the lines that the queued jobs stand in."""
    line = sa.select(job.c.board_type, job.c.priority, job.c.share).where(job.c.state == JobState.QUEUED).distinct()
    return int(await db.scalar(sa.select(sa.func.count()).select_from(line.subquery())) or 0)


async def _claim(db: AsyncConnection, builder_id: int, caps: dict[str, int]) -> None:
    """Take the steps of a claim and of an end that go to the database."""
    [(job_id, _, _, is_capped), *_] = await boards.candidates(db, builder_id, ["fleet"], caps)
    ours = {"job_id": job_id, "actor": "benchmark", "builder_id": builder_id, "claim_id": uuid4()}
    if is_capped:
        await shares.lock(db, job_id, caps)
        free = await boards.free_for(db, builder_id, ["fleet"], job_id, caps)
        opened = await leasing.open_(db, **ours, board_id=free.id)
    else:
        opened = await leasing.open_alone(db, **ours, names=["fleet"], caps=caps)
    await db.commit()
    await attempts.end(db, opened.id, JobState.PASSED, "")
    await jobs.move(db, job_id, JobState.PASSED, reason="")
    await db.commit()
