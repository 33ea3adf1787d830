"""Which of the builders that wait is woken for a job, and by what: as few looks at the rows as can be."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from app.db.models import Health
from app.db.queries import boards
from app.db.tables import board
from app.dispatch import claim as claims
from app.dispatch import waiting
from app.dispatch.waiting import WaitingRoom
from builders.protocol import Lease
from tests.dispatch.world import FakeBuilder, World, offer

Held = asyncio.Task[Lease | None]


@pytest.fixture(autouse=True)
def only_what_a_hint_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be woken by the look of each second, nor by the one some time after a hint."""
    monkeypatch.setattr(waiting, "LOOK_S", 600.0)
    monkeypatch.setattr(waiting, "PASS_ON_S", 600.0)


async def waits(world: World, *labs: FakeBuilder) -> list[Held]:
    """Let builders ask for a job, one after the other, until the service holds their claims and knows their boards."""
    room: WaitingRoom = world.app.extensions["waiting"]
    held = []
    for number, lab in enumerate(labs, 1):
        held.append(asyncio.create_task(lab.claim(wait_s=30)))
        await world.somebody_waits_for_a_job(number)
    async with asyncio.timeout(30):
        while labs[0].id not in room._boards:  # the first look, when the first one came
            await asyncio.sleep(0.01)
    if len(labs) > 1:
        await room._look_once()
    return held


async def taken(held: Sequence[Held], jobs: int = 1) -> dict[int, int]:
    """Return, for so many jobs, the place of the builder that has each."""
    found: dict[int, int] = {}
    async with asyncio.timeout(25):  # sooner than a claim gives up
        while len(found) < jobs:
            await asyncio.wait(
                [each for place, each in enumerate(held) if place not in found.values()],
                return_when=asyncio.FIRST_COMPLETED,
            )
            found = {lease.job_id: place for place, each in enumerate(held) if each.done() and (lease := each.result())}
    for each in held:
        each.cancel()
    return found


async def test_a_job_for_any_board_of_a_type_wakes_a_builder_without_a_look_at_the_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await waits(world, await world.builder("lab", offer("one", type="nucleo")))
    looks: list[Any] = []

    async def look(*asked: Any) -> list[Any]:
        looks.append(asked)
        return []

    monkeypatch.setattr(boards, "takers", look)
    job_id = await world.queued()

    assert (await taken(held), looks) == ({job_id: 0}, [])


async def test_a_builder_that_was_woken_in_vain_lets_the_rows_say_who_can_take_the_job(world: World) -> None:
    """The one that waits longest has a board of the type, but not the configuration."""
    unfit = await world.builder("unfit", offer("one", "slow", type="nucleo"))
    held = await waits(world, unfit, await world.builder("fit", offer("two", type="nucleo")))

    job_id = await world.queued()

    assert await taken(held) == {job_id: 1}


async def test_a_job_for_one_board_is_looked_for_in_the_rows_at_once(world: World) -> None:
    labs = [await world.builder(name, offer(f"board-{name}", type="nucleo")) for name in ("a", "b", "c")]
    held = await waits(world, *labs)

    job_id = await world.queued(board="board-b")

    assert await taken(held) == {job_id: 1}


async def test_each_of_several_jobs_wakes_a_builder_of_its_type(world: World) -> None:
    types = ["pi", "nucleo", "pi", "nucleo"]
    labs = [await world.builder(f"lab-{at}", offer(f"b{at}", type=kind)) for at, kind in enumerate(types)]
    held = await waits(world, *labs)

    jobs = [await world.queued(kind) for kind in types]
    found = await taken(held, 4)

    assert [types[found[job_id]] for job_id in jobs] == types


async def test_a_builder_whose_board_is_out_for_repair_is_not_woken_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await world.builder("broken", offer("one", type="nucleo"))
    await world.execute(sa.update(board).where(board.c.name == "one").values(health=Health.QUARANTINED))
    held = await waits(world, broken, await world.builder("good", offer("two", type="nucleo")))
    asked: list[str] = []

    async def claim(deps: Any, builder: Any, wish: Any) -> Lease | None:
        asked.append(builder.name)
        return await claims.claim(deps, builder, wish)

    monkeypatch.setattr(waiting, "claim", claim)
    job_id = await world.queued()

    assert (await taken(held), asked) == ({job_id: 1}, ["good"])
