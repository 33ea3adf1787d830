"""Attacks on trust: code of a stranger that wants to run without anybody having looked at it."""

import pytest

from app.handlers.approval import approve
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Person, Pull
from integrations.forge import Permission
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C = "a" * 40, "b" * 40, "c" * 40
FORK = FakeRepository(999, "stranger/firmware")


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    world.forges.account(OUTSIDER)
    return world


def pulled(world, action="opened", head=A, *, author=OUTSIDER, sender=None, before=None, second=0, **more):
    at = f"2026-01-31T12:{second // 60:02}:{second % 60:02}Z"
    pull = Pull(number=5, head=head, branch="x", author=world.person(author), fork=FORK, updated_at=at, **more)
    who = sender if isinstance(sender, Person) else world.person(sender or author)
    return deliveries.github_pull_request(world.repository, action, pull, SECRET, sender=who, before=before)


async def states(world, commit):
    return [state for state, _ in await world.job_states(commit)]


async def test_s15_an_approval_is_for_one_commit_and_the_next_push_waits_again(world):

    await world.receive(pulled(world))
    [pipeline] = await world.pipelines()
    await approve(world.deps, pipeline.repository_id, A, "olivia")
    await world.receive(pulled(world, "synchronize", B, before=A, second=1))

    assert await states(world, B) == [JobState.AWAITING_APPROVAL]


async def test_s16_who_pushes_to_the_fork_of_a_trusted_author_is_not_trusted_for_that(world):
    await world.receive(pulled(world, author=MAINTAINER))
    await world.receive(pulled(world, "synchronize", B, author=MAINTAINER, sender=OUTSIDER, before=A, second=1))

    assert await states(world, B) == [JobState.AWAITING_APPROVAL]


async def test_s17_a_maintainers_update_branch_promotes_nothing(world):
    await world.receive(pulled(world))
    await world.receive(pulled(world, "synchronize", B, sender=MAINTAINER, before=A, second=1))

    assert await states(world, B) == [JobState.AWAITING_APPROVAL]


@pytest.mark.parametrize("action", ["labeled", "ready_for_review", "reopened", "edited"])
async def test_s17_nor_does_any_other_mark_a_maintainer_sets(world, action):
    await world.receive(pulled(world, author=MAINTAINER, sender=OUTSIDER))
    made = pulled(world, action, author=MAINTAINER, second=1)
    await world.receive(made)

    assert await states(world, A) == [JobState.AWAITING_APPROVAL]


async def test_s19_a_name_registered_anew_is_another_account(world):
    impostor = Person(id=424242, name=MAINTAINER)
    pull = Pull(number=5, head=A, branch="x", author=impostor, fork=FORK)
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))

    assert await states(world, A) == [JobState.AWAITING_APPROVAL]


async def test_s20_a_fork_that_is_gone_is_a_fork(world):
    await world.receive(pulled(world, fork_is_gone=True))

    assert await states(world, A) == [JobState.AWAITING_APPROVAL]


async def test_s22_while_the_forge_does_not_say_who_may_write_nothing_runs_and_it_is_asked_again(world):
    world.forges.fail(500, path="/collaborators/", times=50)
    await world.receive(pulled(world, author=MAINTAINER))

    assert await states(world, A) == [JobState.AWAITING_APPROVAL]
    assert "waits for the forge" in (await world.verdicts())[0]


async def test_s39_a_label_of_somebody_who_may_only_sort_runs_nothing(world):
    world.forges.grant(world.repository.id, "sorter", Permission.READ)
    pull = Pull(number=5, head=A, branch="x", author=world.person(OUTSIDER), fork=FORK, labels=("run",))
    made = deliveries.github_pull_request(
        world.repository, "labeled", pull, SECRET, sender=world.person("sorter"), label="run"
    )
    await world.receive(made)

    assert await world.pipelines() == []


async def test_s41_a_commit_that_asks_to_be_skipped_is_never_green(world):
    await world.receive(pulled(world, title="[skip ci] let me in"))

    assert await states(world, A) == [JobState.AWAITING_APPROVAL]
    assert world.posted(A) == ["pending"]


async def test_s42_a_flood_of_pushes_leaves_at_most_one_waiting_pipeline_and_takes_on_thirty_commits(world, campaign):
    heads = [f"{number:040x}" for number in range(1, 61 if campaign == 1 else 201)]
    before = None
    for second, head in enumerate(heads):
        await world.deliver(pulled(world, "synchronize" if before else "opened", head, before=before, second=second))
        before = head
    await world.settle()

    found = await world.pipelines(limit=500)
    assert [each.commit for each in found if each.counts] == heads[:30]
    assert [each for each in found if each.state == "awaiting_approval"] == []
    assert (world.shown(heads[-1]).state, world.shown(heads[-1]).description) == (
        "error",
        "Nothing was run: its author brought 30 commits within an hour, the most without a maintainer's approval",
    )
    assert len(world.comments(5)) == 1
    [about] = {each.repository_id for each in found}
    await approve(world.deps, about, heads[-1], "olivia")
    await world.settle()
    assert await states(world, heads[-1]) == [JobState.QUEUED]
