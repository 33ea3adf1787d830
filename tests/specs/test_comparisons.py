"""Pull requests held against their base by turns: when a rule or a person asks, and a builder can."""

import pytest

from tests.specs.ruling import BASE, A, C, pull, push, rules
from tests.specs.talk import B, Talk

RULE = '[[on]]\nname = "speed"\nevent = {events}\ncompare = "merge-base"\ncompare_budget = "10m"'


@pytest.fixture
async def lab(world):
    """Offer two boards of builders that can take turns; `main` went on since the pull request left it."""
    await world.offer("nucleo", "pi4", compares=True)
    world.repository.grow(BASE, branch="main")
    world.repository.grow(A, BASE, branch="faster")
    world.repository.grow(C, BASE, branch="main")
    return world


def says(world, text):
    world.repository.grow(C, BASE, branch="main", files={".rigline.toml": text.encode()})


async def compared(world):
    return [
        (row.commit, row.compare_with, row.interleaved, row.budget_s) for row in await world.rows(world.tables.pipeline)
    ]


async def test_a_rule_runs_a_pull_request_by_turns_with_the_commit_where_it_left_its_base(lab):
    says(lab, RULE.format(events='"pull_request"'))

    await lab.receive(pull(lab))

    assert await compared(lab) == [(A, BASE, True, 600.0)]
    assert list(lab.forges.latest(A)) == ["rigline/speed"]
    [opened] = (await lab.http.get("/api/v1/pipelines")).json()["items"]
    assert (opened["interleaved"], opened["compare_why"]) == (True, "merge base with main")
    assert "merge base with main, by turns on each board" in (await lab.http.get(f"/pipelines/{opened['id']}")).text


async def test_without_a_rule_a_pull_request_costs_one_run_and_is_held_against_what_is_known(lab):
    await lab.receive(pull(lab))

    assert await compared(lab) == [(A, BASE, False, None)]


async def test_a_rule_for_pushes_too_measures_the_commit_and_compares_it_in_work_of_its_own(lab):
    says(lab, RULE.format(events='["push", "pull_request"]'))

    await lab.receive(push(lab, ref="refs/heads/faster"))
    await lab.receive(pull(lab))
    await lab.receive(pull(lab))

    assert await compared(lab) == [(A, None, False, None), (A, BASE, True, 600.0)]
    assert sorted(lab.forges.latest(A)) == ["rigline/speed", "rigline/speed:compare"]


async def test_a_rule_makes_do_with_what_is_known_where_one_of_its_boards_cannot_take_turns(lab):
    await lab.offer("old")
    says(lab, RULE.format(events='"pull_request"'))

    await lab.receive(pull(lab))

    assert await compared(lab) == [(A, BASE, False, 600.0)]


async def test_where_no_turns_can_be_taken_a_commit_that_a_push_measured_is_not_measured_again(lab):
    await lab.offer("old")
    says(lab, RULE.format(events='["push", "pull_request"]'))

    await lab.receive(push(lab, ref="refs/heads/faster"))
    await lab.receive(pull(lab))

    assert await compared(lab) == [(A, BASE, False, None)]
    assert list(lab.forges.latest(A)) == ["rigline/speed"]


async def test_a_pull_request_without_a_commit_of_its_own_is_no_comparison(lab):
    lab.repository.grow(A, branch="main")
    rules(lab, RULE.format(events='"pull_request"'), commit=A)

    await lab.receive(pull(lab))

    assert [row[2] for row in await compared(lab)] == [False]


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_compare_queues_one_job_for_each_target_that_builds_both_commits(world, forge):
    await world.offer("pi4", compares=True)
    talk = Talk(world, forge)
    talk.home.grow(B, branch="main")
    talk.home.grow("a" * 40, B)

    replies = await talk.say("/rig compare repeat=20")

    [opened] = await talk.pipelines()
    assert (opened.commit, opened.compare_with, opened.interleaved) == ("a" * 40, B, True)
    assert (opened.repeat, opened.compare_why) == (10, "merge base with main")  # ten runs in a turn are enough
    assert await talk.targets(opened.id) == [("pi4", "fast")]
    assert replies == [f"Comparing `aaaaaaaaaa` with `{B[:10]}` (merge base with `main`)."]
