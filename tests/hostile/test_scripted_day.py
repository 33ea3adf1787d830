"""Whatever is killed in the middle of what: forge and rows agree in the end, and every command ran once."""

import asyncio
import os
import random

import httpx2
import pytest

from app.db.queries import pipelines
from app.db.tables import alert, approval, conversation, delivery, heard, job, pipeline, repository, status
from app.reporting import wording
from app.states import ENDED, JobState
from integrations.fake.world import FakeRepository
from tests.hostile.day import OURS, Day, Side, killed_asking, killed_between_deed_and_note, processes

CAMPAIGN = int(os.environ.get("RIGLINE_TEST_CAMPAIGN", "1"))
KILLS, SEED = 10 * CAMPAIGN if CAMPAIGN > 1 else 2, int(os.environ.get("RIGLINE_TEST_SEED", "1"))
GITLAB_WORDS = {"failure": "failed", "error": "failed", "cancelled": "canceled"} | {
    each: each for each in ("pending", "running", "success", "skipped")
}
WEAK = {"github": ("/reactions", "comments"), "gitlab": ("/award_emoji", "notes")}  # where answers go to
STEPS = 5  # between two kills
WHILE_WORKING = 0.8
SOON = 0.4  # seconds: a kill comes at any moment within


@pytest.fixture
async def day(world, tmp_path):
    fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    sides = [Side("github", world.repository, fork), Side("gitlab", world.project, fork)]
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
        with processes(world, tmp_path) as running:
            made = Day(world, running["web"], random.Random(SEED), http, sides)
            yield made, running


async def test_a_day_of_kills_ends_with_forge_and_rows_alike_and_each_command_carried_out_once(day):
    made, running = day
    await made.begin()
    for _ in range(KILLS):
        victim = running[made.chance.choice(["web", "worker"])]
        if made.chance.random() < WHILE_WORKING:  # else perhaps while it begins
            await victim.works()
        killed = asyncio.create_task(killed_at(victim, made.chance.uniform(0, SOON)))
        for _ in range(STEPS):
            await made.something()
        await killed
    await made.ends(lambda: pending(made.world))

    assert running["web"].births + running["worker"].births == KILLS + 2
    await assert_told(made)
    await assert_once(made)


@pytest.mark.parametrize("forge", ["github", pytest.param("gitlab", marks=pytest.mark.campaign)])
async def test_a_worker_killed_at_the_weak_points_of_a_command_carries_it_out_and_answers_it_once(day, forge):
    made, running = day
    side, reaction, comments = next(each for each in made.sides if each.forge == forge), *WEAK[forge]
    worker = running["worker"]
    made.sides = [side]
    await made.begin()
    async with killed_asking(made.world, worker, "POST", reaction):
        await made.run(side)
    await made.later()
    async with killed_between_deed_and_note(made.world, worker, "/main"):
        await made.compare(side)
    await made.later()
    async with killed_asking(made.world, worker, "POST", f"/{OURS}/{comments}"):
        await made.comment(side, "/rig nonsense", side.pulls[OURS])
    await made.ends(lambda: pending(made.world))

    assert worker.births == 4
    await assert_told(made)
    await assert_once(made)


async def killed_at(victim, moment):
    """Kill a process at a moment that nothing was chosen for, and begin it again."""
    await asyncio.sleep(moment)
    victim.kill()
    victim.start()


async def pending(world):
    """List what has not come to its end, in words."""
    found = [f"delivery {row.id}" for row in await world.rows(delivery) if row.handled_at is None]
    found += [f"comment {row.id}: {row.verdict}" for row in await world.rows(heard) if row.answered_at is None]
    for table in (status, conversation):
        rows = await world.rows(table)
        found += [f"{table.name} {row.id}" for row in rows if row.sent_version != row.version and row.closed is None]
    waits = (JobState.AWAITING_APPROVAL.value,)
    rows = await world.rows(job)
    return found + [f"job {row.id}: {row.state}" for row in rows if row.ended_at is None and row.state not in waits]


async def assert_told(day):
    """The forge shows what the rows say: each status, and one comment where there is one."""
    world = day.world
    of_gitlab = await gitlab_pipelines(world)
    for row in await world.rows(status):
        async with world.deps.begin() as db:
            view = await pipelines.get(db, row.pipeline_id)
            reason = await pipelines.reason(db, row.pipeline_id)
        facts = wording.Facts(state=view.state, counts=view.counts, error=view.error, reason=reason, commit=view.commit)
        assert row.closed is None
        assert row.sent_state == wording.status_state(JobState(view.state)).value
        assert row.sent_description == wording.description(facts)
        shown = world.shown(row.commit, row.context)
        if row.pipeline_id in of_gitlab:
            assert shown.state == GITLAB_WORDS[row.sent_state]
        if row.pipeline_id not in of_gitlab or view.state in ENDED:  # GitLab takes no new words for the same state
            assert shown.description == wording.description(facts)
    for side in day.sides:
        await assert_one_comment(world, side)


async def gitlab_pipelines(world):
    ours = next(each.id for each in await world.rows(repository) if each.forge == "gitlab")
    return {each.id for each in await world.rows(pipeline) if each.repository_id == ours}


async def assert_one_comment(world, side):
    comments = side.home.comments.values()
    marks = [(each.number, each.text.partition("\n")[0]) for each in comments]
    assert len(marks) == len(set(marks)), "a comment was written twice"
    known = {each.id: each.forge for each in await world.rows(repository)}
    for row in await world.rows(conversation):
        if known[row.repository_id] == side.forge:
            ours = [each.id for each in comments if each.number == row.pull_request and "answers" not in each.text[:30]]
            assert ours == ([row.comment_id] if row.comment_id else [])


async def assert_once(day):
    """Each delivery was taken, and each command carried out, once."""
    world = day.world
    asked = await world.rows(heard)
    assert len(asked) == day.comments
    assert all(each.done_at is not None for each in asked)
    by_command = [each for each in await world.rows(pipeline) if each.trigger == "command"]
    assert len(by_command) == day.runs
    approved = [each.commit for each in await world.rows(approval)]
    assert len(approved) == len(set(approved))
    heads = {each.head for side in day.sides for each in side.pulls.values()}
    missed = day.approvals - set(approved)
    assert set(approved) <= day.approvals
    assert missed & heads == set(), "only of a head that moved on before it was heard"
    assert len({each.commit for each in await world.rows(pipeline)}) <= day.commits
    assert await world.rows(alert) == []
