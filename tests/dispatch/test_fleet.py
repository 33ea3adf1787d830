"""The simulator of fleets follows the claim: by the same functions, and with the same order as its SQL."""

import random
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.db.models import Priority
from app.db.tables import pipeline
from benchmarks.fleet import QUICK, figures
from benchmarks.fleet_line import Job, Queue
from benchmarks.fleet_run import Run
from tests.dispatch.world import World


def test_a_small_fleet_ends_without_a_violation_and_takes_turns() -> None:
    out = Run(QUICK).run()
    found = {each.what: each.value for each in figures(QUICK, out)}
    fifo = {each.what: each.value for each in figures(QUICK, Run(replace(QUICK, takes_turns=False)).run())}

    fairness = "Jain's index of the shares' mean slowdown, but the flood's"
    assert out.violations == []
    assert found[fairness] > fifo[fairness] + 0.05
    assert found["release waits, p95"] < found["nightly waits, p95"]
    assert found["utilisation until the last job ended"] > 50


@pytest.mark.parametrize("seed", range(2))
async def test_the_memory_of_the_simulator_and_the_claims_sql_choose_alike(world: World, seed: int) -> None:
    chance, memory = random.Random(seed), Queue({}, cap=0)
    lab = await world.builder()
    shares = [await repository_of(world, await world.pipeline()) for _ in range(5)]
    waited = sorted((chance.uniform(0, 3 * 3600) for _ in range(60)), reverse=True)
    for ago in waited:
        who, priority = chance.randrange(5), chance.choice(list(Priority))
        pipeline_id = await world.pipeline(repository_id=shares[who])
        job_id = await world.queued(pipeline_id=pipeline_id, priority=priority)
        await world.age_job(job_id, ago)
        memory.add(Job(job_id, 0, priority.value, str(who), -ago, 1.0))

    by_sql, by_memory = [], []
    while (lease := await lab.claim()) is not None:
        by_sql.append(lease.job_id)
        await lab.finish(lease)
    while (job := memory.take(now=1.0 + 0.001 * len(by_memory))) is not None:
        by_memory.append(job.id)

    assert len(by_sql) == 60
    assert by_sql == by_memory


async def repository_of(world: World, pipeline_id: int) -> int:
    async with world.deps.begin() as db:
        found = sa.select(pipeline.c.repository_id).where(pipeline.c.id == pipeline_id)
        return int((await db.execute(found)).scalar_one())
