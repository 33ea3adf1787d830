"""How much an outsider may ask for, over any number of pull requests; and that maintainers can always go on."""

import asyncio
import datetime

import pytest
import sqlalchemy as sa

from app.db.tables import pipeline
from app.handlers.delivery import handle
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Pull
from tests.specs.ruling import rules
from tests.specs.talk import Talk
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

FORK = FakeRepository(999, "stranger/firmware")
TEN = "Nothing was run: its author has 10 commits that wait or run, the most without a maintainer's approval"


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    world.fork = world.forges.add(FORK)
    return world


def head_of(number):
    return f"{number:040x}"


def opened(world, number, *, author=OUTSIDER, forge="github", fork=FORK, head=None, action=None, **more):
    pull = Pull(number=number, head=head or head_of(number), branch="x", author=world.person(author), fork=fork)
    if forge == "github":
        return deliveries.github_pull_request(world.repository, action or "opened", pull, SECRET, **more)
    return deliveries.gitlab_merge_request(world.project, action or "open", pull, SECRET, **more)


async def flood(world, numbers, **more):
    for number in numbers:
        await world.deliver(opened(world, number, **more))
    await world.settle()


async def states(world, numbers):
    found = {each.commit: each.state.value for each in await world.pipelines(limit=500)}
    return [found.get(head_of(number)) for number in numbers]


def limit(world, **more):
    """Serve with other settings than the default ones."""
    object.__setattr__(world.deps, "settings", world.deps.settings.model_copy(update=more))


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_beyond_so_many_at_once_an_outsiders_pull_request_runs_nothing_and_says_so(world, forge):
    await flood(world, range(1, 16), forge=forge)

    assert await states(world, range(1, 16)) == ["awaiting_approval"] * 10 + ["errored"] * 5
    assert len(await world.rows(world.tables.job)) == 10
    home = world.repository if forge == "github" else world.project
    assert [len(world.comments(number, home)) for number in range(1, 16)] == [1] * 10 + [0] * 5
    shown = world.shown(head_of(11))
    assert (shown.state, shown.description) == ("error" if forge == "github" else "failed", TEN)
    assert "commits that wait or run" in (await world.verdicts())[-1]


async def test_two_workers_at_once_count_right(world):
    await flood(world, range(1, 10))
    for number in range(10, 16):
        await world.deliver(opened(world, number))
    ids = [each.id for each in await world.rows(world.tables.delivery)][-6:]

    await asyncio.gather(*(handle(each, world.deps) for each in ids))

    assert sorted(await states(world, range(10, 16))) == ["awaiting_approval"] + ["errored"] * 5


async def test_many_authors_of_one_forks_owner_count_together(world):
    for number in range(1, 13):
        await flood(world, [number], author=f"sock-puppet-{number}")

    assert await states(world, range(10, 13)) == ["awaiting_approval", "errored", "errored"]
    assert "its fork's owner has 10 commits" in world.shown(head_of(12)).description


async def test_another_outsider_is_not_held_up(world):
    await flood(world, range(1, 12))
    await flood(world, [20], author="newcomer", fork=FakeRepository(1001, "newcomer/firmware"))

    assert await states(world, [11, 20]) == ["errored", "awaiting_approval"]


async def test_who_may_write_is_not_counted(world):
    for number in range(1, 14):
        await flood(world, [number], author=MAINTAINER)

    assert await states(world, range(1, 14)) == ["queued"] * 13


async def test_an_outsider_at_the_limit_may_still_push_to_a_pull_request_that_waits(world):
    await flood(world, range(1, 11))
    await world.receive(opened(world, 1, head=head_of(500), action="synchronize", before=head_of(1)))

    assert await states(world, [1, 500]) == ["cancelled", "awaiting_approval"]


async def test_rules_that_keep_older_heads_do_not_let_one_pull_request_grow_without_end(world):
    limit(world, outsider_commits=3)
    rules(world, '[[on]]\nevent = "pull_request"\nsupersede = "none"')
    for number in range(1, 8):
        moved = {"action": "synchronize", "before": head_of(number - 1)} if number > 1 else {}
        await world.receive(opened(world, 1, head=head_of(number), **moved))

    assert await states(world, range(1, 8)) == ["awaiting_approval"] * 4 + ["errored"] * 3


async def test_what_ended_makes_room_but_only_so_much_within_an_hour(world):
    limit(world, outsider_commits_hourly=3)
    for number in range(1, 5):
        await flood(world, [number])
        await world.receive(opened(world, number, action="closed"))
    assert await states(world, range(1, 5)) == ["cancelled", "cancelled", "cancelled", "errored"]
    assert "3 commits within an hour" in world.shown(head_of(4)).description

    async with world.deps.begin() as db:
        earlier = pipeline.c.created_at - datetime.timedelta(hours=1)
        await db.execute(sa.update(pipeline).values(created_at=earlier))
    await flood(world, [5])
    assert await states(world, [5]) == ["awaiting_approval"]


async def test_closing_and_reopening_many_brings_no_more_of_them_back_than_may_wait(world):
    limit(world, outsider_commits=2)
    for number in range(1, 5):
        await flood(world, [number])
        await world.receive(opened(world, number, action="closed"))
    await flood(world, range(1, 5), action="reopened")

    assert await states(world, range(1, 5)) == ["awaiting_approval"] * 2 + ["cancelled"] * 2


@pytest.mark.parametrize("command", ["/rig approve {}", "/rig approve {}\n/rig run"])
async def test_a_maintainers_command_runs_what_was_too_much(world, command):
    await flood(world, range(1, 12))
    talk = Talk(world, fork=True, author=OUTSIDER)
    talk.show(number=11, head=head_of(11))

    await talk.say(command.format(head_of(11)))
    await world.settle()

    states = [state for state, _ in await world.job_states(head_of(11))]
    assert states == [JobState.QUEUED] * (1 + command.count("run"))
    assert (await world.pipelines(commit=head_of(11)))[0].error is None
    assert world.shown(head_of(11)).state == "pending"


async def test_a_server_may_take_nothing_on_unseen(world):
    limit(world, outsider_commits=0)
    await flood(world, [1])

    assert await states(world, [1]) == ["errored"]
