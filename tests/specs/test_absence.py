"""A board that nobody can use now is said on the commit, without blame, and taken back when it is there again."""

import pytest
import sqlalchemy as sa

from app.reporting import absence
from app.reporting import statuses as sender
from tests.specs.test_statuses import A, push, sent_ago


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


async def test_a_board_that_is_away_is_said_without_blame_and_taken_back(world):
    await world.receive(push(world))
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.job).values(queued_at=sa.func.now() - sa.text("interval '1 min'")))
        await db.execute(sa.update(world.tables.builder).values(seen_at=None))
    assert await absence.note(world.deps) == 1
    await sent_ago(world, seconds=11)
    await sender.send_due(world.deps)
    assert (world.shown(A).state, world.shown(A).description) == (
        "pending",
        "1 job queued: waits for board nucleo, which is away",
    )
    assert await absence.note(world.deps) == 0

    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.builder).values(seen_at=sa.func.now()))
    assert await absence.note(world.deps) == 1
    await sent_ago(world, seconds=11)
    await sender.send_due(world.deps)
    assert world.shown(A).description == "1 job queued"


async def test_a_job_of_a_fork_says_which_isolation_is_missing_and_not_that_its_board_is_away(world):
    await world.receive(push(world))
    lab, work = world.tables.builder, world.tables.pipeline
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.job).values(queued_at=sa.func.now() - sa.text("interval '1 min'")))
        await db.execute(sa.update(work).values(from_fork=True, isolation="cgroup"))
        await db.execute(sa.update(lab).values(seen_at=sa.func.now()))
    assert await absence.note(world.deps) == 1
    await sent_ago(world, seconds=11)
    await sender.send_due(world.deps)
    assert world.shown(A).description == "1 job queued: waits for a builder of nucleo with isolation cgroup"
    assert await absence.note(world.deps) == 0

    async with world.deps.begin() as db:
        await db.execute(sa.update(lab).values(isolation="cgroup", seen_at=None))
    assert await absence.note(world.deps) == 1
    [row] = await world.rows(world.tables.job)
    assert row.reason == "waits for board nucleo, which is away"

    async with world.deps.begin() as db:
        await db.execute(sa.update(lab).values(seen_at=sa.func.now()))
    assert await absence.note(world.deps) == 1
    [row] = await world.rows(world.tables.job)
    assert row.reason == ""
