"""What else happens to pull requests: drafts, another base, labels; and what may not make trusted what was not."""

import itertools

import pytest

from app.db.tables import pull_request
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Pull
from integrations.forge import Permission
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B, C = "a" * 40, "b" * 40, "c" * 40
FORK = FakeRepository(999, "stranger/firmware")


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def at(second):
    return f"2026-01-31T12:00:{second:02}Z"


def pulled(world, action, head=A, *, second=0, author=MAINTAINER, sender=None, before=None, label=None, **more):
    changes = more.pop("changes", None)
    made = Pull(
        **{"number": 5, "head": head, "branch": "faster", "author": world.person(author), "updated_at": at(second)},
        **more,
    )
    who = world.person(sender) if sender else None
    return deliveries.github_pull_request(
        world.repository, action, made, SECRET, sender=who, before=before, label=label, changes=changes
    )


async def test_another_base_is_known_and_starts_nothing_twice(world):
    await world.receive(pulled(world, "opened"))
    moved = pulled(world, "edited", second=1, base="release/2.x", changes={"base": {"ref": {"from": "main"}}})
    await world.receive(moved)

    [row] = await _pulls(world)
    assert row.base_branch == "release/2.x"
    assert await world.job_states(A) == [("queued", "")]
    assert len(await world.pipelines()) == 1


async def test_an_edited_title_is_noise_and_an_edited_base_is_not(world):
    await world.receive(pulled(world, "opened"))
    await world.receive(pulled(world, "edited", second=1, base="other", changes={"title": {"from": "x"}}))

    [row] = await _pulls(world)
    assert row.base_branch == "main"
    assert (await world.verdicts())[-1] == "nothing to do for this kind of event: pull_request"


async def test_another_base_of_a_merge_request_is_known_too(world):
    made = Pull(number=5, head=A, branch="faster", author=world.person(MAINTAINER), updated_at=at(0))
    await world.receive(deliveries.gitlab_merge_request(world.project, "open", made, SECRET))
    made = Pull(number=5, head=A, branch="x", author=world.person(MAINTAINER), base="stable", updated_at=at(1))
    changes = {"target_branch": {"previous": "main", "current": "stable"}}
    await world.receive(deliveries.gitlab_merge_request(world.project, "update", made, SECRET, changes=changes))

    [row] = await _pulls(world)
    assert row.base_branch == "stable"
    assert len(await world.pipelines()) == 1


async def test_a_label_that_nobody_asked_for_runs_nothing(world):
    world.forges.grant(world.repository.id, "sorter", Permission.READ)
    await world.receive(pulled(world, "labeled", label="benchmark", labels=("benchmark",), sender="sorter"))
    await world.receive(pulled(world, "labeled", second=1, label="benchmark", labels=("benchmark",)))

    assert await world.verdicts() == [
        "nothing to do for the label benchmark: sorter may not write",
        "nothing to do for the label benchmark",
    ]
    assert await world.pipelines() == []


MARKS = ["ready_for_review", "reopened", "edited"]


@pytest.mark.parametrize("action", MARKS)
async def test_no_mark_of_a_maintainer_promotes_a_head_that_a_stranger_brought(world, action):
    """The author may write, and so may who sets the mark; who pushed the head to the fork may not."""
    world.forges.account(OUTSIDER)
    await world.receive(pulled(world, "opened", fork=FORK))
    await world.receive(pulled(world, "synchronize", B, second=1, before=A, fork=FORK, sender=OUTSIDER))
    assert await world.job_states(B) == [("awaiting_approval", "")]

    changes = {"base": {"ref": {"from": "main"}}} if action == "edited" else None
    await world.receive(pulled(world, action, B, second=2, fork=FORK, sender=MAINTAINER, changes=changes))

    assert await world.job_states(B) == [("awaiting_approval", "")]


async def test_a_draft_from_the_fork_of_somebody_who_may_write_runs_once_it_is_ready(world):
    await world.receive(pulled(world, "opened", fork=FORK, draft=True))
    assert await world.pipelines() == []

    await world.receive(pulled(world, "ready_for_review", second=1, fork=FORK))

    assert await world.job_states(A) == [("queued", "")]


async def test_a_mark_before_the_head_was_heard_of_waits_until_it_was(world):
    await world.receive(pulled(world, "ready_for_review", second=1, fork=FORK))
    assert await world.job_states(A) == [("awaiting_approval", "")]

    await world.receive(pulled(world, "opened", fork=FORK, draft=True))

    assert [state for state, _ in await world.job_states(A)] == ["queued"]


ORDERS = list(itertools.permutations(range(5)))[::7]


@pytest.mark.parametrize("order", ORDERS)
async def test_the_events_of_a_pull_request_end_the_same_in_any_order(world, order):
    story = [
        pulled(world, "opened", A, second=0),
        pulled(world, "synchronize", B, second=1, before=A),
        pulled(world, "converted_to_draft", B, second=2, draft=True),
        pulled(world, "synchronize", C, second=3, before=B, draft=True),
        pulled(world, "ready_for_review", C, second=4),
    ]
    for each in order:
        await world.receive(story[each])

    [row] = await _pulls(world)
    assert (row.head, row.draft, row.open) == (C, False, True)
    assert await world.job_states(C) == [("queued", "")]
    for old in (A, B):
        assert {state for state, _ in await world.job_states(old)} <= {"cancelled"}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
async def test_a_closed_pull_request_has_nothing_waiting_in_any_order(world, order):
    story = [
        pulled(world, "opened", A, second=0),
        pulled(world, "synchronize", B, second=1, before=A),
        pulled(world, "closed", B, second=2),
    ]
    for each in order:
        await world.receive(story[each])

    for head in (A, B):
        assert {state for state, _ in await world.job_states(head)} <= {"cancelled"}


async def _pulls(world):
    async with world.deps.begin() as db:
        return list(await db.execute(pull_request.select()))
