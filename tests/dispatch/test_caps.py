"""What the jobs of one share may hold at a time: exact when claims meet, and counted for whose code it is."""

import asyncio
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.db.models import Priority, Trigger
from app.db.queries import boards
from app.db.tables import job, pull_request
from app.dispatch import claim, proxy
from tests.dispatch.test_fairness import claimed, fork_job, upstream_of
from tests.dispatch.world import FakeBuilder, World, offer

CAPS = ("cap_fork_owner", "cap_pull_request", "cap_repository")


def popped(world: World, job_id: int) -> int:
    """Take a job out of RQ, as a claim does before its row decides."""
    assert proxy.take(world.deps.redis_sync, proxy.queue_name("nucleo", Priority.PULL_REQUEST), job_id)
    return job_id


def asking(lab: FakeBuilder) -> claim.Asking:
    builder = claim.Claimant(id=lab.id, name=lab.name, instance=lab.instance)
    return claim.Asking(builder=builder, names=lab.boards, claim_id=uuid4())


@pytest.mark.parametrize("cap", CAPS)
async def test_two_claims_that_meet_never_take_more_boards_than_the_cap(world: World, cap: str) -> None:
    first, second = await world.builder("first"), await world.builder("second", offer("b", type="nucleo"))
    upstream = await upstream_of(world, **dict.fromkeys(CAPS, 0) | {cap: 1})
    mine, theirs = [await fork_job(world, "flooder", upstream=upstream) for _ in range(2)]

    async with world.deps.begin() as db:  # it has chosen its board, and nobody can see it yet
        assert await claim._open(db, asking(first), popped(world, mine), world.settings.caps) is not None
        other = asyncio.create_task(second.claim())
        await world.somebody_waits_for_a_row()
    lease = await other

    assert lease is None
    assert await world.states(mine, theirs) == ["leased", "queued"]


async def test_claims_of_different_shares_never_wait_for_each_other(world: World) -> None:
    first, second = await world.builder("first"), await world.builder("second", offer("b", type="nucleo"))
    upstream = await upstream_of(world, cap_fork_owner=1, cap_pull_request=1, cap_repository=0)
    mine = await fork_job(world, "ada", upstream=upstream, number=1)
    theirs = await fork_job(world, "bob", upstream=upstream, number=2)

    async with world.deps.begin() as db:
        await claim._open(db, asking(first), popped(world, mine), world.settings.caps)
        async with asyncio.timeout(20):
            lease = await second.claim(boards_free=["b"])

    assert lease is not None and lease.job_id == theirs


async def shares(world: World) -> list[str]:
    async with world.deps.begin() as db:
        return [each.rpartition(":")[2] for each in await db.scalars(sa.select(job.c.share).order_by(job.c.id))]


async def test_a_fork_stays_its_owners_whoever_asks_for_it(world: World) -> None:
    lab = await world.builder("lab", *(offer(f"b{n}", type="nucleo") for n in range(3)))
    upstream = await upstream_of(world, cap_fork_owner=2)
    asked_by = {"trigger": Trigger.COMMAND, "from_fork": True, "repository_id": upstream, "pull_request": 7}
    for who in ("owner", "ada", "bob"):
        pipeline_id = await world.pipeline(requested_by=who, fork_owner="owner", **asked_by)
        await world.queued(pipeline_id=pipeline_id, priority=Priority.PULL_REQUEST)

    assert len(await claimed(lab)) == 2
    assert await shares(world) == ["owner"] * 3


async def test_a_command_about_a_fork_whose_owner_is_not_written_down_counts_for_its_author(world: World) -> None:
    upstream = await upstream_of(world)
    await world.execute(sa.insert(pull_request).values(known_pull_request(upstream, author="stranger")))
    await fork_job(world, "maintainer", upstream=upstream, number=7)
    await fork_job(world, "maintainer", upstream=upstream, number=8)

    assert await shares(world) == ["stranger", "maintainer"]


def known_pull_request(upstream: int, *, author: str) -> dict[str, object]:
    told = {"head": "c0ffee", "base_branch": "main", "title": "", "author": author, "delivery_id": 0}
    return {"repository_id": upstream, "number": 7, "from_fork": True, "draft": False, "open": True, **told}


async def test_a_look_for_waiting_builders_reads_no_job_of_another_type_and_no_ended_one(world: World) -> None:
    """Told by the rows that the database counts, not by a clock."""
    lab = await world.builder()
    other = await world.pipeline()
    await world.execute(sa.text(QUEUE).bindparams(pipeline=other))
    async with world.deps.begin() as db:
        await db.execute(sa.text("ANALYZE job"))
    async with world.deps.begin() as db:
        assert await boards.takers(db, [lab.id]) == []
        assert await db.scalar(READ) < 20


READ = sa.text("""
    SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'job'
""")  # rows by this transaction
QUEUE = """
    INSERT INTO job
           (pipeline_id, board_type, configuration, state, reason, priority,
            ended_at, queued_at, replaced, cancel_reason)
    SELECT :pipeline, CASE WHEN n % 2 = 0 THEN 'nucleo' ELSE 'other' END, 'c' || n,
           CASE WHEN n % 2 = 0 THEN 'passed' ELSE 'queued' END, '', 'branch',
           CASE WHEN n % 2 = 0 THEN now() END, now(), false, '' FROM generate_series(1, 4000) n
"""
