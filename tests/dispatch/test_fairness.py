"""Who is next when many wait: turns of those who share the boards, and what one of them may hold at a time."""

import sqlalchemy as sa

from app.db.models import Priority, Trigger
from app.db.tables import board, builder, repository, turn
from builders.protocol import Lease
from tests.dispatch.world import FakeBuilder, World, offer

HOUR = 3600.0


async def drained(lab: FakeBuilder, most: int = 1000) -> list[int]:
    """Claim and finish one job after the other; list them in their order."""
    order: list[int] = []
    while len(order) < most and (lease := await lab.claim()) is not None:
        order.append(lease.job_id)
        await lab.finish(lease)
    return order


async def claimed(lab: FakeBuilder) -> list[Lease]:
    """Claim until there is nothing more to have at the moment."""
    held: list[Lease] = []
    while (lease := await lab.claim()) is not None:
        held.append(lease)
    return held


async def fork_job(world: World, owner: str, *, upstream: int | None = None, number: int = 7) -> int:
    """Queue a job for a pull request from somebody's fork."""
    values = {"repository_id": upstream} if upstream is not None else {}
    pipeline_id = await world.pipeline(
        from_fork=True, requested_by=owner, trigger=Trigger.PULL_REQUEST, pull_request=number, **values
    )
    return await world.queued(pipeline_id=pipeline_id, priority=Priority.PULL_REQUEST)


async def upstream_of(world: World, **columns: int) -> int:
    """Add a repository, with caps of its own if wanted; return its id."""
    values = {
        "forge": "git",
        "full_name": "example/shared",
        "clone_url": "https://git.example/shared",
        "private": False,
    }
    async with world.deps.begin() as db:
        new = sa.insert(repository).values(default_branch="main", **values, **columns).returning(repository.c.id)
        return (await db.execute(new)).scalar_one()


async def test_one_job_of_another_repository_does_not_wait_for_two_hundred_of_one_fork(world: World) -> None:
    lab, upstream = await world.builder(), await upstream_of(world)
    for _ in range(200):
        await fork_job(world, "flooder", upstream=upstream)
    before = await drained(lab, 3)
    other = await world.queued(priority=Priority.PULL_REQUEST)

    after = await drained(lab, 2)

    assert len(before) == 3
    assert other in after


async def test_an_hour_of_waiting_gives_a_flood_no_right_over_who_comes_later(world: World) -> None:
    lab, upstream = await world.builder(), await upstream_of(world)
    for _ in range(20):
        await world.age_job(await fork_job(world, "flooder", upstream=upstream), HOUR)
    await drained(lab, 3)
    other = await world.queued(priority=Priority.PULL_REQUEST)

    assert other in await drained(lab, 2)


async def test_lines_take_turns_and_each_keeps_its_order(world: World) -> None:
    lab = await world.builder()
    first, second = await world.pipeline(), await world.pipeline()
    long = [await world.queued(configuration=each, pipeline_id=first) for each in ("fast", "b", "c")]
    short = [await world.queued(configuration=each, pipeline_id=second) for each in ("fast", "b")]
    await lab.hello([offer("nucleo", "fast", "b", "c")])

    assert await drained(lab) == [long[0], short[0], long[1], short[1], long[2]]


async def test_a_nightly_job_starts_within_two_hours_of_constant_pull_requests(world: World) -> None:
    lab = await world.builder()
    nightly = await world.queued(priority=Priority.NIGHTLY)
    minutes, order = 0, []
    while nightly not in order:
        pull_request = await world.queued(priority=Priority.PULL_REQUEST)
        await world.age_job(pull_request, 1)
        order += await drained(lab, 1)
        await world.age_job(nightly, 600)
        minutes += 10

    assert 30 <= minutes <= 120, minutes


async def test_a_job_that_is_tried_again_keeps_its_place_in_front_of_its_line(world: World) -> None:
    lab = await world.builder()
    pipeline_id = await world.pipeline()
    job_id = await world.queued(pipeline_id=pipeline_id)
    lease = await lab.claim()
    assert lease is not None
    later = await world.queued()

    await world.age_attempt(lease.attempt_id, 16)
    await world.sweep()

    assert await drained(lab) == [job_id, later]


async def test_a_forks_owner_holds_no_more_boards_than_the_cap(world: World) -> None:
    lab = await world.builder("lab", *(offer(f"b{n}", type="nucleo") for n in range(8)))
    upstream = await upstream_of(world)
    for _ in range(8):
        await fork_job(world, "flooder", upstream=upstream)
    held = await claimed(lab)
    other = await fork_job(world, "somebody else", upstream=upstream)
    more = await claimed(lab)
    await lab.finish(held[0])
    again = await claimed(lab)

    assert (len(held), [each.job_id for each in more], len(again)) == (4, [other], 1)


async def test_a_repositorys_own_caps_go_before_the_settings(world: World) -> None:
    lab = await world.builder("lab", *(offer(f"b{n}", type="nucleo") for n in range(8)))
    wide = await upstream_of(world, cap_fork_owner=0, cap_pull_request=2, cap_repository=5)
    for number in (1, 1, 1, 2, 2, 2, 3, 3):
        await fork_job(world, "flooder", upstream=wide, number=number)

    held = await claimed(lab)

    assert len(held) == 5
    async with world.deps.begin() as db:
        numbers = await db.execute(
            sa.text(
                "SELECT p.pull_request, count(*) FROM attempt a JOIN job j ON j.id = a.job_id"
                " JOIN pipeline p ON p.id = j.pipeline_id GROUP BY 1 ORDER BY 1"
            )
        )
        assert [tuple(each) for each in numbers] == [(1, 2), (2, 2), (3, 1)]


async def lost(world: World, lab: FakeBuilder) -> Lease:
    """Have a builder claim a job and go silent in the middle of it."""
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()
    await world.execute(sa.update(board).values(reusable_at=None))
    return lease


async def test_a_job_that_was_lost_is_tried_on_another_builder_first(world: World) -> None:
    first, second = await world.builder("first"), await world.builder("second", offer("b", type="nucleo"))
    job_id = await world.queued()
    await lost(world, first)

    here, there = await first.claim(), await second.claim()

    assert here is None
    assert there is not None and there.job_id == job_id


async def test_and_then_on_another_board_and_then_where_it_was(world: World) -> None:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    await world.queued()
    seen = [(await lost(world, lab)).board, (await lost(world, lab)).board]
    last = await lab.claim(boards_free=seen[:1])

    assert sorted(seen) == ["one", "two"]
    assert last is not None


async def test_an_offline_builder_is_no_elsewhere(world: World) -> None:
    first, _ = await world.builder("first"), await world.builder("second", offer("b", type="nucleo"))
    await world.queued()
    await lost(world, first)
    await world.execute(
        sa.update(builder).where(builder.c.name == "second").values(seen_at=sa.text("now() - interval '1 hour'"))
    )

    assert await first.claim() is not None


async def test_a_job_that_is_lost_on_three_builders_is_suspect_and_the_builders_are_not(world: World) -> None:
    labs = [await world.builder(name, offer(name, type="nucleo")) for name in ("a", "b", "c")]
    job_id = await world.queued()
    for lab in labs:
        await lost(world, lab)
    other = await world.queued()

    found = await world.job(job_id)
    lease = await labs[0].claim()

    assert (found.state, found.reason) == (
        "errored",
        "infra:suspect: lost on 3 different builders (a, b, c); it may be what ends them",
    )
    assert {(await world.board(name)).health for name in "abc"} == {"unknown"}
    assert lease is not None and lease.job_id == other


async def test_turns_of_long_ago_are_forgotten(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    await drained(lab)
    await world.queued(priority=Priority.NIGHTLY)
    await world.execute(sa.update(turn).values(taken_at=sa.text("now() - interval '25 hours'")))
    await drained(lab)

    await world.sweep()

    async with world.deps.begin() as db:
        assert list(await db.scalars(sa.select(turn.c.priority))) == [Priority.NIGHTLY]
