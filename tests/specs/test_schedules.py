"""Rules that go by the clock: found by themselves, seen to once, and caught up once."""

import asyncio
import datetime

import pytest
import sqlalchemy as sa

from app.db.tables import repository, schedule
from app.handlers import schedule as schedules
from integrations.fake import deliveries
from tests.specs.world import MAINTAINER, SECRET

A, B, BASE = "a" * 40, "b" * 39 + "0", "d" * 40
NIGHTLY = """
[[on]]
name = "night"
schedule = "30 2 * * *"
zone = "Europe/Berlin"
kind = "build"
branches = ["main", "next"]
"""


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def rules(world, text, *, commit=BASE):
    world.repository.grow(commit, branch="main", files={".rigline.toml": text.encode()})


async def pushed(world, text, commit=BASE):
    """Push rules to the default branch."""
    rules(world, text, commit=commit)
    by = world.person(MAINTAINER)
    await world.receive(deliveries.github_push(world.repository, commit, SECRET, ref="refs/heads/main", sender=by))


async def make_due(world, **late):
    """Move every schedule into the past."""
    async with world.deps.begin() as db:
        await db.execute(sa.update(schedule).values(next_at=sa.func.now() - datetime.timedelta(**late)))


async def scheduled(world):
    return [(each.commit, each.branch) for each in await world.pipelines() if each.trigger == "schedule"]


async def test_a_push_to_the_default_branch_brings_its_schedules(world):
    await pushed(world, NIGHTLY)
    [row] = await world.rows(schedule)
    assert (row.rule, row.cron, row.zone, row.last_at) == ("night", "30 2 * * *", "Europe/Berlin", None)
    local = row.next_at.astimezone(datetime.UTC)
    assert local > datetime.datetime.now(datetime.UTC)
    assert local.minute == 30

    await pushed(world, NIGHTLY.replace("30 2", "45 2"), A)
    assert [(each.cron, each.next_at.minute) for each in await world.rows(schedule)] == [("45 2 * * *", 45)]
    await pushed(world, "on = []", B)
    assert await world.rows(schedule) == []


async def test_a_repository_that_was_only_registered_has_its_schedules_too(world):
    rules(world, NIGHTLY)

    await schedules.run_due(world.deps)

    assert [each.rule for each in await world.rows(schedule)] == ["night"]
    before = len(world.forges.calls)
    await schedules.run_due(world.deps)
    assert len(world.forges.calls) == before  # not looked at again


async def test_what_is_due_runs_on_the_head_of_each_of_its_branches(world):
    await pushed(world, NIGHTLY)
    world.repository.branches["next"] = A
    await make_due(world, minutes=1)

    await schedules.run_due(world.deps)
    await world.send()

    assert await scheduled(world) == [(BASE, "main"), (A, "next")]
    night = (await world.rows(world.tables.pipeline))[-1]
    assert (night.rule, night.kind, night.trust) == ("night", "build", "scheduled by rule night")
    assert [each.priority for each in await world.rows(world.tables.job)][-1] == "nightly"
    assert world.shown(A, "rigline/night").state == "pending"
    [row] = await world.rows(schedule)
    assert row.last_at is not None
    assert row.next_at > row.last_at


async def test_several_workers_see_to_a_schedule_once(world):
    await pushed(world, NIGHTLY.replace('["main", "next"]', '"main"'))
    await make_due(world, minutes=1)

    await asyncio.gather(*(schedules.run_due(world.deps) for _ in range(4)))

    assert await scheduled(world) == [(BASE, "main")]


async def test_each_night_is_measured_also_if_nothing_was_pushed(world):
    await pushed(world, NIGHTLY)
    for late in (100, 1):
        await make_due(world, minutes=late)
        await schedules.run_due(world.deps)

    assert await scheduled(world) == [(BASE, "main")] * 2


async def test_many_missed_nights_are_caught_up_once(world):
    await pushed(world, NIGHTLY)
    await make_due(world, days=9)

    for _ in range(3):
        await schedules.run_due(world.deps)

    assert await scheduled(world) == [(BASE, "main")]


async def test_a_rule_may_forgo_what_was_missed(world):
    await pushed(world, NIGHTLY + "catch_up = false")
    await make_due(world, hours=1)
    await schedules.run_due(world.deps)
    assert await scheduled(world) == []
    [row] = await world.rows(schedule)
    assert row.next_at > datetime.datetime.now(datetime.UTC)

    await make_due(world, minutes=5)
    await schedules.run_due(world.deps)
    assert await scheduled(world) == [(BASE, "main")]


async def test_the_rules_of_today_decide_also_if_their_push_was_never_heard_of(world):
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    rules(world, "on = []", commit=A)

    await schedules.run_due(world.deps)

    assert await scheduled(world) == []
    assert await world.rows(schedule) == []


async def test_a_schedule_waits_for_a_forge_that_is_down(world):
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    world.forges.fail(502, times=20)
    await schedules.run_due(world.deps)
    assert await scheduled(world) == []

    world.forges.failures.clear()
    await schedules.run_due(world.deps)
    assert await scheduled(world) == [(BASE, "main")]


async def test_rules_that_broke_since_are_shown_when_the_schedule_is_due(world):
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    rules(world, NIGHTLY.replace("kind", "kin"), commit=A)

    await schedules.run_due(world.deps)

    [broken] = await world.pipelines(commit=A)
    assert broken.error == ".rigline.toml:6: unknown key 'kin' in [[on]]; did you mean 'kind'?"


async def test_a_repository_that_is_no_longer_served_runs_nothing(world):
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    async with world.deps.begin() as db:
        await db.execute(sa.update(repository).values(removed_at=sa.func.now()))

    assert await schedules.run_due(world.deps) == 0
    assert await scheduled(world) == []


async def test_on_another_branch_the_clock_runs_what_that_branch_says_itself(world):
    own = '[[on]]\nname = "night"\nevent = "push"\nkind = "run"\nrepeat = 4'
    world.repository.grow(A, branch="next", files={".rigline.toml": own.encode()})
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    await schedules.run_due(world.deps)

    rows = {each.branch: each for each in await world.rows(world.tables.pipeline) if each.trigger == "schedule"}
    assert (rows["main"].kind, rows["main"].repeat) == ("build", 1)
    assert (rows["next"].commit, rows["next"].kind, rows["next"].repeat) == (A, "run", 4)


@pytest.mark.parametrize("own", [None, '[[on]]\nevent = "push"'])
async def test_a_branch_that_does_not_know_the_rule_runs_what_the_default_branch_says(world, own):
    world.repository.grow(A, branch="next", files={".rigline.toml": own.encode()} if own else {})
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    await schedules.run_due(world.deps)

    [row] = [each for each in await world.rows(world.tables.pipeline) if each.branch == "next"]
    assert (row.rule, row.kind, row.error) == ("night", "build", None)


async def test_rules_of_another_branch_that_cannot_be_used_are_said_there_and_nowhere_else(world):
    world.repository.grow(A, branch="next", files={".rigline.toml": b"[[on]]\nevent = 'push'\nevnt = 1"})
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    await schedules.run_due(world.deps)

    rows = {each.branch: each for each in await world.rows(world.tables.pipeline) if each.trigger == "schedule"}
    assert rows["next"].error.startswith(".rigline.toml:3: unknown key 'evnt'")
    assert rows["main"].error is None


async def test_what_the_forge_refuses_is_passed_over_with_an_alert_until_the_clock_can_run_it(world):
    await pushed(world, NIGHTLY)
    await make_due(world, minutes=1)
    world.repository.grow(A, branch="next")
    world.forges.fail(403, path="/git/ref/heads/next", message="Resource not accessible")
    await schedules.run_due(world.deps)

    assert await scheduled(world) == [(BASE, "main")]
    assert [each.next_at > datetime.datetime.now(datetime.UTC) for each in await world.rows(schedule)] == [True]
    [raised] = await world.rows(world.tables.alert)
    assert (raised.kind, raised.subject, raised.resolved_at) == ("schedule_refused", "acme/firmware: night", None)

    await make_due(world, minutes=1)
    await schedules.run_due(world.deps)
    assert (A, "next") in await scheduled(world)
    assert (await world.rows(world.tables.alert))[0].resolved_at is not None
