"""What the forge shows within seconds of an end, with a worker process of its own, also after that was away."""

import asyncio
import time

import pytest
import sqlalchemy as sa

from app.db.queries import builders
from app.db.tables import attempt, job
from builders import protocol
from integrations.fake import deliveries
from tests.crowd import crowd
from tests.dispatch.world import FakeBuilder, offer
from tests.hostile.day import LATER, LIMIT, Process
from tests.specs.ruling import rules
from tests.specs.talk import FORGES, A, Talk
from tests.specs.world import MAINTAINER, SECRET

TOLD_S = 10.0  # from the builder's word to the forge
LEASE = protocol.LEASE_S + 1
BOARDS = ("lost", "again", "cancelled", "over")
ENDS = {
    "github": {"lost": "error", "again": "pending", "cancelled": "error", "over": "error"},
    "gitlab": {"lost": "failed", "again": "running", "cancelled": "canceled", "over": "failed"},
}


@pytest.fixture
async def lab(world):
    """A builder that runs the job of each of its boards as soon as there is one."""
    async with world.deps.begin() as db:
        builder_id, secret = await builders.create(db, "lab")
    token = f"rlb_{builder_id}.{secret}"
    headers = {"Authorization": f"Bearer {token}", "Rigline-Protocol": str(protocol.PROTOCOL)}
    http = await world.stack.enter_async_context(type(world.http)(base_url=f"{world.address}/api/v1/", headers=headers))
    made = FakeBuilder("lab", builder_id, token, http, list(BOARDS), "instance-lab")
    said = await made.hello([offer(name, limit_s=20.0 if name == "over" else None) for name in BOARDS])
    assert said.status_code == 200
    return made


@pytest.fixture
def worker(world, tmp_path):
    """Give a worker of the service that a test starts, kills and starts again."""
    made = Process(world, "worker", tmp_path)
    yield made
    made.kill()


async def shows(world, is_so, limit_s):
    """Wait until the forge shows the right states, and give how long that took."""
    begun = time.monotonic()
    while not is_so(shown(world)):
        assert time.monotonic() - begun < limit_s, shown(world)
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def take(lab, how_many):
    """Claim and begin jobs, waiting for them; give the leases by board."""
    leases = {}
    async with asyncio.timeout(LIMIT):
        while len(leases) < how_many:
            lease = await lab.claim(wait_s=10.0, boards_free=[each for each in BOARDS if each not in leases])
            if lease is not None:  # else the worker is not there yet
                assert (await lab.beat(lease)).status_code == 200
                leases[lease.board] = lease
    return leases


def shown(world):
    return {name: each.state for name, each in world.forges.latest(A).items()}


@pytest.mark.parametrize("forge", FORGES)
async def test_a_cancelled_job_is_over_on_the_forge_ten_seconds_after_its_builder_stopped(world, lab, worker, forge):
    talk = Talk(world, forge)
    worker.start()
    await world.deliver(talk.delivery("/rig run boards=cancelled"))
    [lease] = (await take(lab, 1)).values()
    signal = asyncio.create_task(lab.wait(lease))
    await world.deliver(talk.delivery("/rig cancel"))

    assert (await signal).json() == {"cancel": "polite"}
    assert (await lab.finish(lease, "cancelled")).status_code == 200
    over = {"github": "error", "gitlab": "canceled"}[forge]
    assert await shows(world, lambda found: list(found.values()) == [over], LIMIT * crowd()) < TOLD_S * crowd()


@pytest.mark.parametrize("forge", FORGES)
async def test_what_ended_while_the_service_was_away_is_told_when_it_is_back_and_what_is_tried_again_stays_pending(
    world, lab, worker, forge
):
    rules(world, '[[on]]\nevent = "push"\nstatus = "per_target"')
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    home = world.repository if forge == "github" else world.project
    worker.start()
    await world.deliver(send(home, A, SECRET, sender=world.person(MAINTAINER), ref="refs/heads/topic"))
    leases = await take(lab, len(BOARDS))
    began = {"pending"} if forge == "github" else {"running"}
    await shows(world, lambda found: len(found) == len(BOARDS) and set(found.values()) == began, LIMIT)
    worker.kill()
    await while_it_is_away(world, leases)

    worker.start()

    wanted = {f"rigline/run/{board}/fast": state for board, state in ENDS[forge].items()}
    assert await shows(world, lambda found: found == wanted, LIMIT * crowd()) < LEASE * crowd()
    mine = {lease.job_id: board for board, lease in leases.items()}
    states = {mine[row.id]: row.state for row in await world.rows(job) if row.id in mine}
    assert states == {"lost": "errored", "again": "queued", "cancelled": "cancelled", "over": "timed_out"}


async def while_it_is_away(world, leases):
    """Let a lease pass that two jobs lose, one of them for the last time, a cancel that is in vain, and a limit."""
    older = sa.func.make_interval(0, 0, 0, 0, 0, 0, LEASE)
    async with world.deps.begin() as db:
        await db.execute(sa.text(LATER[0]))  # what the killed worker held
        for board in ("lost", "again", "cancelled"):
            mine = sa.update(attempt).where(attempt.c.id == leases[board].attempt_id)
            await db.execute(mine.values(lease_until=sa.func.now() - sa.text("interval '1 s'")))
        of = {board: job.c.id == lease.job_id for board, lease in leases.items()}
        await db.execute(sa.update(job).where(of["lost"]).values(retries_left=0))
        cancel = {"cancel_requested_at": sa.func.now() - older, "cancel_reason": "not needed"}
        await db.execute(sa.update(job).where(of["cancelled"]).values(cancel))
        mine = sa.update(attempt).where(attempt.c.id == leases["over"].attempt_id)
        hour = sa.func.now() - sa.text("interval '1 h'")
        ahead = sa.func.now() + sa.text("interval '1 min'")
        await db.execute(mine.values(opened_at=hour, accepted_at=hour, lease_until=ahead))
