"""Real faults: processes and servers killed with −9 in the middle of something."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from app.db.tables import job as job_table
from app.dispatch import proxy
from app.embedded import folder, valkey
from app.settings import Settings
from tests.dispatch.world import FakeBuilder, World, offer

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def child_web(settings: Settings, place: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a web process of its own; it writes its address into a file once it serves."""
    given, told = place / "settings.json", place / "address"
    secrets = {"secret_key": settings.secret_key.get_secret_value()}
    given.write_text(json.dumps(json.loads(settings.model_dump_json()) | secrets))
    command = [sys.executable, "-m", "tests.dispatch.child_web", str(given), str(told)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process, told
    finally:
        process.kill()
        process.wait()


async def address_of(process: subprocess.Popen[bytes], told: Path) -> str:
    async with asyncio.timeout(30):
        while not told.exists():
            assert process.poll() is None
            await asyncio.sleep(0.02)
    return told.read_text()


@asynccontextmanager
async def through(world: World, lab: FakeBuilder, address: str) -> AsyncIterator[FakeBuilder]:
    """Let a builder speak to another web process."""
    before, lab.http = lab.http, await world.client(lab.token, address)
    try:
        yield lab
    finally:
        lab.http = before


async def killed_while_it_leases(world: World, tmp_path: Path, lab: FakeBuilder, job_id: int, claim_id: str) -> None:
    """Kill a web process that has a job from RQ and waits for its row; the builder hears nothing."""
    with child_web(world.settings, tmp_path) as (process, told):
        async with through(world, lab, await address_of(process, told)):
            async with world.deps.begin() as db:
                await db.execute(sa.select(job_table).where(job_table.c.id == job_id).with_for_update())
                hung = asyncio.create_task(lab.ask(claim_id=claim_id))
                await world.somebody_waits_for_a_row()
                assert world.rq_list() == []
                process.kill()
                process.wait()
            with pytest.raises(httpx2.TransportError):
                await hung
    await world.no_transaction_is_left()


async def test_a_web_process_killed_between_the_pop_and_the_commit_costs_no_job(world: World, tmp_path: Path) -> None:
    """A fork's owner is capped, which takes several statements: the lease is undone."""
    lab = await world.builder()
    job_id = await world.queued(pipeline_id=await world.pipeline(from_fork=True))
    await killed_while_it_leases(world, tmp_path, lab, job_id, str(uuid4()))

    nothing = await lab.claim()
    await world.sweep()
    world.age_sighting(job_id, 6)
    await world.sweep()
    lease = await lab.claim()

    assert nothing is None
    assert lease is not None and lease.job_id == job_id
    assert len(await world.attempts(job_id)) == 1


async def test_a_lease_that_a_killed_web_process_has_made_is_given_to_the_same_claim(
    world: World, tmp_path: Path
) -> None:
    """Without a cap the lease is one statement, which PostgreSQL carries out also when nobody hears of it."""
    lab = await world.builder()
    job_id, claim_id = await world.queued(), str(uuid4())
    await killed_while_it_leases(world, tmp_path, lab, job_id, claim_id)
    await world.is_in_state(job_id, "leased")

    lease = await lab.claim(claim_id=claim_id)

    assert lease is not None and lease.job_id == job_id
    assert (await lab.beat(lease)).status_code == 200
    assert (await lab.finish(lease)).status_code == 200
    await world.sweep()
    assert (await world.states(job_id), len(await world.attempts(job_id))) == (["passed"], 1)


async def test_a_web_process_killed_between_the_row_and_rqs_finish_finishes_once(world: World, tmp_path: Path) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    registry = proxy.queue(world.deps.redis_sync, "board:nucleo:branch").started_job_registry
    with child_web(world.settings, tmp_path) as (process, told):
        async with through(world, lab, await address_of(process, told)):
            await lab.beat(lease)
            world.deps.redis_sync.client_pause(3000, all=True)
            hung = asyncio.create_task(lab.finish(lease))
            await world.is_in_state(lease.job_id, "passed")
            process.kill()
            process.wait()
            with pytest.raises(httpx2.TransportError):
                await hung
    world.deps.redis_sync.client_unpause()
    before = registry.get_job_count(cleanup=False)
    await world.execute(sa.update(job_table).values(ended_at=sa.text("now() - interval '4s'")))

    repeat = await lab.finish(lease)
    await world.sweep()

    assert (before, repeat.status_code) == (1, 200)
    assert registry.get_job_count(cleanup=False) == 0
    assert len(await world.attempts(lease.job_id)) == 1


async def test_jobs_go_on_while_their_web_process_is_replaced(world: World, tmp_path: Path) -> None:
    lab = await world.builder("lab", *(offer(f"b{n}", type="nucleo") for n in range(20)))
    with child_web(world.settings, tmp_path) as (process, told):
        async with through(world, lab, await address_of(process, told)):
            leases = [await world.running(lab) for _ in range(20)]
            for lease in leases:
                await lab.log(lease, 0, b"before\n")
            process.kill()

    for lease in leases:
        await lab.log(lease, 7, b"after\n")
    answers = [await lab.finish(lease, log=b"before\nafter\n") for lease in leases]

    assert [each.status_code for each in answers] == [200] * 20


async def test_a_redis_killed_and_restarted_loses_no_job(settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "own"
    with folder.held(place):
        server = valkey.server(place / "valkey", sockets=folder.sockets(place))
        server.start()
        url = f"unix://{folder.sockets(place)}/redis.sock"
        own = settings.model_copy(update={"redis_url": url})
        try:
            async with AsyncExitStack() as stack:
                world = await World.build(own, stack)
                lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
                lease = await world.running(lab)
                waiting = [await world.queued() for _ in range(5)]

                server.kill()
                assert server.process is not None and server.process.wait(10) is not None
                claim = await lab.ask()
                finished = await asyncio.wait_for(lab.finish(lease), 10)
                while_away = await world.queued()
                server.start()
                for job_id in (*waiting, while_away):
                    await world.age_job(job_id, 5)
                await world.sweep()
                after = [await lab.claim() for _ in range(2)]

                assert (claim.status_code, claim.headers["Retry-After"]) == (503, "2")
                assert finished.status_code == 200
                assert set(world.rq_list()) | {f"job-{each.job_id}" for each in after if each} == {
                    f"job-{each}" for each in (*waiting, while_away)
                }
                assert [each and each.job_id for each in after] == waiting[:2]
        finally:
            server.stop()


async def test_a_database_that_goes_away_during_a_finish_gets_it_once_when_it_is_back(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    async with world.database_is_away():
        away = await lab.finish(lease)
    back = [await lab.finish(lease), await lab.finish(lease)]

    assert (away.status_code, "Retry-After" in away.headers) == (503, True)
    assert [each.status_code for each in back] == [200, 200]
    assert len(await world.attempts(lease.job_id)) == 1


async def test_a_claim_is_told_to_come_back_while_the_database_is_away(world: World) -> None:
    lab = await world.builder()
    await world.queued()

    async with world.database_is_away():
        away = await lab.ask()
    back = await lab.claim()

    assert (away.status_code, "Retry-After" in away.headers) == (503, True)
    assert back is not None
