"""A lease from hello to finish, over real HTTP, with RQ's view of it."""

from rq import Queue, Worker

from app.dispatch import proxy
from tests.dispatch.world import World


async def test_a_queued_job_is_claimed_run_and_finished(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()

    lease = await lab.claim()

    assert lease is not None
    assert (lease.job_id, lease.epoch, lease.board, lease.configuration) == (job_id, 1, "nucleo", "fast")
    assert lease.source.commit.startswith("c0ffee")
    assert await world.states(job_id) == ["leased"]
    assert world.rq_list() == []

    beaten = await lab.beat(lease)

    assert beaten.json()["cancel"] == "none"
    assert await world.states(job_id) == ["running"]

    assert (await lab.log(lease, 0, b"hello\n")).json() == {"size": 6}
    finished = await lab.finish(lease, "passed", log=b"hello\n")

    assert finished.json() == {"outcome": "passed", "lease": None, "is_held": False}
    assert await world.states(job_id) == ["passed"]
    rq_job = proxy.fetch(world.deps.redis_sync, job_id)
    assert rq_job is not None and rq_job.is_finished


async def test_rq_shows_a_builder_as_a_worker_and_its_state(world: World) -> None:
    lab = await world.builder("shelf")
    await world.queued()

    [worker] = Worker.all(world.deps.redis_sync)
    before = (worker.name, worker.get_state())
    lease = await lab.claim()
    [worker] = Worker.all(world.deps.redis_sync)
    during = (worker.get_state(), len(worker.get_current_executions()))
    await lab.finish(lease)
    [worker] = Worker.all(world.deps.redis_sync)

    assert before == ("shelf", "idle")
    assert during == ("busy", 1)
    assert worker.get_state() == "idle"
    assert "board:nucleo:branch" in worker.queue_names()
    assert "board:nucleo:branch" in [queue.name for queue in Queue.all(world.deps.redis_sync)]
