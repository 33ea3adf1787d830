"""Real worker processes: seen by RQ, ended politely, and killed at the worst moments."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from app.states import JobState
from app.task_queue import QUEUE
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET, TOKEN

ROOT = Path(__file__).parents[2]
LIMIT = 30  # seconds for anything that has to happen
A, B = "a" * 40, "b" * 40


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


class WorkerProcess:
    """`rigline worker` over the world's servers."""

    def __init__(self, world, log):
        settings = world.deps.settings
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": settings.database_url.replace("+asyncpg", ""),
            "REDIS_URL": settings.redis_url,
            "RIGLINE_DATA_DIR": str(settings.data_dir),
            "RIGLINE_PUBLIC_URL": settings.public_url,
            "RIGLINE_SECRET_KEY": "only for tests",
            "RIGLINE_GITHUB_API_URL": settings.github_api_url,
            "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET,
            "RIGLINE_GITHUB_TOKEN": TOKEN,
            "RIGLINE_GITLAB_URL": settings.gitlab_url,
        }
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "worker"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT)


@pytest.fixture
async def workers(world, tmp_path):
    started = []

    def start():
        started.append(WorkerProcess(world, tmp_path / "worker.log"))
        return started[-1]

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


async def until(claim):
    """Wait until an async claim is true."""
    async with asyncio.timeout(LIMIT):
        while not await claim():
            await asyncio.sleep(0.05)


def push(world, commit=A):
    return deliveries.github_push(world.repository, commit, SECRET, sender=world.person(MAINTAINER))


async def later(world):
    """Let the time pass after which a dead process' claims end and its deliveries are due again."""
    async with world.deps.begin() as db:
        await db.execute(sa.text("UPDATE status SET claimed_until = now(), next_at = now()"))
        await db.execute(sa.text("UPDATE delivery SET received_at = now() - interval '1 hour'"))


async def test_a_worker_is_seen_by_rq_handles_deliveries_and_leaves_politely(world, workers):
    worker = workers()
    await world.deliver(push(world))
    await until(lambda: _shown(world, A, "pending"))

    [seen] = Worker.all(connection=world.deps.redis_sync)
    assert seen.name.startswith("tasks-")
    assert seen.queue_names() == [QUEUE]
    assert seen.pid == worker.process.pid
    assert worker.stop() == 0
    assert Worker.all(connection=world.deps.redis_sync) == []


async def test_a_worker_told_to_stop_ends_the_task_at_hand_first(world, workers):
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def gate(_method, path):
        if "/collaborators/" in path:
            asked.set()
            await go_on.wait()

    world.forges.gate = gate
    worker = workers()
    await world.deliver(forked(world))
    await asyncio.wait_for(asked.wait(), LIMIT)

    worker.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.to_thread(worker.process.wait, LIMIT) == 0

    assert [state for state, _ in await world.job_states(A)] == ["queued"]
    [verdict] = await world.verdicts()
    assert verdict.startswith("opened pipeline")


async def test_a_status_becomes_true_within_seconds_without_any_task(world, workers):
    workers()
    await world.deliver(push(world))
    await until(lambda: _shown(world, A, "pending"))

    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.PASSED)

    await until(lambda: _shown(world, A, "success"))


async def test_a_worker_killed_while_it_asks_for_a_right_is_followed_by_one_that_asks_again(world, workers):
    reached = stuck_at(world, "/collaborators/")
    first = workers()
    await world.deliver(forked(world))
    await asyncio.wait_for(reached.wait(), LIMIT)
    first.kill()
    assert await world.pipelines() == []
    await later(world)

    workers()

    await until(lambda: _shown(world, A, "pending"))
    await until(lambda: _handled(world))
    assert await world.job_states(A) == [("queued", "")]
    assert len(await world.pipelines()) == 1


async def test_a_worker_killed_before_it_hears_that_a_status_arrived_leaves_the_forge_right_in_the_end(world, workers):
    """The first `pending` is at the forge, and the job ends before anybody writes that down."""
    reached = stuck_at(world, "/statuses/")
    first = workers()
    await world.deliver(push(world))
    await asyncio.wait_for(reached.wait(), LIMIT)
    first.kill()
    assert world.posted(A) == ["pending"]
    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.FAILED)
    await later(world)

    workers()

    await until(lambda: _shown(world, A, "failure"))
    await until(lambda: _handled(world))
    assert world.posted(A) == ["pending", "failure"]


def stuck_at(world, part):
    """Let the first call to a path wait for ever; the event says that it came."""
    reached = asyncio.Event()

    async def gate(_method, path):
        if part in path and not reached.is_set():
            reached.set()
            await asyncio.Event().wait()

    world.forges.gate = gate
    return reached


async def test_workers_killed_again_and_again_lose_and_double_nothing(world, workers):
    commits = [f"{number:040x}" for number in range(1, 21)]
    for pause in (0.0, 0.1):
        worker = workers()
        known = len(await world.rows(world.tables.delivery))
        await until(lambda: _births(world, 1))
        for commit in commits[known : known + 10]:
            await world.deliver(push(world, commit))
        await asyncio.sleep(pause)  # not waiting for anything: any moment will do
        worker.kill()
        world.deps.redis_sync.flushall()  # and with it all that was queued
    await later(world)

    workers()

    await until(lambda: _handled(world))
    await until(lambda: _all_shown(world, commits))
    assert sorted(each.commit for each in await world.pipelines()) == commits
    assert len(await world.rows(world.tables.job)) == len(commits)


async def test_two_workers_share_the_work_and_do_none_of_it_twice(world, workers):
    workers(), workers()
    await until(lambda: _births(world, 2))
    commits = [f"{number:040x}" for number in range(1, 21)]
    for commit in commits:
        await world.deliver(push(world, commit))

    await until(lambda: _all_shown(world, commits))
    assert sorted(each.commit for each in world.forges.statuses) == commits
    assert {row.tries for row in await world.rows(world.tables.delivery)} == {1}


async def test_a_worker_waits_for_a_database_that_is_away_and_goes_on(world, workers):
    workers()
    await until(lambda: _births(world, 1))
    async with world.deps.begin() as db:
        await db.execute(sa.text("ALTER TABLE status RENAME TO away"))
    await world.deliver(push(world))
    async with world.deps.begin() as db:
        await db.execute(sa.text("ALTER TABLE away RENAME TO status"))
    await later(world)

    await until(lambda: _shown(world, A, "pending"))


async def test_a_task_that_fails_is_tried_again_by_rq(world, workers):
    queue = Queue(QUEUE, connection=world.deps.redis_sync, serializer=JSONSerializer)
    await world.deps.tasks.put("no such task", 1)
    [job_id] = queue.job_ids
    workers()

    async def tried_again():
        with contextlib.suppress(Exception):
            job = queue.fetch_job(job_id)
            return job is not None and (job.retries_left or 0) <= 1
        return False

    await until(tried_again)


def forked(world):
    fork = FakeRepository(8888, "outsider/firmware")
    world.forges.account(OUTSIDER)
    pull = Pull(number=9, head=A, branch="faster", author=world.person(MAINTAINER), fork=fork)
    return deliveries.github_pull_request(world.repository, "opened", pull, SECRET)


async def _shown(world, commit, state):
    found = world.forges.latest(commit).get("rigline/run")
    return found is not None and found.state == state


async def _all_shown(world, commits):
    return {each.commit for each in world.forges.statuses} >= set(commits)


async def _births(world, number):
    return Worker.count(connection=world.deps.redis_sync) >= number


async def _handled(world):
    return all(row.handled_at for row in await world.rows(world.tables.delivery))
