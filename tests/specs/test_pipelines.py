"""Reading pipelines: the state derived in SQL is the one of `app.states`; lists are filtered and paged."""

import itertools
from collections import Counter

import pytest
import sqlalchemy as sa

from app.db.models import Priority, Trigger
from app.db.queries import pipeline_lists, pipelines
from app.db.tables import job, pipeline, repository
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.errors import Invalid
from app.states import ENDED, HELD, JobState, pipeline_state
from builders.protocol import Kind

A, B = "a" * 40, "b" * 40


async def add(db, repository_id, states, *, replaced=(), **values):
    row = {"repository_id": repository_id, "commit": A, "kind": Kind.RUN, "trigger": Trigger.PUSH}
    row |= {"from_fork": False, "title": "", "requested_by": "", **values}
    pipeline_id = await db.scalar(sa.insert(pipeline).values(row).returning(pipeline.c.id))
    for number, (state, gone) in enumerate([*((s, False) for s in states), *((s, True) for s in replaced)]):
        held = {"epoch": 1} if state in HELD else {}
        ended = {"ended_at": sa.func.now()} if state in ENDED else {}
        await db.execute(
            sa.insert(job).values(
                pipeline_id=pipeline_id,
                board_type="b",
                configuration=str(number),
                state=state,
                replaced=gone,
                reason="",
                cancel_reason="",
                priority=Priority.BRANCH,
                **held,
                **ended,
            )
        )
    return pipeline_id


@pytest.fixture
async def repository_id(world):
    async with world.deps.begin() as db:
        return await db.scalar(sa.select(repository.c.id).where(repository.c.forge == "github"))


async def test_the_state_derived_in_sql_is_that_of_the_states_module_for_every_mixture(world, repository_id):
    mixtures = [list(mix) for size in range(4) for mix in itertools.combinations(JobState, size)]
    mixtures.append(list(JobState))
    async with world.deps.begin() as db:
        ids = [await add(db, repository_id, mix, replaced=[JobState.FAILED, JobState.PASSED]) for mix in mixtures]
        found = {view.id: view for view in await pipeline_lists.list_(db, limit=10_000)}

    for pipeline_id, mix in zip(ids, mixtures, strict=True):
        view = found[pipeline_id]
        assert view.state == pipeline_state(mix), mix
        assert view.counts == Counter(state.value for state in mix)
        assert (view.ended_at is not None) == (bool(mix) and set(mix) <= ENDED)


async def test_a_list_is_filtered_by_each_of_its_filters(world, repository_id):
    async with world.deps.begin() as db:
        one = await add(db, repository_id, [JobState.PASSED], branch="main")
        two = await add(db, repository_id, [JobState.QUEUED], commit=B, pull_request=7)
        for filters, expected in [
            ({}, [two, one]),
            ({"commit": A}, [one]),
            ({"commit": "b" * 12}, [two]),
            ({"commit": "%"}, []),
            ({"branch": "main"}, [one]),
            ({"pull_request": 7}, [two]),
            ({"state": JobState.PASSED}, [one]),
            ({"repository": "ACME/firmware"}, [two, one]),
            ({"repository": repository_id}, [two, one]),
            ({"repository": "acme/other"}, []),
            ({"before": two}, [one]),
            ({"limit": 1}, [two]),
        ]:
            assert [view.id for view in await pipeline_lists.list_(db, **filters)] == expected, filters


async def test_one_pipeline_is_read_as_the_list_shows_it(world, repository_id):
    async with world.deps.begin() as db:
        pipeline_id = await add(db, repository_id, [JobState.RUNNING])
        assert [await pipelines.get(db, pipeline_id)] == await pipeline_lists.list_(db)
        assert await pipelines.get(db, pipeline_id + 1) is None


async def dispatch(world, repository_id, **more):
    request = PipelineRequest(
        repository_id=repository_id, commit=A, trigger=Trigger.DISPATCH, trust="dispatched by olivia", **more
    )
    planned = await open_pipeline(world.deps, request)
    async with world.deps.begin() as db:
        rows = await db.execute(sa.select(job).where(job.c.pipeline_id == planned.pipeline_id).order_by(job.c.id))
        return [(row.board_type, row.configuration, row.board) for row in rows]


async def test_a_dispatch_is_planned_for_what_it_names_and_nothing_else(world, repository_id):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))

    assert len(await dispatch(world, repository_id)) == 4
    assert await dispatch(world, repository_id, boards=["pi4"], configurations=["safe"]) == [("pi4", "safe", None)]
    assert len(await world.pipelines()) == 2  # each dispatch is one of its own


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"boards": ["nuclea"]}, "There is no board 'nuclea'. Did you mean 'nucleo'? Known: nucleo, pi4."),
        ({"configurations": ["x"]}, "There is no configuration 'x'. Known: fast."),
        ({"tags": ["-slow"]}, "There is no tag 'slow'. Known: none."),
    ],
)
async def test_an_unknown_name_in_a_dispatch_opens_nothing_and_says_what_there_is(world, repository_id, wanted, said):
    await world.offer("nucleo", "pi4")

    with pytest.raises(Invalid) as refused:
        await dispatch(world, repository_id, **wanted)
    assert refused.value.message == said
    assert await world.pipelines() == []


async def test_a_dispatch_may_name_one_board_of_a_type(world, repository_id):
    await world.offer("nucleo-1")
    async with world.deps.begin() as db:
        await db.execute(world.tables.board.update().values(type="nucleo"))

    assert await dispatch(world, repository_id, boards=["nucleo-1"]) == [("nucleo", "fast", "nucleo-1")]
    assert await dispatch(world, repository_id, boards=["nucleo"]) == [("nucleo", "fast", None)]


async def test_the_token_of_a_dispatch_is_kept_encrypted(world, repository_id):
    await world.offer("nucleo")
    await dispatch(world, repository_id, token="very-secret-token")

    [row] = await world.rows(pipeline)
    assert row.token is not None
    assert b"very-secret" not in row.token
