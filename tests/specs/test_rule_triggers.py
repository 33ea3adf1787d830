"""Which rules an event asks for: by paths, labels and drafts; and what a newer head ends."""

import pytest

from app.db.queries import jobs
from app.handlers import policy
from app.states import JobState
from integrations.fake.repository import FakeRepository
from integrations.forge import Permission
from tests.specs.ruling import BASE, A, B, C, pull, push, rules, targets
from tests.specs.world import MAINTAINER, OUTSIDER


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    return world


async def test_paths_choose_and_without_knowing_them_the_rule_runs(world):
    rules(world, '[[on]]\nevent = ["push", "pull_request"]\npaths = ["src/**", "!**/*.md"]')
    world.repository.grow(A, BASE, files={"docs/a.md": b"", "src/b.md": b""})
    world.repository.grow(B, A, files={"src/main.c": b""})

    await world.receive(push(world, A, before=BASE))
    await world.receive(push(world, B, before=A))
    await world.receive(pull(world, head=A))
    assert [each.commit for each in await world.pipelines()] == [B]

    world.forges.fail(404, path="compare")
    await world.receive(push(world, C, before="e" * 40))
    assert [each.commit for each in await world.pipelines()] == [B, C]


async def test_pushes_at_once_ask_once_for_the_rules_and_a_push_that_moves_them_counts_at_once(world, monkeypatch):
    monkeypatch.setattr(policy, "HEAD_S", 3600)
    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "pi4" }')
    await world.receive(push(world, A))
    world.forges.fail(500, path="git/ref/heads/main")
    await world.receive(push(world, B))
    assert await targets(world, B) == ["pi4 fast", "pi4 safe"]
    world.forges.failures.clear()

    rules(world, '[[on]]\nevent = "push"\nfilter = { boards = "nucleo" }', commit="e" * 40)
    await world.receive(push(world, "e" * 40, ref="refs/heads/main"))
    await world.receive(push(world, C))
    assert await targets(world, C) == ["nucleo fast", "nucleo safe"]


LABEL = """
[[on]]
name = "bench"
event = "label"
labels = ["Run benchmarks on HW"]
remove_label = true
"""


async def test_a_label_runs_its_rule_each_time_it_is_set_and_is_taken_off_again(world):
    rules(world, LABEL)
    world.repository.labels[5] = ["Run benchmarks on HW", "bug"]
    await world.receive(pull(world))
    assert await world.pipelines() == []

    for _ in range(2):
        await world.receive(pull(world, "labeled", label="Run benchmarks on HW"))
    await world.receive(pull(world, "labeled", label="bug"))

    assert [each.commit for each in await world.pipelines()] == [A, A]
    assert world.repository.labels[5] == ["bug"]
    assert list(world.forges.latest(A)) == ["rigline/bench"]


async def test_a_label_set_by_somebody_who_may_not_write_runs_nothing(world):
    rules(world, LABEL)
    world.forges.grant(world.repository.id, "triager", Permission.READ)

    await world.receive(pull(world, "labeled", label="Run benchmarks on HW", sender="triager"))

    assert await world.pipelines() == []
    assert "may not write" in (await world.verdicts())[0]


async def test_a_label_is_no_trust_unless_the_rules_say_so(world):
    fork = world.forges.add(FakeRepository(99, "stranger/firmware"))
    given = {"author": OUTSIDER, "sender": MAINTAINER, "fork": fork}
    rules(world, LABEL)
    await world.receive(pull(world, "labeled", label="Run benchmarks on HW", **given))
    assert {state for state, _ in await world.job_states(A)} == {"awaiting_approval"}

    rules(world, '[trust]\napprove_labels = ["ok"]\n' + LABEL, commit=C)
    await world.receive(pull(world, "labeled", label="ok", **given))
    assert {state for state, _ in await world.job_states(A)} == {"queued"}
    [opened] = await world.pipelines()
    assert opened.trust == f"approved by {MAINTAINER}"


async def test_a_pull_request_rule_may_ask_for_a_label_or_take_drafts(world):
    rules(world, '[[on]]\nevent = "pull_request"\ndrafts = true\nlabels = ["hw"]')
    await world.receive(pull(world, draft=True))
    assert await world.pipelines() == []

    await world.receive(pull(world, "synchronize", B, before=A, draft=True, labels=("hw",)))
    assert [each.commit for each in await world.pipelines()] == [B]


@pytest.mark.parametrize(
    ("how", "states"),
    [("none", ["running", "queued"]), ("waiting", ["running", "cancelled"]), ("all", ["stopping", "cancelled"])],
)
async def test_a_rule_says_what_a_newer_head_of_a_pull_request_ends(world, how, states):
    rules(world, f'[[on]]\nevent = "pull_request"\nfilter = {{ boards = "pi4" }}\nsupersede = "{how}"')
    await world.receive(pull(world, updated_at="2026-01-31T12:00:00Z"))
    held, _ = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        for each in (JobState.LEASED, JobState.RUNNING):
            await jobs.move(db, held.id, each, epoch=1)

    await world.receive(pull(world, "synchronize", B, before=A, updated_at="2026-01-31T12:00:01Z"))

    rows = await world.rows(world.tables.job)
    found = ["stopping" if each.cancel_requested_at else each.state.value for each in rows[:2]]
    assert found == states
    assert {each.state for each in rows[2:]} == {"queued"}


async def test_pushes_supersede_only_if_the_rules_say_so_and_by_where_the_branch_is_now(world):
    await world.receive(push(world, A))
    await world.receive(push(world, B, before=A))
    assert {state for state, _ in await world.job_states(A)} == {"queued"}

    rules(world, '[[on]]\nevent = "push"\nsupersede = "waiting"')
    world.repository.grow(C, B, branch="topic")
    await world.receive(push(world, C, before=B))
    await world.receive(push(world, B, before=A))  # late: the branch is at C
    assert {state for state, _ in await world.job_states(A)} == {"cancelled"}
    assert {state for state, _ in await world.job_states(C)} == {"queued"}
