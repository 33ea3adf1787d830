"""Jobs that need several boards of one builder: all or none, in no order that can lock up, and none starved."""

import asyncio
import dataclasses

import httpx2
import pytest
import sqlalchemy as sa

from app import turns
from app.db.models import Health, Priority
from app.db.queries import boards, why
from app.db.tables import attempt_board, board
from builders import protocol
from builders.protocol import LEASE_S, REUSE_S
from tests.dispatch.world import FakeBuilder, World, offer

ROUNDS = 30


def pair(name: str, *further: str, type: str | None = None) -> protocol.BoardOffer:
    """Describe a board with a configuration for it alone, `fast`, and one that needs further boards, `link`."""
    link = protocol.ConfigurationOffer(name="link", further=list(further))
    made = offer(name, type=type)
    return dataclasses.replace(made, configurations=[*made.configurations, link])


async def lab(world: World) -> FakeBuilder:
    """Run a builder with a sender and a receiver, each of which has a configuration that needs the other."""
    return await world.builder("lab", pair("sender", "receiver"), pair("receiver", "sender"))


async def told(world: World, job_id: int) -> str:
    """Say why a job waits."""
    async with world.deps.begin() as db:
        return (await why.waits(db, [job_id]))[job_id].text


async def test_a_job_gets_all_its_boards_and_its_end_frees_them_all(world: World) -> None:
    builder = await lab(world)
    linked, alone = await world.queued("sender", "link"), await world.queued("receiver")
    lease = await builder.claim()
    assert lease is not None and (lease.job_id, lease.board, lease.further) == (linked, "sender", ["receiver"])
    assert await builder.claim() is None, "the receiver is held too"
    await builder.beat(lease)
    await builder.finish(lease)
    after = await builder.claim()
    assert after is not None and (after.job_id, after.board, after.further) == (alone, "receiver", [])


async def test_a_job_waits_for_a_further_board_that_is_busy_and_says_for_which(world: World) -> None:
    builder = await lab(world)
    await world.running(builder, board_type="receiver")
    linked = await world.queued("sender", "link")
    assert await builder.claim() is None
    assert "waits for board 'receiver', which is busy" in await told(world, linked)


@pytest.mark.parametrize(
    "change", [{"health": Health.QUARANTINED}, {"held_until": sa.func.now() + sa.text("'1h'::interval")}]
)
async def test_a_job_waits_for_a_further_board_that_is_away_without_anybodys_fault(world: World, change: dict) -> None:  # type: ignore[type-arg]
    builder = await lab(world)
    linked = await world.queued("sender", "link")
    await world.execute(sa.update(board).where(board.c.name == "receiver").values(change))
    assert await builder.claim() is None
    assert "board 'receiver', which is away" in await told(world, linked)


async def test_a_further_board_that_its_builder_does_not_name_as_free_is_not_given(world: World) -> None:
    builder = await lab(world)
    await world.queued("sender", "link")
    assert await builder.claim(boards_free=["sender"]) is None
    assert await builder.claim() is not None


async def test_further_boards_are_those_of_the_same_builder(world: World) -> None:
    here = await world.builder("here", pair("sender", "receiver"))
    await world.builder("there", offer("receiver"))
    linked = await world.queued("sender", "link")
    assert await here.claim() is None
    assert "has the further boards that it needs" in await told(world, linked)


async def test_two_builders_with_the_same_names_each_lend_their_own(world: World) -> None:
    builders = [await world.builder(name, pair("sender", "receiver"), offer("receiver")) for name in ("one", "two")]
    jobs = {await world.queued("sender", "link") for _ in builders}
    leases = [await each.claim() for each in builders]
    assert {each.job_id for each in leases if each is not None} == jobs


async def test_jobs_that_need_the_same_boards_in_turn_never_lock_each_other(world: World, campaign: int) -> None:
    builder = await lab(world)
    for number in range(ROUNDS * campaign):
        await world.queued("sender", "link")
        await world.queued("receiver", "link")
        for left in (2, 1):
            found = await asyncio.gather(*(builder.claim() for _ in range(3)))
            given = [each for each in found if each is not None]
            if not given:  # each of the claims found one of the boards locked by another: nobody waited for nobody
                given = [each for each in [await builder.claim()] if each is not None]
            [lease] = given
            async with world.deps.autocommit() as db:
                held = await db.scalar(sa.select(sa.func.count()).where(attempt_board.c.is_open))
            assert held == 2, f"round {number}, {left} left"
            await builder.beat(lease)
            await builder.finish(lease)


async def test_a_board_cannot_be_held_twice_whether_as_first_or_as_further(world: World) -> None:
    builder = await lab(world)
    first = await world.running(builder, board_type="sender", configuration="link")
    other = await world.builder("other")
    second = await world.running(other)
    receiver = (await world.board("receiver")).id
    with pytest.raises(sa.exc.IntegrityError, match="attempt_board_open"):
        await world.execute(
            sa.insert(attempt_board).values(attempt_id=second.attempt_id, board_id=receiver, is_open=True)
        )
    assert first.further == ["receiver"]


async def test_jobs_of_one_board_do_not_starve_a_job_of_several(world: World) -> None:
    builder = await lab(world)
    busy = {name: await world.running(builder, board_type=name) for name in ("sender", "receiver")}
    linked = await world.queued("sender", "link")
    await world.age_job(linked, turns.RESERVE_S - 60)
    passing = await world.queued("receiver")
    await builder.finish(busy["receiver"])
    lease = await builder.claim()
    assert lease is not None and lease.job_id == passing, "it has not waited for long yet"
    await builder.beat(lease)
    await world.age_job(linked, 120)
    late = await world.queued("receiver")
    await builder.finish(lease)
    assert await builder.claim() is None, "the receiver is kept"
    assert "kept for a job that needs several boards" in await told(world, late)
    await builder.finish(busy["sender"])
    lease = await builder.claim()
    assert lease is not None and lease.job_id == linked


async def test_a_job_that_is_due_before_is_not_kept_off(world: World) -> None:
    builder = await lab(world)
    await world.running(builder, board_type="sender")
    linked = await world.queued("sender", "link", priority=Priority.NIGHTLY)
    await world.age_job(linked, turns.RESERVE_S + 1)
    urgent = await world.queued("receiver", priority=Priority.RELEASE)
    lease = await builder.claim()
    assert lease is not None and lease.job_id == urgent


async def test_nothing_is_kept_for_a_job_whose_other_board_is_out_for_repair(world: World) -> None:
    builder = await lab(world)
    linked = await world.queued("sender", "link")
    await world.age_job(linked, turns.RESERVE_S + 1)
    await world.execute(sa.update(board).where(board.c.name == "sender").values(health=Health.QUARANTINED))
    alone = await world.queued("receiver")
    lease = await builder.claim()
    assert lease is not None and lease.job_id == alone


async def test_a_lost_lease_frees_and_doubts_all_its_boards(world: World) -> None:
    builder = await lab(world)
    await world.execute(sa.update(board).values(health=Health.GOOD))
    lease = await world.running(builder, board_type="sender", configuration="link")
    await world.age_attempt(lease.attempt_id, LEASE_S + 1)
    await world.sweep()
    rows = [await world.board(name) for name in ("sender", "receiver")]
    assert [each.health for each in rows] == [Health.UNKNOWN] * 2
    assert all(each.reusable_at is not None for each in rows), "its builder may still touch them"
    assert await builder.claim() is None
    await world.execute(sa.update(board).values(reusable_at=board.c.reusable_at - sa.text(f"'{REUSE_S}s'::interval")))
    again = await builder.claim()
    assert again is not None and (again.job_id, again.further) == (lease.job_id, ["receiver"])


async def test_trouble_with_a_further_board_puts_all_of_them_in_doubt(world: World) -> None:
    builder = await lab(world)
    await world.execute(sa.update(board).values(health=Health.GOOD))
    lease = await world.running(builder, board_type="sender", configuration="link")
    await builder.finish(lease, "errored", reason=f"{protocol.FURTHER} receiver: it cannot be switched on")
    assert [(await world.board(name)).health for name in ("sender", "receiver")] == [Health.UNKNOWN] * 2


async def test_a_further_board_is_shown_as_busy_beside_the_first(world: World) -> None:
    builder = await lab(world)
    lease = await world.running(builder, board_type="sender", configuration="link")
    async with httpx2.AsyncClient(base_url=world.address, trust_env=False) as browser:
        shown = await browser.get("/builders/lab.json")
        page = await browser.get("/builders/lab")
    assert shown.status_code == 200, shown.text
    rows = {each["name"]: (each["job_id"], each["beside"], each["availability"]) for each in shown.json()["boards"]}
    assert rows == {"sender": (lease.job_id, None, "busy"), "receiver": (lease.job_id, "sender", "busy")}
    assert "beside <bdi>sender</bdi>" in page.text


@pytest.mark.parametrize("change", [{"health": Health.QUARANTINED}, {"offered": False}, {"builder_id": None}])
async def test_a_further_board_that_is_lost_while_a_claim_is_decided_ends_the_claim(
    world: World, change: dict[str, object]
) -> None:
    builder = await lab(world)
    other = await world.builder("other")
    job_id = await world.queued("sender", "link")
    change = {"builder_id": other.id} if "builder_id" in change else change

    async with world.deps.begin() as db:
        place = await boards.free_for(db, builder.id, builder.boards, job_id)
        before = await boards.lock_further(db, builder.id, place.further)
    async with world.deps.begin() as db:
        place = await boards.free_for(db, builder.id, builder.boards, job_id)
        await world.execute(sa.update(board).where(board.c.name == "receiver").values(change))
        after = await boards.lock_further(db, builder.id, place.further)

    assert (place.name, place.further) == ("sender", ["receiver"])
    assert (len(before or ()), after) == (1, None)
