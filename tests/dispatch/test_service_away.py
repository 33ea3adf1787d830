"""While the service itself is away nobody can be heard, so nobody is lost."""

import sqlalchemy as sa

from app.db.queries import presence
from app.db.tables import service
from tests.dispatch.world import World, offer

OUTAGE_S = 300


async def outage(world: World, lease_attempt: int, seconds: float = OUTAGE_S) -> None:
    """Let the time pass in which neither a web process nor the builder could say anything."""
    await listens(world)
    await later(world, seconds)
    await world.age_attempt(lease_attempt, seconds)


async def listens(world: World) -> None:
    """Let a web process say that it listens."""
    async with world.deps.begin() as db:
        await presence.note(db)


async def later(world: World, seconds: float) -> None:
    """Let time pass for what web processes have said."""
    age = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    await world.execute(sa.update(service).values(heard_at=service.c.heard_at - age, back_at=service.c.back_at - age))


async def test_a_lease_that_ran_out_during_an_outage_stays_and_its_finish_counts(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await outage(world, lease.attempt_id)
    await world.sweep()  # the worker is faster than web
    await listens(world)
    await world.sweep()
    finished = await lab.finish(lease)

    assert finished.status_code == 200
    assert await world.states(lease.job_id) == ["passed"]
    assert len(await world.attempts(lease.job_id)) == 1


async def test_a_limit_that_passed_during_an_outage_does_not_make_a_late_finish_worthless(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", limit_s=20))
    lease = await world.running(lab)

    await outage(world, lease.attempt_id)
    await listens(world)
    await world.sweep()

    assert (await lab.finish(lease)).status_code == 200
    assert await world.states(lease.job_id) == ["passed"]


async def test_a_builder_that_does_not_come_back_after_an_outage_is_lost_a_lease_later(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await outage(world, lease.attempt_id)
    await listens(world)
    states = []
    for _ in range(4):
        await later(world, presence.GRACE_S / 4 + 0.5)
        await listens(world)
        await world.sweep()
        states += await world.states(lease.job_id)

    assert states == ["running", "running", "running", "queued"]


async def test_a_pause_shorter_than_a_lease_bears_excuses_nobody(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await outage(world, lease.attempt_id, presence.AWAY_S - 1)
    await listens(world)
    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()

    assert await world.states(lease.job_id) == ["queued"]
