"""Whatever a forge does on the way, it ends with what the rows say: one state per name, one comment per request."""

import random

import pytest
import sqlalchemy as sa

from app.db.queries import conversations, jobs, pipelines, statuses
from app.db.tables import conversation, job, status
from app.forges import from_settings
from app.reporting import comments, wording
from app.reporting import statuses as sender
from app.states import ENDED, JobState, sources
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from tests.specs.world import MAINTAINER, SECRET

STEPS = 25
NUMBERS = (7, 8)
FAULTS = ("502", "429", "403", "lost", "died")


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4")
    return world


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_a_forge_that_fails_in_every_way_ends_with_what_the_rows_say(world, forge, seed):
    chance = random.Random(seed)
    for number in NUMBERS:
        await world.deliver(opened(world, forge, number))
    await world.work()
    for _ in range(STEPS):
        await something_moves(world, chance)
        await misbehave(world, chance, chance.choice(FAULTS))
        await send_now(world)
        world.forges.failures.clear()
        world.forges.gate = None
        await restart(world)
    await end_all(world)
    for _ in range(3):
        await send_now(world)

    await assert_told(world, world.repository if forge == "github" else world.project)


def opened(world, forge, number):
    pull = Pull(number=number, head=f"{number}a" * 20, branch=f"topic-{number}", author=world.person(MAINTAINER))
    if forge == "github":
        return deliveries.github_pull_request(world.repository, "opened", pull, SECRET)
    return deliveries.gitlab_merge_request(world.project, "open", pull, SECRET)


async def something_moves(world, chance):
    async with world.deps.begin() as db:
        row = chance.choice((await db.execute(sa.select(job).where(job.c.replaced.is_(False)))).all())
        if row.state in ENDED:
            await jobs.retry(db, row.id, actor="olivia")
            return
        new = chance.choice([each for each in JobState if row.state in sources(each)])
        held = {"epoch": row.epoch + 1} if new is JobState.LEASED else {}
        await jobs.move(db, row.id, new, reason=chance.choice([None, "exit 2"]), **held)


async def misbehave(world, chance, fault):
    path = chance.choice(["/statuses/", "s", "notes", "comments"])
    if fault == "lost":

        async def lose(method, _path):
            if method in ("POST", "PATCH", "PUT") and chance.random() < 0.5:
                raise ConnectionError

        world.forges.gate = lose
    elif fault == "died":
        async with world.deps.begin() as db:
            await statuses.claim_due(db, 1)
            await conversations.claim_due(db, 1)
    elif fault == "502":
        world.forges.fail(502, times=chance.randint(1, 3), path=path)
    else:
        world.forges.fail(int(fault), times=1, path=path, retry_after="1")


async def restart(world):
    """Begin with new clients, as a process that was restarted does: it knows of no silence it was asked for."""
    for name, fresh in from_settings(world.deps.settings).items():
        await world.deps.forges[name].close()
        world.deps.forges[name] = fresh


async def end_all(world):
    async with world.deps.begin() as db:
        for row in (await db.execute(sa.select(job).where(job.c.ended_at.is_(None)))).all():
            for state in (JobState.LEASED, JobState.RUNNING, JobState.FAILED):
                held = {"epoch": row.epoch + 1} if state is JobState.LEASED else {}
                await jobs.move(db, row.id, state, reason="exit 2" if state is JobState.FAILED else None, **held)


async def send_now(world):
    for outbox, send in ((status, sender.send_due), (conversation, comments.send_due)):
        async with world.deps.begin() as db:
            long_ago = {"next_at": sa.func.now(), "claimed_until": None}
            more = {"sent_at": sa.func.now() - sa.text("interval '1 min'")} if outbox is status else {}
            await db.execute(sa.update(outbox).values(**long_ago, **more))
        await send(world.deps)


async def assert_told(world, repository):
    views = await world.pipelines()
    assert len(views) == len(NUMBERS)
    for view in views:
        async with world.deps.begin() as db:
            reason = await pipelines.reason(db, view.id)
        facts = wording.Facts(state=view.state, counts=view.counts, reason=reason, commit=view.commit)
        assert world.shown(view.commit).description == wording.description(facts)
        texts = world.comments(view.pull_request, repository)
        assert len(texts) <= 1, texts
        if view.state is not JobState.CANCELLED:
            assert wording.description(facts).partition(":")[0] in texts[0]
    assert all(row.sent_version == row.version for row in await world.outbox())
    assert all(row.sent_version == row.version for row in await world.rows(conversation))
