"""Last night's backup, restored beside an empty Redis: what was to be done is done, what was done stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from app.backup import restoring, writing
from app.settings import Settings
from tests.conftest import Emptier
from tests.dispatch.test_faults import address_of, child_web, through
from tests.dispatch.test_service_away import later, listens
from tests.dispatch.world import FakeBuilder, World, offer

NIGHT_S = 8 * 3600
RESTORED = "restored"
HISTORY = ("pipeline", "attempt", "log_chunk", "audit", "result")


class Dump:
    """A backup of the service, and a database beside it to restore it into."""

    def __init__(self, settings: Settings, emptier: Emptier, file: Path) -> None:
        self.url, self.file, self._emptier = settings.database_url, file, emptier

    async def save(self) -> None:
        await writing.write_file(self.url, self.file, writing.Wish(secret_key="only for tests"))

    async def restore(self) -> None:
        self._emptier.execute(f"CREATE DATABASE {RESTORED}")
        await restoring.restore(other(self.url), self.file)


def other(url: str) -> str:
    """Give the address of the restored database."""
    return make_url(url).set(database=RESTORED).render_as_string(hide_password=False)


@pytest.fixture
def dump(settings: Settings, emptier: Emptier, tmp_path: Path) -> Iterator[Dump]:
    yield Dump(settings, emptier, tmp_path / "dump.rig")
    emptier.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")


async def history(world: World) -> dict[str, list[Any]]:
    async with world.deps.begin() as db:
        return {name: sorted(map(str, await db.execute(sa.text(f"SELECT * FROM {name}")))) for name in HISTORY}


async def test_a_dump_of_last_night_and_an_empty_redis_lose_no_job_and_no_history(
    world: World, dump: Dump, tmp_path: Path
) -> None:
    lab = await world.builder("lab", *(offer(name, type="nucleo") for name in ("one", "two")))
    done = await world.running(lab)
    await lab.log(done, 0, b"of yesterday")
    assert (await lab.finish(done, log=b"of yesterday")).status_code == 200
    running = await world.running(lab)
    waiting = [await world.queued() for _ in range(3)]
    await listens(world)
    before = await history(world)
    await dump.save()
    await lab.finish(running)  # of the day that is lost
    await dump.restore()
    world.deps.redis_sync.flushall()

    with restored(world.settings, tmp_path) as (settings, (process, told)):
        again = await World.build(settings, world.stack)
        assert await history(again) == before
        await night(again, running.attempt_id)
        async with through(again, lab, await address_of(process, told)):
            await again.sweep()
            still = await again.states(running.job_id)  # who could have spoken up is only now being heard
            await listens(again)
            await a_lease_later(again)
            await again.sweep()
            refused = await lab.finish(running)
            queued = again.rq_list()
            order = await worked_off(again, lab)

    assert (still, refused.status_code) == (["running"], 409)
    assert sorted(queued) == sorted(f"job-{each}" for each in (running.job_id, *waiting))
    assert order == [running.job_id, *waiting]
    lost, last = await again.attempts(running.job_id)
    assert (lost.reason[:10], str(last.outcome)) == ("infra:lost", "passed")
    assert await again.states(done.job_id, *waiting) == ["passed"] * 4
    after = await history(again)
    assert set(before["log_chunk"]) <= set(after["log_chunk"]) and set(before["audit"]) <= set(after["audit"])
    ended = [each for each in before["attempt"] if each.startswith(f"({done.attempt_id}, ")]
    assert len(ended) == 1 and ended[0] in after["attempt"]


@contextmanager
def restored(settings: Settings, place: Path) -> Iterator[tuple[Settings, Any]]:
    """Run a web process over the restored database."""
    changed = settings.model_copy(update={"database_url": other(settings.database_url)})
    with child_web(changed, place) as child:
        yield changed, child


async def night(world: World, attempt_id: int) -> None:
    """Let the hours between the dump and its restoration pass."""
    await world.age_attempt(attempt_id, NIGHT_S)
    await later(world, NIGHT_S)
    await world.execute(sa.text(f"UPDATE builder SET seen_at = seen_at - interval '{NIGHT_S} s'"))
    await world.execute(sa.text(f"UPDATE job SET queued_at = queued_at - interval '{NIGHT_S} s'"))


async def a_lease_later(world: World) -> None:
    """Let the service have been back for so long that who lives has spoken."""
    await world.execute(sa.text("UPDATE service SET back_at = back_at - interval '46 s'"))


async def worked_off(world: World, lab: FakeBuilder) -> list[int]:
    """Claim and finish one job after the other."""
    await world.execute(sa.text("UPDATE board SET reusable_at = NULL"))
    order = []
    while (lease := await lab.claim()) is not None:
        order.append(lease.job_id)
        assert (await lab.finish(lease)).status_code == 200
    return order
