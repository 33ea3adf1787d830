"""A matrix of filters, facts of builders, and groups of jobs that wait for each other."""

import pytest
import sqlalchemy as sa

from app.db.queries import boards, jobs
from app.db.tables import builder
from app.dispatch import sweep
from app.states import JobState
from tests.specs.ruling import A, push, rules


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    return world


async def test_several_filters_make_a_matrix_of_jobs_and_each_target_runs_once(world):
    await world.offer("pi4-bsd", configurations=("fast",))
    async with world.deps.begin() as db:
        first = sa.select(sa.func.min(builder.c.id)).scalar_subquery()
        await db.execute(builder.update().values(facts={"os": "freebsd", "platform_family": "bsd"}))
        await db.execute(builder.update().where(builder.c.id == first).values(facts={"os": "linux"}))
        await db.execute(world.tables.board.update().values(type="pi4").where(world.tables.board.c.name == "pi4-bsd"))
    rules(
        world,
        """
        [[on]]
        event = "push"
        filter = [
            { types = "pi4", configurations = "fast", os = "linux" },
            { types = "pi4", configurations = "fast", os = "freebsd" },
            { boards = ["nucleo", "pi4"], configurations = "safe" },
            { boards = "nucleo", configurations = "safe" },
        ]
        """,
    )

    await world.receive(push(world))

    rows = await world.rows(world.tables.job)
    assert [(row.board_type, row.configuration, row.facts) for row in rows] == [
        ("pi4", "fast", {"os": ["linux"]}),
        ("pi4", "fast", {"os": ["freebsd"]}),
        ("nucleo", "safe", {}),
        ("pi4", "safe", {}),
    ]
    linux, bsd = (each.id for each in await world.rows(builder))
    assert [row.id for row in await candidates(world, linux, "pi4")] == [rows[0].id, rows[3].id]
    assert [row.id for row in await candidates(world, bsd, "pi4-bsd")] == [rows[1].id]
    async with world.deps.begin() as db:
        woken = await boards.takers(db, [bsd])
    assert woken == [(1, [(bsd, "pi4-bsd")])]


async def candidates(world, builder_id, board):
    async with world.deps.begin() as db:
        return await boards.candidates(db, builder_id, [board])


GROUPS = """
[[on]]
event = "push"
[[on.group]]
name = "quick"
filter = { boards = "nucleo" }
[[on.group]]
name = "slow"
filter = { boards = "pi4", configurations = "fast" }
needs = ["quick"]
[[on.group]]
name = "last"
filter = { boards = "pi4", configurations = "safe" }
needs = ["slow"]
"""


async def end(world, job_id, state):
    async with world.deps.begin() as db:
        for each in (JobState.LEASED, JobState.RUNNING, state):
            held = {"epoch": 1} if each in (JobState.LEASED, JobState.RUNNING) else {}
            assert await jobs.move(db, job_id, each, reason="", **held) is not None


async def test_a_group_starts_when_all_jobs_of_the_groups_it_needs_have_passed(world):
    rules(world, GROUPS)
    await world.receive(push(world))
    first, second, slow, last = await world.rows(world.tables.job)
    [lab] = await world.rows(builder)
    assert slow.reason == "waits for group 'quick'"
    assert await candidates(world, lab.id, "pi4") == []
    async with world.deps.begin() as db:
        assert [each for each, _ in await boards.takers(db, [lab.id])] == [1, 1]

    await end(world, first.id, JobState.PASSED)
    assert await candidates(world, lab.id, "pi4") == []
    await end(world, second.id, JobState.PASSED)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [slow.id]
    await end(world, slow.id, JobState.PASSED)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [last.id]


async def test_jobs_whose_needs_failed_end_skipped_with_the_reason_and_a_retry_takes_them_up_again(world):
    rules(world, GROUPS)
    await world.receive(push(world))
    first, second, slow, last = await world.rows(world.tables.job)
    await end(world, second.id, JobState.FAILED)

    await sweep.sweep(world.deps)

    assert await world.job_states(A) == [
        ("queued", ""),
        ("failed", ""),
        ("skipped", f"needs group 'quick', whose job {second.id} ended as failed"),
        ("skipped", f"needs group 'slow', whose job {slow.id} ended as skipped"),
    ]
    async with world.deps.begin() as db:
        again = [await jobs.retry(db, each.id, actor="olivia") for each in (second, slow, last)]
    await end(world, first.id, JobState.PASSED)
    await end(world, again[0], JobState.PASSED)
    await sweep.sweep(world.deps)
    [lab] = await world.rows(builder)
    assert [row.id for row in await candidates(world, lab.id, "pi4")] == [again[1]]
