"""After a restoration the forges hear nothing twice, and what they say again is known."""

import dataclasses
from contextlib import AsyncExitStack

import httpx2
import pytest

from app import deps as deps_module
from app.backup import restoring, writing
from app.main import create_app
from app.states import JobState
from app.tasks import rounds
from tests.backup.conftest import KEY
from tests.specs.serving import serving
from tests.specs.test_statuses import A, B, due_now, push
from tests.specs.world import World

RUN = (JobState.LEASED, JobState.RUNNING)


@pytest.fixture
async def world(settings):
    async with AsyncExitStack() as stack:
        built = await World.build(settings, stack)
        await built.offer("nucleo")
        yield built


async def restored(world, url):
    """Serve a restored database to the same forges, with an empty Redis."""
    deps = await deps_module.build(world.deps.settings.model_copy(update={"database_url": url}))
    world.stack.push_async_callback(deps.close)
    deps.redis_sync.flushall()
    web = await world.stack.enter_async_context(serving(create_app(deps)))
    http = await world.stack.enter_async_context(httpx2.AsyncClient(base_url=web, trust_env=False, timeout=30))
    return dataclasses.replace(world, deps=deps, address=web, http=http)


async def test_what_was_told_and_handled_before_a_backup_is_neither_told_nor_handled_again(world, elsewhere, tmp_path):
    first = push(world, A)
    await world.receive(first)
    await world.move_all(A, *RUN, JobState.PASSED)
    await due_now(world)
    await world.receive(push(world, B))
    await writing.write_file(world.deps.settings.database_url, tmp_path / "a.rig", writing.Wish(secret_key=KEY))
    await world.move_all(B, *RUN, JobState.FAILED)  # of the hours that are lost
    await due_now(world)
    assert (world.posted(A), world.posted(B)) == (["pending", "success"], ["pending", "failure"])

    await restoring.restore(elsewhere.url, tmp_path / "a.rig")
    again = await restored(world, elsewhere.url)
    unhandled = await rounds.put_unhandled(again.deps)
    redelivered = await again.deliver(first)
    await again.settle()
    await due_now(again)
    assert (unhandled, redelivered.status_code, redelivered.json()["status"]) == (0, 200, "already received")
    assert len(await again.pipelines()) == 2
    assert (again.posted(A), again.posted(B)) == (["pending", "success"], ["pending", "failure"])

    await again.move_all(B, *RUN, JobState.PASSED)  # it was queued then, so it runs again
    await due_now(again)

    assert again.posted(A) == ["pending", "success"]
    assert (again.posted(B)[:2], again.posted(B)[-1]) == (["pending", "failure"], "success")
