"""A stranger's code goes to builders that keep it apart, and to no others."""

import pytest
import sqlalchemy as sa

from app.db.queries import why
from app.db.tables import builder
from builders.protocol import Level
from tests.dispatch.world import World, offer

FORK = {"from_fork": True, "isolation": "namespaces", "trust": "approved by maintainer"}


async def waits(world: World, job_id: int) -> why.Waits:
    async with world.deps.begin() as db:
        return (await why.waits(db, [job_id]))[job_id]


async def test_an_approved_forks_job_waits_for_a_builder_with_a_sandbox_and_says_so(world: World) -> None:
    bare = await world.builder("bare")
    await bare.hello([offer("nucleo")], isolation="subreaper")
    job_id = await world.queued(pipeline_id=await world.pipeline(**FORK))

    assert await bare.claim() is None
    said = await waits(world, job_id)
    assert (said.name, said.is_hopeless) == ("isolation", False)
    assert "keeps a stranger's code apart" in said.text and "namespaces" in said.text

    lease = await (await world.builder("walled")).claim()
    assert lease is not None and lease.job_id == job_id


async def test_a_waiting_builder_without_a_sandbox_is_not_woken_in_vain_but_takes_what_is_trusted(world: World) -> None:
    bare = await world.builder("bare")
    await bare.hello([offer("nucleo")], isolation="subreaper")
    await world.queued(pipeline_id=await world.pipeline(**FORK))
    trusted = await world.queued()

    lease = await bare.claim()

    assert lease is not None and lease.job_id == trusted


async def test_a_lease_says_whether_its_code_is_trusted(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    ours = await lab.claim()
    assert ours is not None and ours.trusted
    await lab.beat(ours)
    await lab.finish(ours)
    await world.queued(pipeline_id=await world.pipeline(**FORK))

    theirs = await lab.claim()

    assert theirs is not None and not theirs.trusted


@pytest.mark.parametrize(
    ("has", "needs", "fits"),
    [
        ("none", "none", True),
        ("none", "subreaper", False),
        ("subreaper", "subreaper", True),
        ("namespaces", "cgroup", False),
        ("cgroup", "namespaces", True),
        ("a-level-of-tomorrow", "namespaces", False),
        ("a-level-of-tomorrow", "none", True),
    ],
)
async def test_each_level_holds_what_the_one_before_holds(world: World, has: str, needs: str, fits: bool) -> None:
    lab = await world.builder()
    await world.execute(sa.update(builder).values(isolation=has))
    await world.queued(pipeline_id=await world.pipeline(**{**FORK, "isolation": needs}))

    assert ((await lab.claim()) is not None) is fits


def test_levels_stand_from_the_least_to_the_most() -> None:
    assert [each.value for each in Level] == ["none", "subreaper", "namespaces", "cgroup"]
