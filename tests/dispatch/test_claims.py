"""Who gets which job: choosing, waiting, races, and what a claim is refused for."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health, Priority
from app.db.queries import boards, builders, leasing
from app.db.tables import board as board_table
from app.db.tables import builder as builder_table
from app.db.tables import pipeline
from app.dispatch import queue
from app.dispatch import waiting as waiting_claims
from app.dispatch.cancel import cancel_jobs
from app.states import JobState
from builders import protocol
from tests.dispatch.world import World, offer


async def test_two_builders_that_claim_one_job_at_once_get_one_lease(world: World, campaign: int) -> None:
    first, second = await world.builder("first"), await world.builder("second")

    for _ in range(50 * campaign):
        job_id = await world.queued()
        leases = await asyncio.gather(first.claim(), second.claim())
        [lease] = [each for each in leases if each is not None]
        holder = first if leases[0] is not None else second
        assert lease.job_id == job_id
        assert (await holder.finish(lease)).status_code == 200


async def test_the_same_claim_gets_the_same_lease_until_it_is_accepted(world: World) -> None:
    lab = await world.builder()
    job_id, _other = await world.queued(), await world.queued()
    claim_id = str(uuid4())

    first = await lab.claim(claim_id=claim_id)
    again = await lab.claim(claim_id=claim_id)
    assert first is not None
    await lab.beat(first)
    accepted = await lab.claim(claim_id=claim_id)

    assert again == first
    assert accepted is None
    assert [each.epoch for each in await world.attempts(job_id)] == [1]


async def test_the_same_claim_sent_twice_at_once_gets_one_lease(world: World) -> None:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    for _ in range(4):
        jobs_ = [await world.queued(), await world.queued()]
        claim_id = str(uuid4())
        first, second = await asyncio.gather(lab.claim(claim_id=claim_id), lab.claim(claim_id=claim_id))
        lease = first or second
        again = await lab.claim(claim_id=claim_id)
        assert lease is not None and again == lease
        assert sorted(await world.states(*jobs_)) == ["leased", "queued"]
        await lab.finish(lease)
        rest = await lab.claim()
        assert rest is not None
        await lab.finish(rest)


async def test_a_board_that_another_transaction_locks_is_passed_over(world: World) -> None:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    job_id = await world.queued()

    async with world.deps.begin() as db:
        first = await boards.free_for(db, lab.id, ["one", "two"], job_id)
        async with world.deps.begin() as late:
            second = await boards.free_for(late, lab.id, ["one", "two"], job_id)

    assert (first.name, second.name) == ("one", "two")


async def test_a_job_that_rq_hands_out_twice_is_leased_once(world: World) -> None:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    job_id = await world.queued()

    async def lease(db: AsyncConnection, board_name: str) -> Any:
        board_id = (await world.board(board_name)).id
        return await leasing.open_(
            db, job_id=job_id, actor="builder lab", board_id=board_id, builder_id=lab.id, claim_id=uuid4()
        )

    async with world.deps.begin() as first, world.deps.begin() as second:
        facts = await lease(first, "one")
        late = asyncio.create_task(lease(second, "two"))
        await world.somebody_waits_for_a_row()
        await first.commit()
        assert await late is None

    assert facts.epoch == 1
    assert await world.states(job_id) == ["leased"]


async def test_jobs_leave_in_the_order_of_their_classes_and_then_of_their_age(world: World) -> None:
    lab = await world.builder()
    nightly = await world.queued(priority=Priority.NIGHTLY)
    late_branch = await world.queued(priority=Priority.BRANCH)
    early_branch = await world.queued(priority=Priority.BRANCH)
    pull_request = await world.queued(priority=Priority.PULL_REQUEST)
    release = await world.queued(priority=Priority.RELEASE)
    await world.age_job(early_branch, 60)

    order = []
    while (lease := await lab.claim()) is not None:
        order.append(lease.job_id)
        await lab.finish(lease)

    assert order == [release, early_branch, late_branch, pull_request, nightly]


async def test_waiting_half_an_hour_moves_a_job_up_one_class(world: World) -> None:
    lab = await world.builder()
    nightly = await world.queued(priority=Priority.NIGHTLY)
    await world.age_job(nightly, 2 * 30 * 60 + 60)
    branch = await world.queued(priority=Priority.BRANCH)

    lease = await lab.claim()

    assert lease is not None
    assert lease.job_id == nightly, branch


async def test_a_job_that_this_builder_cannot_run_keeps_its_place_and_starves_nobody(world: World) -> None:
    slow = await world.builder("slow", offer("a", "slow", type="nucleo"))
    fast = await world.builder("fast", offer("b", "fast", type="nucleo"))
    for_slow = [await world.queued(configuration="slow"), await world.queued(configuration="slow")]
    for_fast = await world.queued(configuration="fast")

    lease = await fast.claim()
    assert lease is not None and lease.job_id == for_fast
    first = await slow.claim()
    assert first is not None
    await slow.finish(first)
    second = await slow.claim()

    assert second is not None
    assert [first.job_id, second.job_id] == for_slow


async def test_only_a_board_with_all_the_tags_gets_the_job(world: World) -> None:
    plain = await world.builder("plain", offer("a", type="pi", tags=["arm64"]))
    rich = await world.builder("rich", offer("b", type="pi", tags=["arm64", "gpu", "x"]))
    await world.queued(board_type="pi", tags=["arm64", "gpu"])

    refused, lease = await plain.claim(), await rich.claim()

    assert refused is None
    assert lease is not None and lease.board == "b"


async def test_a_job_for_one_board_of_a_type_waits_for_that_board(world: World) -> None:
    lab = await world.builder("lab", offer("one", type="nucleo"), offer("two", type="nucleo"))
    await world.queued(board="two")

    refused = await lab.claim(boards_free=["one"])
    lease = await lab.claim()

    assert refused is None
    assert lease is not None and lease.board == "two"


async def test_four_boards_run_four_jobs_at_a_time(world: World) -> None:
    lab = await world.builder("lab", *(offer(f"b{n}", type="nucleo") for n in range(4)))
    for _ in range(8):
        await world.queued()

    first = [await lab.claim() for _ in range(5)]
    held = [each for each in first if each is not None]
    for each in held:
        await lab.finish(each)
    second = [await lab.claim() for _ in range(5)]

    assert (len(held), {each.board for each in held}, first[4]) == (4, {"b0", "b1", "b2", "b3"}, None)
    assert [each is not None for each in second] == [True, True, True, True, False]


async def test_a_waiting_claim_is_answered_as_soon_as_a_job_is_queued(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_claims, "LOOK_S", 600.0)  # only the news itself can answer it
    lab = await world.builder()
    waiting = asyncio.create_task(lab.claim(wait_s=30))
    await world.somebody_waits_for_a_job()

    job_id = await world.queued()
    lease = await asyncio.wait_for(waiting, 25)  # sooner than the claim would give up

    assert lease is not None and lease.job_id == job_id


async def test_a_waiting_claim_hears_of_a_job_of_another_web_process(world: World) -> None:
    address = await world.another_web()
    lab = await world.builder("lab", address=address)
    waiting = asyncio.create_task(lab.claim(wait_s=30))

    job_id = await world.queued()
    lease = await asyncio.wait_for(waiting, 25)

    assert lease is not None and lease.job_id == job_id


async def test_one_job_wakes_one_of_many_waiting_builders(world: World) -> None:
    labs = [await world.builder(f"lab{n}") for n in range(5)]
    waiting = [asyncio.create_task(lab.claim(wait_s=2)) for lab in labs]
    await world.somebody_waits_for_a_job(5)

    job_id = await world.queued()
    leases = [each for each in await asyncio.gather(*waiting) if each is not None]

    assert [lease.job_id for lease in leases] == [job_id]


async def test_a_builder_that_hung_up_does_not_keep_the_job_from_the_others(world: World) -> None:
    gone, here = await world.builder("gone"), await world.builder("here")
    hung = asyncio.create_task(gone.claim(wait_s=30))
    await world.somebody_waits_for_a_job()
    hung.cancel()
    await gone.http.aclose()
    waiting = asyncio.create_task(here.claim(wait_s=30))
    await world.somebody_waits_for_a_job(1, exactly=True)

    job_id = await world.queued()
    lease = await asyncio.wait_for(waiting, 25)

    assert lease is not None and lease.job_id == job_id


async def test_a_claim_gives_up_after_its_wait(world: World) -> None:
    lab = await world.builder()

    began = time.monotonic()
    answer = await lab.ask(wait_s=0.3)

    assert answer.status_code == 204
    assert 0.25 < time.monotonic() - began < 25


async def test_a_paused_builder_gets_nothing_and_a_resumed_one_everything(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    async with world.deps.begin() as db:
        await builders.set_state(db, lab.id, BuilderState.PAUSED, actor="me")

    refused = await lab.claim()
    waiting = asyncio.create_task(lab.claim(wait_s=30))
    await world.somebody_waits_for_a_job()
    async with world.deps.begin() as db:
        await builders.set_state(db, lab.id, BuilderState.ACTIVE, actor="me")
    lease = await asyncio.wait_for(waiting, 25)

    assert refused is None
    assert lease is not None and lease.job_id == job_id


async def test_a_board_that_is_out_gets_no_job(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    for health in (Health.BAD, Health.QUARANTINED, Health.MAINTENANCE):
        await world.execute(sa.update(board_table).values(health=health))
        assert await lab.claim() is None

    await world.execute(sa.update(board_table).values(health=Health.GOOD))

    assert await lab.claim() is not None


async def test_a_builder_without_room_on_its_disk_gets_no_job(world: World) -> None:
    lab = await world.builder()
    await world.queued()

    assert await lab.claim(disk_free=protocol.DISK_FLOOR - 1) is None
    short = await world.page("/builders/lab")
    assert await lab.claim(disk_free=protocol.DISK_FLOOR) is not None

    assert "It gets no jobs: 2.0 GiB are free" in short


async def test_a_builder_that_has_room_again_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.dispatch.waiting.ALIVE_S", 0.0)
    lab = await world.builder()
    assert await lab.claim(disk_free=0) is None

    assert await lab.claim(wait_s=0.5, disk_free=protocol.DISK_FLOOR) is None

    page = await world.page("/builders/lab")
    assert "It gets no jobs" not in page and "2.0 GiB" in page


async def test_a_drained_builder_is_told_to_end_when_its_last_job_has_ended(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo"), offer("pi"))
    lease = await world.running(lab)
    await world.queued("pi")
    await world.execute(sa.update(builder_table).values(state=BuilderState.DRAINING))

    waiting = asyncio.create_task(lab.ask(wait_s=30))
    await world.somebody_waits_for_a_job()
    while_busy = await lab.ask()
    assert (await lab.finish(lease)).status_code == 200
    await world.deps.notices.publish("builder", id=lab.id)
    told = await asyncio.wait_for(waiting, 25)
    again = await lab.ask()

    assert while_busy.status_code == 204
    assert [(each.status_code, each.json()["error"]["code"]) for each in (told, again)] == [(409, "drained")] * 2


async def test_a_waiting_builder_that_drains_hears_of_it_with_its_next_sign_of_life(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.dispatch.waiting.ALIVE_S", 0.0)
    lab = await world.builder()
    waiting = asyncio.create_task(lab.ask(wait_s=30))
    await world.somebody_waits_for_a_job()

    await world.execute(sa.update(builder_table).values(state=BuilderState.DRAINING))

    assert (await asyncio.wait_for(waiting, 25)).json()["error"]["code"] == "drained"


async def test_what_a_builder_says_is_wrong_is_on_its_page(world: World) -> None:
    lab = await world.builder()
    trouble = "The configuration stays as it was: <b>builder.toml</b>: not valid TOML"

    assert (await lab.hello([offer("nucleo")], problem=trouble)).status_code == 200
    page = await world.page("/builders/lab")
    assert (await lab.hello([offer("nucleo")], problem="x\0")).status_code == 422
    assert (await lab.hello([offer("nucleo")])).status_code == 200
    after = await world.page("/builders/lab")

    assert "&lt;b&gt;builder.toml&lt;/b&gt;: not valid TOML" in page
    assert "not valid TOML" not in after


async def test_a_job_that_nobody_trusted_is_never_handed_out(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    await world.execute(sa.update(pipeline).values(trust=None))

    refused = await lab.claim()

    assert refused is None
    assert await world.states(job_id) == ["queued"]


async def test_a_job_offered_twice_waits_once(world: World) -> None:
    job_id = await world.queued()

    again = await queue.offer(world.deps, [job_id])

    assert again == 0
    assert world.rq_list() == [f"job-{job_id}"]


async def test_a_cancelled_queued_job_is_never_handed_out(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()

    states = await cancel_jobs(world.deps, [job_id], "me", "not needed")
    lease = await lab.claim()

    assert states == {job_id: JobState.CANCELLED}
    assert lease is None
    assert await world.states(job_id) == ["cancelled"]
    assert world.rq_list() == []
