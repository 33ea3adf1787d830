"""A merge queue asks for a verdict, and somebody presses the re-run button of a check."""

import pytest
import sqlalchemy as sa

from app.db.queries import jobs
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Pull
from integrations.forge import Permission
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, QUEUE = "a" * 40, "b" * 40, "refs/heads/gh-readonly-queue/main/pr-5-abc"


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4")
    return world


def group(world, action, commit=A, **more):
    return deliveries.github_merge_group(
        world.repository, action, commit, SECRET, sender=world.person(MAINTAINER), ref=QUEUE, **more
    )


def push(world, commit=A, **more):
    return deliveries.github_push(world.repository, commit, SECRET, sender=world.person(MAINTAINER), **more)


def rerun(world, commit=A, *, sender=MAINTAINER, external_id=None):
    who = world.person(sender)
    return deliveries.github_check_rerequested(world.repository, commit, SECRET, sender=who, external_id=external_id)


@pytest.mark.parametrize("push_first", [True, False])
async def test_a_merge_queues_commit_is_measured_once_and_trusted(world, push_first):
    both = [push(world, ref=QUEUE), group(world, "checks_requested")]
    for each in both if push_first else both[::-1]:
        await world.receive(each)

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.trigger, pipeline.branch) == (A, "merge_group", None)
    assert (pipeline.trust, pipeline.requested_by) == ("merge queue of main", MAINTAINER)
    assert pipeline.counts == {"queued": 2}
    assert world.shown(A).state == "pending"


async def test_a_message_that_asks_to_be_skipped_does_not_hold_up_the_merge_queue(world):
    await world.receive(push(world, ref=QUEUE, message="[skip ci]"))
    await world.receive(group(world, "checks_requested"))

    assert len(await world.pipelines()) == 1


async def test_what_left_the_merge_queue_is_cancelled_also_what_runs(world):
    await world.receive(group(world, "checks_requested"))
    await world.move_all(A, JobState.LEASED)

    await world.receive(group(world, "destroyed"))

    async with world.deps.begin() as db:
        asked = list(await db.scalars(world.tables.job.select().with_only_columns(world.tables.job.c.cancel_reason)))
    assert asked == ["the merge queue let the commit go"] * 2
    assert (await world.verdicts())[-1] == "left the merge queue: 2 jobs cancelled"


@pytest.mark.parametrize("push_first", [True, False])
async def test_a_merged_group_goes_on_as_the_push_of_its_branch(world, push_first):
    await world.receive(group(world, "checks_requested"))
    await world.move_all(A, JobState.LEASED)
    both = [push(world, A, before=B), group(world, "destroyed", reason="merged")]
    for each in both if push_first else both[::-1]:
        await world.receive(each)

    [pipeline] = await world.pipelines()
    assert (pipeline.branch, pipeline.counts) == ("main", {"leased": 2})
    assert [row.cancel_requested_at for row in await world.rows(world.tables.job)] == [None, None]


async def test_a_rerun_of_one_check_tries_that_job_alone(world):
    await world.receive(push(world))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.FAILED)
    first, second = (row.id for row in await world.rows(world.tables.job))

    await world.receive(rerun(world, external_id=f"job:{second}"))

    rows = await world.rows(world.tables.job)
    assert [(row.id, row.state, row.replaced) for row in rows[:2]] == [
        (first, "failed", False),
        (second, "failed", True),
    ]
    assert [(row.state, row.board_type) for row in rows[2:]] == [("queued", rows[1].board_type)]
    assert (await world.verdicts())[-1] == f"tried again as jobs {rows[2].id}"


async def test_the_same_rerun_twice_is_one_retry(world):
    await world.receive(push(world))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.FAILED)
    job = (await world.rows(world.tables.job))[0].id

    for _ in range(2):
        await world.receive(rerun(world, external_id=f"job:{job}"))

    assert len(await world.rows(world.tables.job)) == 3
    assert (await world.verdicts())[-1] == "nothing to try again: none of ours has ended"


@pytest.mark.parametrize("whole", [True, False])
async def test_a_rerun_of_a_pipeline_or_of_all_checks_tries_what_did_not_pass(world, whole):
    await world.receive(push(world))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING)
    async with world.deps.begin() as db:
        [(one,), (other,)] = await db.execute(sa.select(world.tables.job.c.id).order_by(world.tables.job.c.id))
        for job_id, state in ((one, JobState.PASSED), (other, JobState.ERRORED)):
            await _move(db, job_id, state)
    [pipeline] = await world.pipelines()

    await world.receive(rerun(world, external_id=None if whole else f"pipeline:{pipeline.id}"))

    rows = await world.rows(world.tables.job)
    assert [row.replaced for row in rows] == [False, True, False]


@pytest.mark.parametrize("external_id", ["job:999999", "job:1; DROP TABLE job", "", "pipeline:-1", "job:" + "9" * 50])
async def test_a_rerun_of_what_is_not_ours_does_nothing(world, external_id):
    await world.receive(push(world))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.FAILED)

    if external_id:
        await world.receive(rerun(world, external_id=external_id))
    await world.receive(rerun(world, B))

    assert len(await world.rows(world.tables.job)) == 2


async def test_a_rerun_by_somebody_who_may_not_write_does_nothing(world):
    world.forges.grant(world.repository.id, OUTSIDER, Permission.READ)
    await world.receive(push(world))
    await world.move_all(A, JobState.LEASED, JobState.RUNNING, JobState.FAILED)

    await world.receive(rerun(world, sender=OUTSIDER))

    assert len(await world.rows(world.tables.job)) == 2
    assert (await world.verdicts())[-1] == f"not tried again: {OUTSIDER} may not write"


async def test_a_rerun_is_no_approval(world):
    outsider = world.person(OUTSIDER)
    fork = FakeRepository(999, "stranger/firmware")
    pull = Pull(number=5, head=A, branch="x", author=outsider, fork=fork)
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))
    async with world.deps.begin() as db:
        for (job_id,) in await db.execute(world.tables.job.select().with_only_columns(world.tables.job.c.id)):
            await _move(db, job_id, JobState.CANCELLED)

    await world.receive(rerun(world))

    states = [row.state for row in await world.rows(world.tables.job)]
    assert states == ["cancelled", "cancelled", "awaiting_approval", "awaiting_approval"]


async def _move(db, job_id, state):
    assert await jobs.move(db, job_id, state) is not None
