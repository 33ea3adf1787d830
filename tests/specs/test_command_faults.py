"""Commands and their answers when something goes wrong: crashes, slow forges, lost answers, hostile words."""

import asyncio

import pytest
import sqlalchemy as sa

from app.db.tables import alert, delivery, heard, job
from app.handlers.delivery import handle
from app.reporting import answers
from app.states import JobState
from app.tasks import rounds
from integrations.fake import said
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.talk import FORGES, A, C, Talk
from tests.specs.world import SECRET

RUNNING = (JobState.LEASED, JobState.RUNNING)


@pytest.fixture
async def world(world):
    await world.offer("pi4", "rock5", configurations=("fast", "slow"))
    world.fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    for each in (world.repository, world.project):
        world.forges.grant(each.id, "author", Permission.WRITE)
        world.forges.grant(each.id, "reader", Permission.READ)
    return world


@pytest.fixture(params=FORGES)
async def talk(request, world):
    return Talk(world, request.param)


async def test_while_the_forge_does_not_say_nothing_runs_and_one_reply_says_so(talk):
    path = "/collaborators/" if talk.forge == "github" else "/members/"
    talk.world.forges.fail(500, times=2, path=path)
    told = await talk.say("/rig run")
    assert await talk.pipelines() == []
    assert told[0].startswith("The forge does not answer")
    assert talk.reactions() == ["eyes"]

    for _ in range(2):
        await talk.world.deps.tasks.put("handle_delivery", (await talk.heard())[0].delivery_id)
        await talk.world.work()
        await talk.answered()

    assert len(await talk.pipelines()) == 1
    assert len(talk.replies()) == 1


async def test_a_reply_whose_end_nobody_saw_is_not_written_twice(talk):
    path = "/comments" if talk.forge == "github" else "/notes"
    await talk.world.receive(talk.delivery("/rig dance"))

    async def lose_the_answer(method, called):
        if method == "POST" and called.endswith(path):
            talk.world.forges.gate = None
            async with talk.world.deps.begin() as db:  # the process dies here, and the claim runs out
                await db.execute(sa.update(heard).values(next_at=sa.func.now()))
            raise ConnectionResetError

    talk.world.forges.gate = lose_the_answer
    for _ in range(4):
        async with talk.world.deps.begin() as db:
            await db.execute(sa.update(heard).values(next_at=sa.func.now()))
        await answers.send_due(talk.world.deps)

    assert len(talk.replies()) == 1
    assert (await talk.heard())[0].answered_at is not None


async def test_an_answer_waits_as_long_as_the_forge_asks(talk):
    talk.world.forges.fail(429, retry_after="60")
    await talk.say("/rig dance")
    before = len(talk.world.forges.calls)
    await talk.answered()

    assert len(talk.world.forges.calls) == before
    [row] = await talk.heard()
    assert row.answered_at is None


async def test_one_comment_handled_by_two_workers_at_once_is_carried_out_once(talk):
    await talk.open()
    await talk.world.move_all(A, *RUNNING, JobState.FAILED)
    await talk.world.deliver(talk.delivery("/rig retry\n/rig run boards=pi4 configs=fast\n/rig help"))
    async with talk.world.deps.begin() as db:
        waiting = await db.scalar(sa.select(sa.func.max(delivery.c.id)))
    await asyncio.gather(*(handle(waiting, talk.world.deps) for _ in range(4)))
    await talk.answered()

    assert len(await talk.pipelines()) == 1
    assert len([row for row in await talk.world.rows(job) if row.generation == 1]) == 4
    assert len(talk.replies()) == 1
    assert [row.carried_out for row in await talk.heard()] == [3]


TRIGGER = "CREATE TRIGGER dies BEFORE UPDATE ON heard FOR EACH ROW WHEN (NEW.carried_out = {}) EXECUTE FUNCTION dies()"


async def dies_once(talk, command, text):
    """Handle a comment; the database goes away at one of its commands, and the second try finds it again."""
    await talk.world.deliver(talk.delivery(text))
    async with talk.world.deps.begin() as db:
        waiting = await db.scalar(sa.select(sa.func.max(delivery.c.id)))
        raising = "BEGIN RAISE 'the database went away'; END"
        await db.execute(sa.text(f"CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS $${raising}$$"))
        await db.execute(sa.text(TRIGGER.format(command)))
    await handle(waiting, talk.world.deps)
    assert (await talk.world.verdicts())[-1].startswith("try 1: ")
    async with talk.world.deps.begin() as db:
        await db.execute(sa.text("DROP TRIGGER dies ON heard"))
        await db.execute(sa.text("DROP FUNCTION dies"))
    talk.show(head=C)  # what was read once counts for the rest too
    await handle(waiting, talk.world.deps)
    await talk.answered()


@pytest.mark.parametrize("command", [1, 2, 3])
async def test_what_was_carried_out_before_a_crash_is_not_carried_out_again_and_the_rest_is(talk, command):
    await talk.open()
    await talk.world.move_all(A, *RUNNING, JobState.FAILED)
    await dies_once(talk, command, "/rig run boards=pi4 configs=fast\n/rig retry\n/rig help")

    assert [each.commit for each in await talk.pipelines()] == [A]
    assert len([row for row in await talk.world.rows(job) if row.generation == 1]) == 4
    assert len(talk.replies()) == 1


async def test_a_cancel_before_a_crash_does_not_cancel_what_came_after_it(talk):
    await talk.say("/rig run boards=pi4 configs=fast")
    await dies_once(talk, 3, "/rig cancel\n/rig run boards=pi4 configs=slow\n/rig help")

    assert await talk.states(A) == ["cancelled", "queued"]


async def test_a_bots_comment_is_not_read(world):
    talk = Talk(world)
    bot = said.Person(id=world.forges.account("maintainer"), name="maintainer", is_bot=True)
    await world.receive(said.github_comment(talk.home, talk.pull, "/rig run", SECRET, author=bot))

    assert await talk.heard() == []


async def test_a_comment_is_acknowledged_within_five_seconds_also_while_the_forge_thinks_about_rights(talk):
    acknowledged, decided = asyncio.Event(), asyncio.Event()

    async def think(method, path):
        if method == "POST" and path.endswith(("/reactions", "/award_emoji")):
            acknowledged.set()
        if "/collaborators/" in path or "/members/" in path:
            await decided.wait()

    talk.world.forges.gate = think
    await talk.world.deliver(talk.delivery("/rig run"))
    going_round, working = asyncio.create_task(rounds.run(talk.world.deps)), asyncio.create_task(talk.world.work())
    try:
        async with asyncio.timeout(30):
            await acknowledged.wait()
        assert await talk.pipelines() == []
    finally:
        decided.set()
        await working
        going_round.cancel()

    assert len(await talk.pipelines()) == 1


HOSTILE = ["@acme/everybody", "|x|", "<img/src=x>", "\u202eexe", "a\u0000b", "](http://evil.example)", "`/rig", "**b**"]


@pytest.mark.parametrize("word", HOSTILE)
async def test_what_a_reply_quotes_is_neither_mention_nor_mark_up(talk, word):
    for line in (f"run {word}", f"run boards={word}", f"run {word}=1", word, f"help {word}"):
        for reply in await talk.say(f"/rig {line}"):
            outside = "".join(reply.replace("\\|", "").split("`")[::2])
            assert not set("@<>|*[]\u202e\0") & set(outside)
    assert await talk.pipelines() == []


async def test_a_reply_that_the_forge_refuses_is_given_up_with_an_alert_and_no_loop(talk):
    path = "/issues/9/comments" if talk.forge == "github" else "/merge_requests/9/notes"
    await talk.world.receive(talk.delivery("/rig dance"))
    talk.world.forges.fail(403, times=1 if talk.forge == "github" else 2, path=path)  # GitLab's reaction is below it
    await talk.answered()
    calls = len(talk.world.forges.calls)
    await talk.answered()

    assert len(talk.world.forges.calls) == calls
    assert [row.kind for row in await talk.world.rows(alert)] == ["comment_refused"]


async def test_a_comment_that_was_refused_stays_refused_when_it_is_brought_again(talk):
    await talk.say("/rig run", by="reader", number=5)
    talk.world.forges.grant(talk.home.id, "reader", Permission.WRITE)
    await talk.say("/rig run", by="reader", number=5)

    assert await talk.pipelines() == []
    assert (await talk.world.verdicts())[-1] == "these commands were heard before"
