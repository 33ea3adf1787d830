"""What webhooks did not bring is found by looking, once, and is trusted no more than what they bring."""

import datetime
import json

import pytest
import sqlalchemy as sa

from app.db.tables import alert, delivery, repository
from app.tasks import reconcile
from app.tasks.reconcile import Done
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.repository import FakeRepository
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C, D, E, F = (each * 40 for each in "abcdef")
both = pytest.mark.parametrize("forge", ["github", "gitlab"])


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def hosted(world, forge):
    return world.repository if forge == "github" else world.project


async def round_(world):
    done = await reconcile.reconcile(world.deps)
    await world.settle()
    return done


async def age(world, **interval):
    """Make it so that the repositories have been served for a while."""
    async with world.deps.begin() as db:
        past = sa.func.now() - datetime.timedelta(**interval)
        await db.execute(sa.update(repository).values(added_at=past))


@both
async def test_four_branches_that_no_hook_spoke_of_are_found_within_a_round(world, forge):
    found = hosted(world, forge)
    for commit, branch in ((A, "main"), (B, "one"), (C, "two"), (D, "gh-readonly-queue/main/pr-1"), (E, "three")):
        found.grow(commit, branch=branch)
    first, second = await round_(world), await round_(world)

    assert (first, second) == (Done(found=4), Done())
    assert sorted((each.commit, each.branch) for each in await world.pipelines()) == [
        (A, "main"),
        (B, "one"),
        (C, "two"),
        (E, "three"),
    ]
    assert world.shown(B).state == "pending"
    assert {each.kind for each in await world.rows(delivery)} == {"reconcile"}


async def test_what_lay_there_before_the_repository_was_served_is_left_alone(world):
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    world.repository.grow(A, branch="old", made_at=past)
    world.repository.grow(B, branch="older", made_at=past)
    first = await round_(world)
    asked = len([call for call in world.forges.calls if "/git/commits/" in call.path])
    await round_(world)

    assert (first, await world.pipelines()) == (Done(), [])
    assert len([call for call in world.forges.calls if "/git/commits/" in call.path]) == asked == 2


async def test_a_branch_that_was_measured_is_followed_to_an_old_commit_too(world):
    await world.receive(deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER)))
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    world.repository.grow(B, branch="main", made_at=past)
    await round_(world)

    assert [each.commit for each in await world.pipelines()] == [A, B]


@both
async def test_the_hook_that_comes_late_makes_no_second_pipeline(world, forge):
    found = hosted(world, forge)
    found.grow(A, branch="main")
    await round_(world)
    push = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    await world.receive(push(found, A, SECRET, sender=world.person(MAINTAINER)))

    assert len(await world.pipelines()) == 1


@both
async def test_a_pull_request_of_the_repository_is_found_and_one_of_a_fork_awaits_approval(world, forge):
    found = hosted(world, forge)
    fork = FakeRepository(99, "outsider/firmware")
    for commit in (A, B):
        found.grow(commit)
    found.pulls[1] = Pull(number=1, head=A, branch="topic", author=world.person(MAINTAINER))
    found.pulls[2] = Pull(number=2, head=B, branch="topic", author=world.person(MAINTAINER), fork=fork)
    await round_(world)

    states = {each.pull_request: each.state for each in await world.pipelines()}
    assert states == {1: "queued", 2: "awaiting_approval"}


async def test_a_head_that_moved_without_a_word_awaits_approval_whoever_wrote_the_pull_request(world):
    fork = FakeRepository(99, "maintainer/firmware")
    opened = Pull(number=2, head=A, branch="topic", author=world.person(MAINTAINER), fork=fork)
    await world.receive(deliveries.github_pull_request(world.repository, "opened", opened, SECRET))
    world.repository.grow(B)
    world.repository.pulls[2] = Pull(number=2, head=B, branch="topic", author=world.person(MAINTAINER), fork=fork)
    await round_(world)

    assert [(each.commit, each.state) for each in await world.pipelines()] == [
        (A, "cancelled"),
        (B, "awaiting_approval"),
    ]


async def test_a_pull_request_that_was_closed_without_a_word_loses_what_waits(world):
    pull = Pull(number=2, head=A, branch="topic", author=world.person(MAINTAINER))
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))
    world.repository.pulls[2] = pull
    world.repository.closed.add(2)
    first, second = await round_(world), await round_(world)

    assert (first.found, second.found) == (1, 0)
    assert [state for state, _ in await world.job_states(A)] == ["cancelled"]


async def test_a_pull_request_that_the_forge_does_not_show_is_left_as_it_is(world):
    pull = Pull(number=2, head=A, branch="topic", author=world.person(OUTSIDER))
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))

    assert await round_(world) == Done()


@both
async def test_failed_deliveries_are_asked_for_again_unless_they_came(world, forge):
    found = hosted(world, forge)
    facts = await world.deps.forges[forge].repository(found.full_name)
    hook = await world.deps.forges[forge].create_webhook(facts, "https://rigline.example/webhooks/x", SECRET)
    async with world.deps.begin() as db:
        await db.execute(sa.update(repository).where(repository.c.forge == forge).values(hook_id=hook))
    push = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    await world.receive(push(found, A, SECRET, sender=world.person(MAINTAINER), key="came"))
    found.hooks[hook].deliveries += [
        {"id": 1, "guid": "came", "event": "push", "status_code": 504},
        {"id": 2, "guid": "lost", "event": "push", "status_code": 502},
        {"id": 3, "guid": "lost", "event": "push", "status_code": 502},
    ]
    done = await round_(world)

    assert done == Done(redelivered=1)
    assert len(found.hooks[hook].asked_again) == 1


@both
async def test_after_an_outage_each_delivery_that_failed_is_brought_again_and_handled_once(world, forge):
    found = hosted(world, forge)
    facts = await world.deps.forges[forge].repository(found.full_name)
    hook = await world.deps.forges[forge].create_webhook(facts, "https://rigline.example/webhooks/x", SECRET)
    async with world.deps.begin() as db:
        await db.execute(sa.update(repository).where(repository.c.forge == forge).values(hook_id=hook))
    send, by = deliveries.github_push if forge == "github" else deliveries.gitlab_push, world.person(MAINTAINER)
    lost = {
        number: send(found, commit, SECRET, sender=by, ref=f"refs/heads/{number}", key=f"key-{number}")
        for number, commit in enumerate((A, B, C), 1)
    }
    found.hooks[hook].deliveries += [
        {"id": number, "guid": f"key-{number}", "event": "push", "status_code": 502, "age_s": 7200} for number in lost
    ]

    assert await round_(world) == Done(redelivered=3)
    for number in found.hooks[hook].asked_again * 2:  # the forge brings what was asked for, and once more
        await world.deliver(lost[number])
    await world.settle()
    assert sorted(each.commit for each in await world.pipelines()) == [A, B, C]
    assert len(await world.rows(delivery)) == 3


async def test_a_forge_that_does_not_answer_keeps_no_other_waiting(world):
    world.repository.grow(A, branch="main")
    world.project.grow(B, branch="main")
    world.forges.fail(502, times=9, path="/github/")
    first = await round_(world)
    world.forges.failures.clear()
    second = await round_(world)

    assert (first, second) == (Done(found=1), Done(found=1))


@pytest.mark.parametrize(("status", "alerts"), [(401, 1), (403, 1), (502, 0)])
async def test_a_forge_that_does_not_let_us_in_is_an_alert_until_it_does(world, status, alerts):
    world.forges.fail(status, times=9, path="/github/")
    await round_(world)
    raised = await world.rows(alert)
    world.forges.failures.clear()
    await round_(world)

    assert [(each.kind, each.subject, each.resolved_at) for each in raised] == [
        ("forge_refuses", "github acme/firmware", None)
    ] * alerts
    assert all(each.resolved_at for each in await world.rows(alert))


async def test_two_workers_take_turns(world):
    world.repository.grow(A, branch="main")
    async with world.deps.alone(reconcile.LOCK) as mine:
        assert mine
        assert await reconcile.reconcile(world.deps) == Done()
    await reconcile.in_turn(world.deps)
    calls = len(world.forges.calls)
    await reconcile.in_turn(world.deps)

    assert len(world.forges.calls) == calls > 0


async def test_nobody_outside_can_send_what_we_write_to_ourselves(world):
    body = json.dumps({"repository": {"id": world.repository.id}, "found": "push", "event": {"commit": A}})
    forged = deliveries.github("reconcile", body.encode(), SECRET)
    await world.receive(forged)

    assert await world.pipelines() == []
    assert (await world.verdicts())[-1].startswith("nothing to do for this kind of event")
    assert await world.rows(alert) == []
