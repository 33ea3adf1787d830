"""A forge that is slow, silent, broken, forgetful or out of order leads to the same end as one that is none of it."""

import asyncio
import random

import pytest
import sqlalchemy as sa

from app.db.queries import jobs
from app.db.queries.deliveries import MOST_DOUBLINGS, RETRY_S
from app.db.tables import approval, job
from app.reporting import answers, comments, statuses
from app.reporting.outbox import LONGEST_WAIT_S
from app.states import JobState
from app.tasks import rounds
from integrations.fake import deliveries, said
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from tests.hostile.day import LATER, processes
from tests.hostile.test_scripted_day import pending
from tests.specs.test_convergence import restart
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C, D = "a" * 40, "c" * 40, "d" * 40, "e" * 40
OUTAGE_S, LONGEST_S = 600.0, LONGEST_WAIT_S * 1.3
MOST_AT_ONCE = 40  # calls for all that is owed here, each once
PASSING = (  # what has a time at which something is due
    *(("status", "next_at"), ("status", "sent_at"), ("conversation", "next_at"), ("heard", "next_at")),
    *(("heard", "heard_at"), ("delivery", "received_at")),
)
DUE = sa.text(
    """
    SELECT extract(epoch FROM min(at) - clock_timestamp()) FROM (
        SELECT next_at AS at FROM status WHERE sent_version < version AND closed IS NULL
        UNION ALL SELECT next_at FROM conversation WHERE sent_version < version AND closed IS NULL
        UNION ALL SELECT next_at FROM heard WHERE answered_at IS NULL
        UNION ALL SELECT received_at + make_interval(secs => :first * power(2, least(tries, :most)))
            FROM delivery WHERE handled_at IS NULL
    ) AS owed
    """
)
BAD_ROUNDS, AT_ONCE = 4, 10  # AT_ONCE: calls to a forge that are on their way together
ROUNDS = 30


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    world.fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    for each in (A, B, C, D):
        world.repository.grow(each)
    return world


def what_comes(world):
    """List what is delivered: two pushes, two pull requests, an approval, a run, and a mistake."""
    ours, theirs = world.person(MAINTAINER), world.person(OUTSIDER)
    inside = Pull(number=1, head=A, branch="inside", author=ours)
    outside = Pull(number=2, head=B, branch="outside", author=theirs, fork=world.fork)
    world.repository.pulls = {1: inside, 2: outside}

    def comment(pull, text, number, by=ours):
        return said.github_comment(world.repository, pull, text, SECRET, author=by, comment=number)

    return [
        deliveries.github_push(world.repository, C, SECRET, sender=ours),
        deliveries.github_push(world.repository, D, SECRET, sender=ours, ref="refs/heads/b"),
        deliveries.github_pull_request(world.repository, "opened", inside, SECRET),
        deliveries.github_pull_request(world.repository, "opened", outside, SECRET),
        comment(outside, f"/rig approve {B}", 1),
        comment(inside, "/rig run", 2),
        comment(inside, "/rig nonsense", 3),
        comment(inside, "/rig run", 4, by=theirs),
    ]


async def once_more(world):
    """Let the time pass that things wait for, and everybody do what is due."""
    async with world.deps.begin() as db:
        for each in LATER:
            await db.execute(sa.text(each))
    await restart(world)  # with new clients: the silence that was asked for is over
    await rounds.put_unhandled(world.deps)
    await world.work()
    await world.send()
    await answers.send_due(world.deps)


async def finished(world):
    """Let every job pass that may run; say how many there were."""
    async with world.deps.begin() as db:
        found = list(await db.scalars(sa.select(job.c.id).where(job.c.state == JobState.QUEUED)))
        for job_id in found:
            for state in (JobState.LEASED, JobState.RUNNING, JobState.PASSED):
                held = {"epoch": 1} if state is JobState.LEASED else {}
                assert await jobs.move(db, job_id, state, **held) is not None
    return len(found)


async def ends(world):
    """Go on until nothing is pending."""
    for _ in range(ROUNDS):
        await once_more(world)
        if not await finished(world) and not await pending(world):
            return
    raise AssertionError(await pending(world))


async def slow(world, chance):
    async def gate(_method, _path):
        await asyncio.sleep(chance.uniform(0, 0.03))  # what is tested is the time itself

    world.forges.gate = gate


async def broken(world, _chance):
    world.forges.fail(502, times=1_000_000)


async def limited(world, _chance):
    world.forges.fail(429, times=1_000_000, retry_after="60")


async def limited_in_words(world, _chance):
    world.forges.fail(403, times=1_000_000, message="You have exceeded a secondary rate limit", retry_after="60")


async def forgetful(world, chance):
    async def gate(_method, _path):
        if chance.random() < 0.5:
            raise ConnectionError

    world.forges.gate = gate


async def in_order(_world, _chance):
    """Nothing: the smooth forge."""


CASES = [(in_order, True), (slow, True), (broken, True), (limited, False), (limited_in_words, True), (forgetful, False)]


@pytest.mark.parametrize(("fault", "shuffled"), CASES, ids=[each.__name__ for each, _ in CASES])
async def test_the_end_is_the_same_and_the_forge_is_not_called_more_than_it_allows(world, fault, shuffled):
    chance = random.Random(7)
    coming = what_comes(world)
    if shuffled:
        coming = chance.sample(coming * 2, 2 * len(coming))
    await fault(world, chance)
    for made in coming:
        assert (await world.deliver(made)).status_code in (200, 202)
    for _ in range(BAD_ROUNDS):
        before = len(world.forges.calls)
        await once_more(world)
        refused = [each.answer for each in world.forges.calls[before:] if each.answer in (403, 429)]
        assert len(refused) <= AT_ONCE
    if fault in (broken, limited, limited_in_words):
        assert world.forges.statuses == []
    world.forges.failures.clear()
    world.forges.gate = None
    await ends(world)

    await assert_the_end(world)


async def test_ten_minutes_of_errors_are_waited_out_and_then_made_up_for(world):
    """The time of the rows is moved to where the next of them is due, as if a service had waited until then."""
    for made in what_comes(world):
        assert (await world.deliver(made)).status_code == 202
    await broken(world, None)
    passed, asked = 0.0, []
    while passed < OUTAGE_S:
        passed += await until_something_is_due(world, passed)
        asked.append((passed, await calls_of(world, all_that_is_due)))
    assert world.forges.statuses == []
    assert sum(calls for at, calls in asked if at > OUTAGE_S / 2) < sum(
        calls for at, calls in asked if at <= OUTAGE_S / 2
    )
    assert max(calls for _, calls in asked) <= MOST_AT_ONCE
    world.forges.failures.clear()

    healed = passed
    while await pending(world):
        passed += await until_something_is_due(world, passed)
        await all_that_is_due(world)
        await finished(world)
    assert passed < 2 * healed + LONGEST_S
    await assert_the_end(world)


async def test_a_worker_waits_ten_real_minutes_of_errors_out_and_makes_up_for_them(world, tmp_path, outage_s):
    await broken(world, None)
    with processes(world, tmp_path) as running:
        for made in what_comes(world):
            assert (await world.deliver(made)).status_code == 202
        await running["worker"].works()
        await asyncio.sleep(outage_s)  # what is tested is the time itself
        calls = len(world.forges.calls)
        assert 0 < calls < MOST_AT_ONCE * (10 + outage_s / 60)
        assert world.forges.statuses == []
        world.forges.failures.clear()
        async with asyncio.timeout(2 * outage_s + LONGEST_S):
            while await finished(world) or await pending(world):
                await asyncio.sleep(0.5)
    await assert_the_end(world)


async def all_that_is_due(world):
    """Do what a worker does by its clock."""
    await rounds.put_unhandled(world.deps)
    await world.work()
    await statuses.send_due(world.deps)
    await comments.send_due(world.deps)
    await answers.send_due(world.deps)


async def calls_of(world, work):
    before = len(world.forges.calls)
    await work(world)
    return len(world.forges.calls) - before


async def until_something_is_due(world, so_far):
    """Let the time pass until the next thing is due, and give how long that is.

    A delivery waits at most as long again as it did so far, and what is to be said at most LONGEST_S.
    """
    async with world.deps.begin() as db:
        wait = float(await db.scalar(DUE, {"first": RETRY_S, "most": MOST_DOUBLINGS}) or 0)
        assert wait <= max(LONGEST_S, so_far)
        for table, column in PASSING:
            await db.execute(
                sa.text(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)"), {"s": max(wait, 0.1)}
            )
    return max(wait, 0.1)


async def assert_the_end(world):
    assert {each.commit for each in await world.pipelines()} == {A, B, C, D}
    assert sorted(each.trigger for each in await world.pipelines()).count("command") == 1
    for commit in (A, B, C, D):
        assert {state for state, _ in await world.job_states(commit)} == {"passed"}
        assert world.shown(commit).state == "success"
    assert [each.commit for each in await world.rows(approval)] == [B]
    replies = [each.text for each in world.repository.comments.values() if each.text.startswith("<!-- rigline answers")]
    assert len(replies) == len({each.partition("\n")[0] for each in replies})
    assert any("nonsense" in each for each in replies)
    assert len([each for each in world.comments(1) if each not in replies]) <= 1
    assert len([each for each in world.comments(2) if each not in replies]) <= 1
